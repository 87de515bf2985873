#include "metrics/sequential_source.h"

#include "judge/sequential/judge.h"
#include "judge/sequential/state_json.h"
#include "judge/sequential/verdict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace serin::metrics {

namespace {

namespace sequential = judge::sequential;
using sequential::Decision;

// The judge's clock: seconds since 1970.
double seconds_of(Instant at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

Instant instant_of(double seconds) {
    return Instant(Duration(std::llround(seconds * 1000)));
}

std::string number(double value) {
    return fmt::format("{:.6g}", value);
}

class SequentialExaminer : public Examiner {
public:
    SequentialExaminer(sequential::Spec spec, std::shared_ptr<statistics::FactorCache> cache)
        : cache_(std::move(cache)), judge_(std::move(spec), *cache_), state_(judge_.begin()) {}

    bool take(Side side, const RequestOutcome& outcome) override {
        // A client that left has not told how the request would have ended.
        if (outcome.status == 0 && !outcome.is_lost) return false;
        sequential::Outcome seen{
            .arm = side == Side::candidate ? sequential::Arm::canary : sequential::Arm::stable,
            .at_s = seconds_of(outcome.at),
            .failed = outcome.is_lost || outcome.status >= 500};
        if (!outcome.is_lost) seen.ms = static_cast<double>(outcome.latency_us) / 1000;
        return judge_.observe(state_, seen);
    }

    bool pass_time(Instant now) override { return judge_.advance_time(state_, seconds_of(now)); }
    void begin_stage(Instant now) override { judge_.begin_step(state_, seconds_of(now)); }

    Finding finding() const override {
        const sequential::Verdict verdict = judge_.verdict(state_);
        Finding finding{
            .standing = standing_of(verdict.decision),
            .value = std::string(to_string(verdict.decision)),
            .summary = verdict.explanation,
            .facts = facts_of(verdict),
            .has_forecast = standing_of(verdict.decision) == Finding::Standing::open,
            .seconds_to_decision = verdict.seconds_to_decision};
        const double lasted_s = state_.now_s - state_.step_started_s;
        const auto requests = static_cast<double>(verdict.metrics.front().canary.total);
        if (lasted_s > 0) finding.requests_per_second = requests / lasted_s;
        return finding;
    }

    std::optional<Instant> bad_since() const override {
        if (state_.decision != Decision::fail || !state_.ended) return std::nullopt;
        return instant_of(state_.origin_s.value_or(0) + state_.ended->at_s);
    }

    json::Object memory() const override { return print_state(state_, judge_.spec()); }

    Result<> recall(const json::Object& memory) override {
        SERIN_TRY(state_, sequential::read_state(memory, judge_.spec()));
        return {};
    }

private:
    static Finding::Standing standing_of(Decision decision) {
        if (decision == Decision::fail) return Finding::Standing::bad;
        return decision == Decision::pass ? Finding::Standing::good : Finding::Standing::open;
    }

    static std::map<std::string, std::string> facts_of(const sequential::Verdict& verdict) {
        std::map<std::string, std::string> facts = {
            {"decision", std::string(to_string(verdict.decision))},
            {"eValue", number(verdict.e_value)},
            {"failAt", number(verdict.fail_at)},
            {"pValue", number(verdict.p_value)},
            {"index", std::to_string(verdict.index)},
            {"verdict", json::print(print_verdict(verdict))}};
        if (!verdict.rule.empty()) facts["rule"] = verdict.rule;
        const sequential::MetricVerdict& first = verdict.metrics.front();
        facts["canaryRequests"] = std::to_string(first.canary.total);
        facts["stableRequests"] = std::to_string(first.stable.total);
        return facts;
    }

    std::shared_ptr<statistics::FactorCache> cache_;
    sequential::Judge judge_;
    sequential::State state_;
};

}  // namespace

SequentialSource::SequentialSource(EventLoop& loop, ReleaseRequests& requests)
    : GuardSource(loop, requests), cache_(std::make_shared<statistics::FactorCache>()) {}
SequentialSource::~SequentialSource() = default;

Result<GuardSource::Guard> SequentialSource::read(const json::Object& config) const {
    SERIN_TRY(sequential::Spec spec, sequential::parse_spec(config));
    Guard guard{.name = "judge-" + sequential::fingerprint(spec).substr(0, 10)};
    for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
        if (spec.metrics[i].subject == sequential::Subject::conversions) {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "metrics[{}].metric: business outcomes are not in what the gateway tells of a "
                    "request: judge recorded ones with `serin judge sequential`",
                    i));
        }
        guard.needs_stable = guard.needs_stable || !spec.metrics[i].bound;
    }
    if (spec.timeout_s) guard.timeout = Duration(std::llround(*spec.timeout_s * 1000));
    // A step's end is its run's; the memory is the whole release's.
    spec.timeout_s.reset();
    guard.make = [spec = std::move(spec), cache = cache_] {
        return std::make_unique<SequentialExaminer>(spec, cache);
    };
    return guard;
}

}  // namespace serin::metrics
