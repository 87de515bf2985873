#include "judging/releases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <queue>
#include <utility>

namespace serin::bench {

namespace {

namespace sequential = judge::sequential;
using sequential::TrafficSource;

// A source refers to its traffic; both belong to one release.
struct Owned {
    Owned(Traffic of, std::uint64_t seed) : traffic(std::move(of)), source(traffic, seed) {}
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;

    Traffic traffic;
    TrafficSource source;
};

sequential::Spec spec_of(const std::string& text) {
    sequential::Spec spec = *sequential::parse_spec(*json::parse(text));
    spec.timeout_s.reset();
    return spec;
}

struct Later {
    bool operator()(const Outcome& a, const Outcome& b) const { return a.at_s > b.at_s; }
};

class ClusterSource {
public:
    ClusterSource(Traffic traffic, std::uint64_t seed, const Clusters& clusters)
        : owned_(std::make_unique<Owned>(std::move(traffic), seed)),
          clusters_(clusters),
          fresh_(owned_->source.next()) {}

    Outcome next() {
        if (!again_.empty() && again_.top().at_s <= fresh_.at_s) {
            Outcome outcome = again_.top();
            again_.pop();
            return outcome;
        }
        Outcome outcome = std::exchange(fresh_, owned_->source.next());
        Dice& dice = owned_->source.dice();
        if (clusters_.has_unit) outcome.unit = dice.bits() | 1U;
        if (!outcome.failed) return outcome;
        Outcome more = outcome;
        while (!dice.hits(1 / clusters_.mean_size)) {
            more.at_s += clusters_.gap_s > 0 ? dice.waiting_time(1 / clusters_.gap_s) : 0;
            again_.push(more);
        }
        return outcome;
    }

private:
    std::unique_ptr<Owned> owned_;
    Clusters clusters_;
    Outcome fresh_;
    std::priority_queue<Outcome, std::vector<Outcome>, Later> again_;
};

double share_of(const std::vector<Ending>& endings, bool Ending::* which) {
    const auto count =
        std::ranges::count_if(endings, [&](const Ending& end) { return end.*which; });
    return 100.0 * static_cast<double>(count) / static_cast<double>(endings.size());
}

bool is_decided(const Ending& ending) {
    return ending.has_failed || ending.has_passed;
}

}  // namespace

std::vector<Ending> play(const Release& release, const MakeStream& streams, int releases) {
    statistics::FactorCache cache;
    const sequential::Judge judge(spec_of(release.spec), cache);
    std::vector<Ending> endings;
    for (int i = 0; i < releases; ++i) {
        sequential::State state = judge.begin();
        const Stream next = streams(static_cast<std::uint64_t>(i));
        std::size_t step = 0;
        Ending ending;
        while (!state.ended && !(ending.has_passed && release.ends_by_passing)) {
            const Outcome outcome = next();
            if (outcome.at_s >= release.until_s || ending.canary >= release.canary_max) break;
            ending.at_s = outcome.at_s;
            if (step < release.steps.size() && outcome.at_s >= release.steps[step]) {
                judge.begin_step(state, outcome.at_s);
                ++step;
            }
            ending.canary += outcome.arm == Arm::canary ? 1 : 0;
            judge.observe(state, outcome);
            ending.has_passed = ending.has_passed || state.passed.has_value();
        }
        ending.has_failed = state.decision == sequential::Decision::fail;
        endings.push_back(ending);
    }
    return endings;
}

Traffic::AtTime always(double value) {
    return [value](double) { return value; };
}

Traffic::AtTime rising_weight(double step_s) {
    return [step_s](double at_s) { return at_s < step_s ? 0.1 : at_s < 2 * step_s ? 0.25 : 0.5; };
}

MakeStream requests(const Traffic& traffic, std::uint64_t seed) {
    return requests(traffic, seed, {});
}

MakeStream requests(
    const Traffic& traffic,
    std::uint64_t seed,
    const std::function<void(Outcome&, Dice&)>& befall) {
    return [=](std::uint64_t number) -> Stream {
        return [befall, owned = std::make_shared<Owned>(traffic, seed + number)] {
            Outcome outcome = owned->source.next();
            if (befall) befall(outcome, owned->source.dice());
            return outcome;
        };
    };
}

MakeStream noisy_instance(const Traffic& traffic, std::uint64_t seed, double deviation) {
    return [=](std::uint64_t number) -> Stream {
        Dice dice(~seed + number);
        const double factor = std::exp(deviation * dice.normal());
        Traffic noisy = traffic;
        noisy.canary_failures = [factor, of = traffic.canary_failures](double at_s) {
            return factor * of(at_s);
        };
        return requests(noisy, seed)(number);
    };
}

MakeStream clustered(const Traffic& traffic, std::uint64_t seed, const Clusters& clusters) {
    return [=](std::uint64_t number) -> Stream {
        Traffic first = traffic;
        for (Traffic::AtTime* rate : {&first.stable_failures, &first.canary_failures}) {
            *rate = [of = *rate, size = clusters.mean_size](double at_s) {
                return of(at_s) / size;
            };
        }
        return [source = std::make_shared<ClusterSource>(first, seed + number, clusters)] {
            return source->next();
        };
    };
}

double share_failed(const std::vector<Ending>& endings) {
    return share_of(endings, &Ending::has_failed);
}

double share_passed(const std::vector<Ending>& endings) {
    return share_of(endings, &Ending::has_passed);
}

double mean_canary(const std::vector<Ending>& endings) {
    double sum = 0;
    double count = 0;
    for (const Ending& ending : endings) {
        if (!is_decided(ending)) continue;
        sum += ending.canary;
        count += 1;
    }
    return sum / count;
}

double quantile_canary(const std::vector<Ending>& endings, double share) {
    std::vector<double> canary;
    for (const Ending& ending : endings) {
        canary.push_back(
            is_decided(ending) ? ending.canary : std::numeric_limits<double>::infinity());
    }
    std::ranges::sort(canary);
    const double place = std::ceil(share * static_cast<double>(canary.size())) - 1;
    return canary[static_cast<std::size_t>(std::max(place, 0.0))];
}

}  // namespace serin::bench
