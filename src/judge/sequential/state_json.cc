#include "judge/sequential/state_json.h"

#include "judge/packed.h"

#include <optional>
#include <string>
#include <utility>

namespace serin::judge::sequential {

namespace {

using Writer = Packer;
using Reader = Unpacker;

constexpr std::int64_t version = 1;

// One walk over all fields serves both directions: A is Writer or Reader, and what it walks over is
// const or not.
template <class A, class Array>
void walk_array(A& archive, Array& values) {
    for (auto& value : values) archive.field(value);
}

// Zeros in a row are counted: most of a histogram is empty.
void walk_sparse(Writer& archive, const auto& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::size_t zeros = 0;
        while (i < values.size() && values[i] == 0) ++zeros, ++i;
        archive.number(zeros);
        if (i < values.size()) archive.number(values[i]);
    }
}
void walk_sparse(Reader& archive, auto& values) {
    values = {};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint64_t zeros = archive.number();
        if (zeros >= values.size() - i) return;
        i += zeros;
        values[i] = static_cast<std::uint32_t>(archive.number());
    }
}

template <class A>
void walk_test(A& archive, auto& test) {
    walk_array(archive, test.ln_wealth);
    archive.field(test.staked);
    archive.field(test.ln_peak);
    if constexpr (requires { test.origin; }) archive.field(test.origin);
}

template <class A>
void walk_baseline(A& archive, auto& baseline) {
    archive.field(baseline.events);
    archive.field(baseline.total);
    archive.field(baseline.at_s);
}

template <class A>
void walk_count(A& archive, auto& count) {
    archive.field(count.total);
    archive.field(count.events);
}

template <class A>
void walk_block(A& archive, auto& block) {
    archive.field(block.canary);
    archive.field(block.canary_events);
    archive.field(block.stable);
    archive.field(block.stable_events);
}

template <class A>
void walk_rate(A& archive, auto& test) {
    walk_test(archive, test.harm);
    walk_test(archive, test.safety);
    walk_test(archive, test.catastrophe);
    walk_array(archive, test.share.ln_wealth);
    archive.field(test.share.staked);
    archive.field(test.dispersion.squares);
    archive.field(test.dispersion.expected);
    archive.field(test.dispersion.variance);
    walk_baseline(archive, test.baseline);
    archive.field(test.safety_difference);
    walk_block(archive, test.pending);
    walk_block(archive, test.second);
    archive.field(test.second.stable_events_a);
    archive.field(test.opened_s);
    archive.field(test.canary_share);
}

template <class A>
void walk_bound(A& archive, auto& test) {
    walk_test(archive, test.harm);
    walk_test(archive, test.safety);
    walk_array(archive, test.stable_alarm.ln_evidence);
    walk_count(archive, test.canary_pending);
    walk_count(archive, test.stable_pending);
}

template <class A>
void walk_latency(A& archive, auto& test, std::size_t thresholds) {
    for (std::size_t i = 0; i < thresholds; ++i) {
        auto& threshold = test.thresholds[i];
        archive.field(threshold.limit_ms);
        walk_test(archive, threshold.harm);
        walk_baseline(archive, threshold.baseline);
        archive.field(threshold.canary_slow);
        archive.field(threshold.stable_slow);
    }
    for (auto& safety : test.safety) {
        walk_array(archive, safety.ln_wealth);
        archive.field(safety.ln_peak);
        archive.field(safety.canary_slow);
    }
    walk_sparse(archive, test.memory.recent);
    walk_sparse(archive, test.memory.older);
    archive.field(test.memory.recent_total);
    archive.field(test.memory.older_total);
    archive.field(test.memory.turned_s);
    archive.field(test.canary_pending);
    archive.field(test.stable_pending);
    archive.field(test.opened_s);
    archive.field(test.refreshed_s);
    archive.field(test.learnt_from);
    archive.field(test.canary_share);
}

template <class A>
void walk_metric(A& archive, auto& metric, const MetricSpec& spec) {
    for (auto* counts : {&metric.release, &metric.step}) {
        walk_count(archive, counts->canary);
        walk_count(archive, counts->stable);
    }
    archive.field(metric.value);
    if (auto* rate = std::get_if<RateState>(&metric.test)) walk_rate(archive, *rate);
    if (auto* bound = std::get_if<BoundState>(&metric.test)) walk_bound(archive, *bound);
    if (auto* latency = std::get_if<LatencyState>(&metric.test)) {
        walk_latency(archive, *latency, spec.quantile ? 1 : thresholds_max);
    }
}

template <class A>
void walk_judge(A& archive, auto& state) {
    archive.field(state.now_s);
    archive.field(state.tick_s);
    archive.field(state.started_s);
    archive.field(state.step_started_s);
    archive.field(state.later_steps);
    archive.field(state.observed);
    archive.field(state.peak);
    walk_sparse(archive, state.units);
}

json::Value print_end(const std::optional<Ended>& ended) {
    if (!ended) return nullptr;
    Writer writer;
    writer.field(ended->at_s);
    return json::Object{
        {"decision", json::string(to_string(ended->decision))},
        {"at", json::string(writer.text())},
        {"index", ended->index},
        {"catastrophe", ended->is_catastrophe}};
}

std::optional<Decision> parse_decision(const json::Value* value) {
    const auto text = json::text(value);
    for (const Decision decision :
         {Decision::go_on,
          Decision::hold,
          Decision::pass,
          Decision::fail,
          Decision::inconclusive}) {
        if (text && *text == to_string(decision)) return decision;
    }
    return std::nullopt;
}

Reader packed(const json::Value* value) {
    return Reader(json::text(value).value_or(""));
}

std::unexpected<Error> broken(std::string_view what) {
    return fail(ErrorKind::invalid, "the judge's state is damaged: " + std::string(what));
}

Result<std::optional<Ended>> read_end(const json::Value* value) {
    if (value == nullptr || value->is_null()) return std::nullopt;
    const auto decision = parse_decision(json::find(*value, "/decision"));
    const auto index = json::integer(json::find(*value, "/index"));
    const auto catastrophe = json::boolean(json::find(*value, "/catastrophe"));
    Reader reader = packed(json::find(*value, "/at"));
    Ended ended;
    reader.field(ended.at_s);
    if (!decision || !index || !catastrophe || !reader.is_complete()) return broken("its end");
    ended.decision = *decision;
    ended.index = static_cast<std::uint64_t>(*index);
    ended.is_catastrophe = *catastrophe;
    return ended;
}

}  // namespace

json::Object print_state(const State& state, const Spec& spec) {
    Writer judge;
    walk_judge(judge, state);
    if (state.origin_s) judge.field(*state.origin_s);
    json::Array metrics;
    for (std::size_t i = 0; i < state.metrics.size(); ++i) {
        Writer writer;
        walk_metric(writer, state.metrics[i], spec.metrics[i]);
        metrics.push_back(json::Object{
            {"name", json::string(spec.metrics[i].name)}, {"packed", json::string(writer.text())}});
    }
    return {
        {"version", version},
        {"spec", json::string(fingerprint(spec))},
        {"decision", json::string(to_string(state.decision))},
        {"begun", state.origin_s.has_value()},
        {"started", state.has_started},
        {"passed", print_end(state.passed)},
        {"ended", print_end(state.ended)},
        {"packed", json::string(judge.text())},
        {"metrics", std::move(metrics)}};
}

Result<State> read_state(const json::Value& value, const Spec& spec) {
    if (json::integer(json::find(value, "/version")) != version) {
        return fail(ErrorKind::invalid, "not a judge's state of this version");
    }
    if (json::text(json::find(value, "/spec")) != fingerprint(spec)) {
        return fail(ErrorKind::invalid, "the state belongs to another specification");
    }
    State state;
    const auto decision = parse_decision(json::find(value, "/decision"));
    const auto begun = json::boolean(json::find(value, "/begun"));
    const auto started = json::boolean(json::find(value, "/started"));
    const json::Array* metrics = json::array(json::find(value, "/metrics"));
    if (!decision || !begun || !started || metrics == nullptr) return broken("a field is missing");
    if (metrics->size() != spec.metrics.size()) return broken("a metric is missing");
    state.decision = *decision;
    state.has_started = *started;
    SERIN_TRY(state.passed, read_end(json::find(value, "/passed")));
    SERIN_TRY(state.ended, read_end(json::find(value, "/ended")));
    Reader judge = packed(json::find(value, "/packed"));
    walk_judge(judge, state);
    if (*begun) judge.field(state.origin_s.emplace());
    if (!judge.is_complete()) return broken("its packed part");
    for (std::size_t i = 0; i < metrics->size(); ++i) {
        MetricState& metric = state.metrics.emplace_back();
        if (spec.metrics[i].bound) {
            metric.test = BoundState{};
        } else if (spec.metrics[i].subject == Subject::latency) {
            metric.test = LatencyState{};
        }
        Reader reader = packed(json::find((*metrics)[i], "/packed"));
        walk_metric(reader, metric, spec.metrics[i]);
        if (!reader.is_complete()) return broken(spec.metrics[i].name);
    }
    return state;
}

}  // namespace serin::judge::sequential
