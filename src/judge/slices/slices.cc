#include "judge/slices/slices.h"

#include "base/utf8.h"
#include "judge/slices/path_template.h"

#include <algorithm>
#include <utility>

namespace serin::judge::slices {

namespace {

constexpr std::uint64_t block_size = 8;
// Further stable requests would say little more, and blocks of few sizes share their arithmetic.
constexpr std::uint64_t block_stable_max = 16;
constexpr double pairing_s = 60;
constexpr double half_life_s = 600;
constexpr std::size_t value_size_max = 80;
constexpr std::array<std::string_view, 3> status_classes{"4xx", "5xx", "no answer"};
enum Place : std::size_t { route, method, pod, first_header };

std::uint64_t scramble(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

void add(sequential::Count& count, bool event) {
    ++count.total;
    count.events += event ? 1 : 0;
}

}  // namespace

Slices::Slices(std::vector<Question> questions, const statistics::StakePlan& plan)
    : questions_(std::move(questions)), plan_(plan), whole_(questions_.size()) {
    dimensions_.push_back({.name = "route", .slices_max = 32, .slices = {}});
    dimensions_.push_back({.name = "method", .slices_max = 8, .slices = {}});
    dimensions_.push_back({.name = "pod", .slices_max = 16, .slices = {}});
    const bool has_failures =
        !questions_.empty() && questions_.front().subject == sequential::Subject::errors;
    if (!has_failures) return;
    for (const std::string_view name : status_classes) {
        statuses_.push_back({.value = std::string(name), .tallies = std::vector<Tally>(1)});
    }
}

void Slices::take(const Request& request, statistics::FactorCache& cache) {
    cache_ = &cache;
    move_to(request.at_s);
    const bool is_canary = request.arm == Arm::canary;
    if (is_canary && !has_started_) {
        has_started_ = true;
        started_s_ = now_s_;
    }
    if (has_started_) {
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            if (!request.events[i]) continue;
            sequential::ArmCounts& counts = whole_[i].counts;
            add(is_canary ? counts.canary : counts.stable, *request.events[i]);
        }
    }
    count_statuses(request);
    const Row row = count_dimensions(request);
    if (is_canary) keep(row, request);
}

void Slices::move_to(double at_s) {
    if (!origin_s_) origin_s_ = at_s;
    now_s_ = std::max(now_s_, at_s - *origin_s_);
}

void Slices::count_statuses(const Request& request) {
    if (statuses_.empty() || !request.events[0]) return;
    const int of = request.status / 100;
    for (std::size_t i = 0; i < statuses_.size(); ++i) {
        const bool event = i == 0 ? of == 4 : i == 1 ? of == 5 : of == 0;
        count(statuses_[i].tallies[0], 0, request, event);
    }
}

Slices::Row Slices::count_dimensions(const Request& request) {
    Row row;
    const auto count_value = [&](std::size_t place, std::string_view value) {
        if (value.empty()) return;
        Slice* slice = find(dimensions_[place], cut_utf8(value, value_size_max));
        if (slice == nullptr) return;
        count_in(*slice, request);
        row.slices[place] = slice->id;
    };
    count_value(route, PathTemplate(request.path).text());
    count_value(method, request.method);
    if (request.arm == Arm::canary) {
        count_value(pod, request.pod);
    } else {
        // A pod of the canary is compared with all of stable.
        for (Slice& slice : dimensions_[pod].slices) count_in(slice, request);
    }
    for (const auto& [name, value] : request.headers) {
        const Dimension* dimension = header_dimension(name);
        if (dimension == nullptr) continue;
        const auto place = static_cast<std::size_t>(dimension - dimensions_.data());
        count_value(place, value.empty() ? "(none)" : value);
    }
    return row;
}

Slices::Dimension* Slices::header_dimension(std::string_view name) {
    for (std::size_t i = first_header; i < dimensions_.size(); ++i) {
        const std::string_view known = dimensions_[i].name;
        if (known.substr(known.find(' ') + 1) == name) return &dimensions_[i];
    }
    if (dimensions_.size() == dimensions_max) return nullptr;
    dimensions_.push_back({.name = "header " + std::string(name), .slices_max = 16, .slices = {}});
    return &dimensions_.back();
}

std::uint64_t Slices::hash_value(std::string_view value) {
    std::uint64_t hash = 0xCBF29CE484222325ULL;
    for (const char c : value) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return hash;
}

// The slice of a value. In a full dimension the least frequent slice has to hold out against what
// is new: each new request with another value wears it down by one of its own.
Slices::Slice* Slices::find(Dimension& dimension, std::string_view value) {
    constexpr std::uint32_t hold_max = 1'000'000;
    const std::uint64_t hash = hash_value(value);
    for (Slice& slice : dimension.slices) {
        if (slice.hash != hash || slice.value != value) continue;
        if (slice.hold < hold_max) ++slice.hold;
        return &slice;
    }
    if (dimension.last_id == UINT16_MAX) return nullptr;
    if (dimension.slices.size() < dimension.slices_max) {
        dimension.slices.push_back(fresh(dimension, value, hash));
        return &dimension.slices.back();
    }
    const auto least = std::ranges::min_element(dimension.slices, {}, &Slice::hold);
    if (--least->hold > 0) return nullptr;
    *least = fresh(dimension, value, hash);
    return &*least;
}

Slices::Slice Slices::fresh(
    Dimension& dimension, std::string_view value, std::uint64_t hash) const {
    return {
        .value = std::string(value),
        .hash = hash,
        .id = ++dimension.last_id,
        .hold = 1,
        .tallies = std::vector<Tally>(questions_.size())};
}

void Slices::count_in(Slice& slice, const Request& request) {
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        if (request.events[i]) count(slice.tallies[i], i, request, *request.events[i]);
    }
}

void Slices::count(Tally& tally, std::size_t question, const Request& request, bool event) {
    if (!has_started_) {
        tally.baseline.add(event ? 1 : 0, 1, now_s_, half_life_s);
        return;
    }
    statistics::Block& pending = tally.pending;
    if (pending.canary == 0 && pending.stable == 0) tally.opened_s = now_s_;
    if (request.arm == Arm::canary) {
        add(tally.counts.canary, event);
        ++pending.canary;
        pending.canary_events += event ? 1 : 0;
        if (event != questions_[question].is_event_good() && !request.id.empty()) {
            if (tally.examples.size() == examples_max) tally.examples.erase(tally.examples.begin());
            tally.examples.emplace_back(request.id);
        }
    } else {
        add(tally.counts.stable, event);
        if (pending.stable == block_stable_max) {
            tally.baseline.add(event ? 1 : 0, 1, now_s_, half_life_s);
        } else {
            ++pending.stable;
            pending.stable_events += event ? 1 : 0;
        }
    }
    const bool has_both = pending.canary > 0 && pending.stable > 0;
    if (has_both && pending.canary + pending.stable >= block_size) close(tally, question);
}

// REQUIRES: both arms are in the pending block.
void Slices::close(Tally& tally, std::size_t question) {
    const statistics::Bets& bets = questions_[question].bets;
    const statistics::Block block = std::exchange(tally.pending, {});
    const double rate = tally.baseline.rate();
    const double due = statistics::stakes_due(plan_, later_steps_, now_s_ - started_s_);
    tally.harm.stake(due, rate, bets);
    tally.harm.add(block, statistics::to_step(rate), bets, *cache_);
    tally.baseline.add(block.stable_events, block.stable, now_s_, half_life_s);
}

void Slices::tick(Tally& tally, std::size_t question) {
    statistics::Block& pending = tally.pending;
    if (pending.canary > 0 && pending.stable > 0) {
        close(tally, question);
    } else if (pending.canary + pending.stable > 0 && now_s_ - tally.opened_s >= pairing_s) {
        tally.baseline.add(pending.stable_events, pending.stable, now_s_, half_life_s);
        pending = {};
    }
}

void Slices::pass_time(double now_s, statistics::FactorCache& cache) {
    cache_ = &cache;
    move_to(now_s);
    for (Dimension& dimension : dimensions_) {
        for (Slice& slice : dimension.slices) {
            for (std::size_t i = 0; i < slice.tallies.size(); ++i) tick(slice.tallies[i], i);
        }
    }
    for (Slice& slice : statuses_) tick(slice.tallies[0], 0);
}

void Slices::begin_step() {
    if (has_started_) ++later_steps_;
    const auto forget = [](Tally& tally) {
        tally.counts = {};
        tally.examples.clear();
    };
    for (Dimension& dimension : dimensions_) {
        for (Slice& slice : dimension.slices) std::ranges::for_each(slice.tallies, forget);
    }
    for (Slice& slice : statuses_) std::ranges::for_each(slice.tallies, forget);
    std::ranges::for_each(whole_, forget);
    events_.clear();
    next_event_ = 0;
    requests_.clear();
    canary_requests_ = 0;
}

void Slices::keep(const Row& row, const Request& request) {
    if (requests_.size() < requests_kept) {
        requests_.push_back(row);
    } else if (const auto at = scramble(canary_requests_) % (canary_requests_ + 1);
               at < requests_kept) {
        requests_[at] = row;
    }
    ++canary_requests_;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        if (!request.events[i] || *request.events[i] == questions_[i].is_event_good()) continue;
        Row event = row;
        event.question = static_cast<std::uint8_t>(i);
        if (events_.size() < events_kept) {
            events_.push_back(event);
        } else {
            events_[next_event_++ % events_kept] = event;
        }
    }
}

}  // namespace serin::judge::slices
