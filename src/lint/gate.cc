#include "lint/gate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace serin::lint {

namespace {

constexpr std::size_t measurements_max = 400;  // Of one watch; a coarser grid says as much.
constexpr std::size_t looks_max = 200;         // Early ones, of one watch.
constexpr int runs_max = 20'000;
constexpr int runs_min = 2'000;
constexpr double draws_max = 4e6;
constexpr Duration error_retry{10'000};

// splitmix64: equal on every machine, and good enough to draw counts with.
class Random {
public:
    double next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return static_cast<double>((mixed ^ (mixed >> 31U)) >> 11U) * 0x1.0p-53;
    }

private:
    std::uint64_t state_ = 20;
};

// A binomial count by its table of probabilities, ten standard deviations to each side.
class Binomial {
public:
    Binomial(std::int64_t trials, double chance) {
        const auto count = static_cast<double>(trials);
        if (trials <= 0 || chance <= 0 || chance >= 1) {
            first_ = chance >= 1 ? std::max<std::int64_t>(trials, 0) : 0;
            return;
        }
        const double mean = count * chance;
        const double spread = 10 * std::sqrt(mean * (1 - chance)) + 10;
        first_ = static_cast<std::int64_t>(std::max(0.0, std::floor(mean - spread)));
        const auto last = static_cast<std::int64_t>(std::min(count, std::ceil(mean + spread)));
        const auto start = static_cast<double>(first_);
        double share = std::exp(
            std::lgamma(count + 1) - std::lgamma(start + 1) - std::lgamma(count - start + 1) +
            start * std::log(chance) + (count - start) * std::log1p(-chance));
        double sum = 0;
        for (std::int64_t k = first_; k <= last; ++k) {
            sum += share;
            upto_.push_back(sum);
            share *= static_cast<double>(trials - k) / static_cast<double>(k + 1) * chance /
                     (1 - chance);
        }
    }

    std::int64_t draw(Random& random) const {
        if (upto_.empty()) return first_;
        const auto found = std::ranges::lower_bound(upto_, random.next() * upto_.back());
        return first_ + (found - upto_.begin());
    }

private:
    std::int64_t first_ = 0;
    std::vector<double> upto_;
};

struct Look {
    Duration at{};
    std::size_t from = 0;  // Cells of the window.
    std::size_t to = 0;
    bool is_early = false;
};

double rate_at(const std::vector<Exposure>& exposures, Duration at) {
    double rate = 0;
    for (const Exposure& one : exposures) {
        if (one.at <= at) rate = one.requests_per_second;
    }
    return rate;
}

// When a watch looks, and how far back.
struct Glance {
    Duration from{};
    Duration at{};
    bool is_early = false;
};

std::vector<Glance> glances(
    const Gate& gate, const std::vector<Exposure>& exposures, const Watch& watch) {
    std::vector<Glance> out;
    const auto add = [&](Duration at, bool is_early) {
        Duration from = gate.window ? at - *gate.window : watch.start;
        if (!gate.sees_before_watch) from = std::max(from, watch.start);
        out.push_back({.from = from, .at = at, .is_early = is_early});
    };
    Duration at = watch.start + gate.initial_delay;
    // With no request yet there is no data; the measurement is taken again soon.
    const Duration first = exposures.empty() ? at : exposures.front().at;
    if (at <= first) at = first + std::min(error_retry, gate.interval);
    std::size_t taken = 0;
    while ((!gate.count || taken < static_cast<std::size_t>(*gate.count)) &&
           (!watch.end || at <= *watch.end) && taken < measurements_max) {
        add(at, false);
        at += std::max(gate.interval, Duration(1));
        ++taken;
    }
    if (!gate.looks_early || out.empty()) return out;

    const Duration last = out.back().at;
    const double rate = rate_at(exposures, watch.start);
    if (rate <= 0) return out;
    const double apart_ms = std::max(
        1000.0 * static_cast<double>(gate.requests_min) / rate,
        static_cast<double>((last - watch.start).count()) / static_cast<double>(looks_max));
    const double span_ms = static_cast<double>((last - watch.start).count());
    for (double ms = apart_ms; ms < span_ms; ms += apart_ms) {
        add(watch.start + Duration(static_cast<std::int64_t>(ms)), true);
    }
    std::ranges::stable_sort(out, {}, &Glance::at);
    return out;
}

bool fails(const Gate& gate, std::int64_t failed, std::int64_t all) {
    const std::int64_t counted = gate.is_success_share ? all - failed : failed;
    const double value = gate.scale * (static_cast<double>(counted) / static_cast<double>(all));
    return gate.fails_below ? value <= gate.edge : value >= gate.edge;
}

// All watches cut into cells at every instant where a window, a watch or a weight begins or ends.
class Play {
public:
    Play(
        const Gate& gate,
        const std::vector<Exposure>& exposures,
        const std::vector<Watch>& watches,
        double failure_share)
        : gate_(gate) {
        std::vector<std::vector<Glance>> all;
        std::set<Duration> cuts;
        for (const Watch& watch : watches) all.push_back(glances(gate, exposures, watch));
        for (const Exposure& one : exposures) cuts.insert(one.at);
        for (const auto& watch : all) {
            for (const Glance& one : watch) {
                cuts.insert(one.from);
                cuts.insert(one.at);
            }
        }
        const std::vector<Duration> edges(cuts.begin(), cuts.end());
        double expected = 0;
        for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
            const auto seconds = std::chrono::duration<double>(edges[i + 1] - edges[i]).count();
            expected += rate_at(exposures, edges[i]) * seconds;
            // Whole requests, so that what one cell lacks the next one has.
            requests_.push_back(std::llround(std::floor(expected + 1e-6)));
            const std::int64_t here = requests_[i + 1] - requests_[i];
            failed_.push_back(&tables_.try_emplace(here, here, failure_share).first->second);
        }
        const auto cell = [&](Duration at) {
            return static_cast<std::size_t>(std::ranges::lower_bound(edges, at) - edges.begin());
        };
        for (const auto& watch : all) {
            std::vector<Look> looks;
            looks.reserve(watch.size());
            for (const Glance& one : watch) {
                looks.push_back(
                    {.at = one.at,
                     .from = cell(one.from),
                     .to = cell(one.at),
                     .is_early = one.is_early});
            }
            watches_.push_back(std::move(looks));
        }
    }

    std::size_t cells() const { return failed_.size(); }

    // When the release is stopped, if it is.
    std::optional<Duration> once(Random& random) {
        std::vector<std::int64_t> failed{0};
        failed.reserve(cells() + 1);
        for (const Binomial* cell : failed_) failed.push_back(failed.back() + cell->draw(random));
        for (const std::vector<Look>& watch : watches_) {
            std::int64_t failures = 0;
            for (const Look& look : watch) {
                const std::int64_t seen = requests_[look.to] - requests_[look.from];
                if (seen < std::max<std::int64_t>(gate_.requests_min, 1)) continue;
                if (look.is_early && failures != gate_.failure_limit) continue;
                if (!fails(gate_, failed[look.to] - failed[look.from], seen)) continue;
                if (++failures > gate_.failure_limit && gate_.failure_limit >= 0) return look.at;
            }
        }
        return std::nullopt;
    }

private:
    const Gate& gate_;
    std::map<std::int64_t, Binomial> tables_;
    std::vector<const Binomial*> failed_;    // Of each cell.
    std::vector<std::int64_t> requests_{0};  // Up to each edge.
    std::vector<std::vector<Look>> watches_;
};

}  // namespace

Odds odds_of_stopping(
    const Gate& gate,
    const std::vector<Exposure>& exposures,
    const std::vector<Watch>& watches,
    double failure_share) {
    Play play(gate, exposures, watches, failure_share);
    Random random;
    const auto cells = static_cast<double>(std::max<std::size_t>(play.cells(), 1));
    const int runs = std::clamp(static_cast<int>(draws_max / cells), runs_min, runs_max);
    Odds odds;
    int stopped = 0;
    for (int i = 0; i < runs; ++i) {
        const auto at = play.once(random);
        if (!at) continue;
        ++stopped;
        if (!odds.earliest || *at < *odds.earliest) odds.earliest = at;
    }
    odds.stopped = static_cast<double>(stopped) / runs;
    return odds;
}

}  // namespace serin::lint
