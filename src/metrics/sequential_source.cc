#include "metrics/sequential_source.h"

#include "base/digest.h"
#include "judge/sequential/business.h"
#include "judge/sequential/counters.h"
#include "judge/sequential/judge.h"
#include "judge/sequential/state_json.h"
#include "judge/sequential/verdict_json.h"
#include "judge/slices/events.h"
#include "metrics/where_worse.h"

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

// A longer time between two readings of counters is not compared: too much may have happened.
constexpr Duration gap_min{60'000};
constexpr int gap_intervals = 3;

class SequentialExaminer : public Examiner {
public:
    // `counters_every`: how often those are read that metrics are counted by; 0: there are none.
    SequentialExaminer(
        sequential::Spec spec,
        std::shared_ptr<statistics::FactorCache> cache,
        Duration counters_every)
        : cache_(std::move(cache)),
          judge_(std::move(spec), *cache_),
          state_(judge_.begin()),
          where_(judge_.spec(), cache_),
          counters_every_(counters_every),
          counters_(std::max(gap_min, gap_intervals * counters_every)),
          sees_requests_(std::ranges::any_of(judge_.spec().metrics, [](const auto& metric) {
              return metric.counted_by.empty();
          })) {}

    bool take(Side side, const RequestOutcome& outcome) override {
        if (!sees_requests_) return false;
        // A client that left has not told how the request would have ended.
        if (outcome.status == 0 && !outcome.is_lost) return false;
        sequential::Outcome seen{
            .arm = side == Side::candidate ? sequential::Arm::canary : sequential::Arm::stable,
            .at_s = seconds_of(outcome.at),
            .failed = outcome.is_lost || outcome.status >= 500};
        if (!outcome.is_lost) seen.ms = static_cast<double>(outcome.latency_us) / 1000;
        sequential::read_business_outcomes(
            judge_.spec(),
            [&](std::string_view name) { return outcome.response_headers.find(name); },
            seen);
        if (side == Side::candidate) ++canary_seen_;
        if (!state_.ended) {
            where_.take(
                side,
                outcome,
                judge::slices::events_of(where_.questions(), judge_.spec(), state_, seen));
        }
        return judge_.observe(state_, seen);
    }

    bool take_counts(const CounterReading& reading) override {
        bool has_changed = false;
        for (const CounterGrowth& growth : counters_.take(reading)) {
            const auto count = [](const ArmGrowth& arm) {
                return sequential::Count{.total = arm.total, .events = arm.events};
            };
            const sequential::Batch batch{
                .metric = growth.metric,
                .at_s = seconds_of(reading.at),
                .counts = {.canary = count(growth.canary), .stable = count(growth.stable)}};
            has_changed = judge_.observe(state_, batch) || has_changed;
        }
        return has_changed;
    }

    bool pass_time(Instant now) override {
        if (sees_requests_ && !state_.ended) where_.pass_time(now);
        return judge_.advance_time(state_, seconds_of(now));
    }
    void begin_stage(Instant now) override {
        where_.begin_stage();
        judge_.begin_step(state_, seconds_of(now));
        counters_.begin_stage();
    }

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
        if (finding.has_forecast) finding.sights = sights_of(judge_.spec(), state_);
        finding.release = Duration(std::llround(judge_.spec().plan.duration_s * 1000));
        if (counters_every_ > Duration(0)) add_counters(finding);
        if (finding.standing == Finding::Standing::open) miss_headers(verdict, finding);
        if (finding.standing != Finding::Standing::good) where_.explain(finding);
        return finding;
    }

    std::optional<Instant> bad_since() const override {
        if (state_.decision != Decision::fail || !state_.ended) return std::nullopt;
        return instant_of(state_.origin_s.value_or(0) + state_.ended->at_s);
    }

    bool compares_requests() const override { return sees_requests_; }

    // What was counted up to where belongs to what was made of it: they are kept together.
    json::Object memory() const override {
        json::Object memory = print_state(state_, judge_.spec());
        if (counters_every_ > Duration(0)) memory["counters"] = counters_.memory();
        return memory;
    }

    Result<> recall(const json::Object& memory) override {
        json::Object judged = memory;
        judged.erase("counters");
        SERIN_TRY(sequential::State state, sequential::read_state(judged, judge_.spec()));
        if (const json::Object* counters = json::object(memory.if_contains("counters")))
            SERIN_TRY_DO(counters_.recall(*counters));
        state_ = std::move(state);
        return {};
    }

    json::Object details() const override {
        return sees_requests_ ? where_.memory() : json::Object{};
    }
    Result<> recall_details(const json::Object& details, bool is_same_stage) override {
        return where_.recall(details, is_same_stage);
    }

private:
    static Finding::Standing standing_of(Decision decision) {
        if (decision == Decision::fail) return Finding::Standing::bad;
        return decision == Decision::pass ? Finding::Standing::good : Finding::Standing::open;
    }

    // A header that nobody was asked to look for looks like one that is never sent.
    void miss_headers(const sequential::Verdict& verdict, Finding& finding) const {
        constexpr std::uint64_t enough = 20;
        if (canary_seen_ < enough) return;
        for (std::size_t i = 0; i < verdict.metrics.size(); ++i) {
            const sequential::MetricSpec& spec = judge_.spec().metrics[i];
            if (spec.header.empty() || verdict.metrics[i].canary.total > 0) continue;
            finding.summary += fmt::format(
                "; {}: no answer of the canary has told anything in its header {}: does the "
                "HTTPRoute name it in serin.dev/observe-response-headers?",
                spec.name,
                spec.header);
        }
    }

    void add_counters(Finding& finding) const {
        std::string text =
            counters_.read_at() ? "read at " + format_time(*counters_.read_at()) : "not read yet";
        if (!counters_.trouble().empty()) text += ": " + counters_.trouble();
        const bool is_open = finding.standing == Finding::Standing::open;
        if (is_open && !counters_.trouble().empty())
            finding.summary += fmt::format("; counters {}", text);
        finding.facts["counters"] = std::move(text);
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
    WhereWorse where_;
    std::uint64_t canary_seen_ = 0;  // By this process.
    Duration counters_every_;
    CounterBook counters_;
    bool sees_requests_;
};

}  // namespace

SequentialSource::SequentialSource(EventLoop& loop, ReleaseRequests& requests, Providers providers)
    : GuardSource(loop, requests),
      providers_(std::move(providers)),
      cache_(std::make_shared<statistics::FactorCache>()) {}
SequentialSource::~SequentialSource() = default;

bool SequentialSource::sees_requests(const json::Object& config) {
    const auto counters = sequential::CountersConfig::read(config);
    if (!counters) return true;  // It is refused elsewhere.
    const auto spec = sequential::parse_spec(counters->judged);
    return !spec || counters->metrics.size() < spec->metrics.size();
}

Result<CounterPoll::Question> SequentialSource::question(
    const sequential::CounterQuery& query) const {
    auto found = providers_.find(query.provider);
    json::Object config = query.config;
    if (found == providers_.end() && query.is_plugin) {
        found = providers_.find("plugin");
        config = json::Object{{query.provider, std::move(config)}};
    }
    if (found == providers_.end()) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "{}: provider {} cannot be asked for counters", query.field, query.provider));
    }
    if (auto checked = found->second->check(config); !checked)
        return std::unexpected(std::move(checked).error().within(query.field));
    return CounterPoll::Question{.source = found->second, .config = std::move(config)};
}

Result<CounterPoll::Arm> SequentialSource::arm(const sequential::CountedArm& counted) const {
    CounterPoll::Arm arm;
    SERIN_TRY(arm.total, question(counted.total));
    SERIN_TRY(arm.events, question(counted.events));
    return arm;
}

Result<GuardSource::Guard> SequentialSource::read(const json::Object& config) const {
    SERIN_TRY(const sequential::CountersConfig counters, sequential::CountersConfig::read(config));
    SERIN_TRY(sequential::Spec spec, sequential::parse_spec(counters.judged));
    Guard guard;
    for (const sequential::CountedMetric& counted : counters.metrics) {
        CounterPoll::Metric metric{
            .index = counted.index,
            .counts_the_rest = counted.canary.counts_the_rest,
            .canary = {},
            .stable = std::nullopt};
        SERIN_TRY(metric.canary, arm(counted.canary));
        if (counted.stable) {
            SERIN_TRY(metric.stable, arm(*counted.stable));
            if (counted.stable->counts_the_rest != counted.canary.counts_the_rest) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format("metrics[{}].stable: count the same of both arms", counted.index));
            }
        }
        guard.counters.push_back(std::move(metric));
        // Other counters, another memory.
        const json::Value* asked = json::find(config, fmt::format("/metrics/{}", counted.index));
        spec.metrics[counted.index].counted_by =
            sha256_hex(json::print_canonical(*asked)).substr(0, 12);
    }
    for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
        const sequential::MetricSpec& metric = spec.metrics[i];
        const bool is_told = !metric.header.empty() || !metric.counted_by.empty();
        if (metric.subject == sequential::Subject::conversions && !is_told) {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "metrics[{}].header: missing: the header of the answer that tells the business "
                    "outcome (the HTTPRoute names it in serin.dev/observe-response-headers), or "
                    "give counters of them",
                    i));
        }
        guard.needs_stable = guard.needs_stable || !metric.bound;
    }
    guard.name = "judge-" + sequential::fingerprint(spec).substr(0, 10);
    if (spec.timeout_s) guard.timeout = Duration(std::llround(*spec.timeout_s * 1000));
    // A step's end is its run's; the memory is the whole release's.
    spec.timeout_s.reset();
    if (!guard.counters.empty()) guard.counters_interval = counters.interval;
    guard.make = [spec = std::move(spec), cache = cache_, every = guard.counters_interval] {
        return std::make_unique<SequentialExaminer>(spec, cache, every);
    };
    return guard;
}

}  // namespace serin::metrics
