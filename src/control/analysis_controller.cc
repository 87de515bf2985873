#include "control/analysis_controller.h"

#include "base/check.h"
#include "control/analysis_status.h"
#include "control/plugin_source.h"
#include "control/status_write.h"
#include "judge/conditions.h"
#include "manifest/argo/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace serin::control {

using judge::Phase;

// What belongs to a run while it is measured and is not worth keeping: measurements in flight, and
// instants more exact than the status has them.
struct AnalysisController::Live {
    struct Flight {
        std::unique_ptr<MetricSource::Measurement> handle;
        bool is_early = false;
        Instant started_at;
        std::shared_ptr<const AnalysisArguments> arguments;  // That it was asked with.
        bool is_over = false;  // Looked early and saw nothing to keep.
    };
    ObjectKey key;
    std::string uid;
    bool is_in_turn = false;
    std::optional<Instant> started_at;
    std::map<std::string, Instant> finished_at;
    std::map<std::string, Flight> flights;
    std::map<std::string, judge::Measurement> finished;  // To be recorded.
    std::map<std::string, std::map<std::string, std::string>> metric_metadata;
    std::map<std::string, std::unique_ptr<MetricSource::Measurement>> watches;
    std::set<std::string> news;
    std::map<std::string, std::string> warned;  // Of metrics; each is told once.
};

struct AnalysisController::Turn {
    const Object& run;
    AnalysisArguments arguments;
    AnalysisSpec spec;
    judge::RunState state;
    Live& live;
    Instant now;
    std::set<std::string> recorded;  // Metrics whose finished measurement is in `state`.
    std::vector<judge::Ended> ended;
};

namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";

bool is_same_second(Instant exact, std::optional<Instant> written) {
    return written && std::chrono::floor<std::chrono::seconds>(exact) ==
                          std::chrono::floor<std::chrono::seconds>(*written);
}

Phase phase_of(MetricSample::Judgement judgement) {
    using enum MetricSample::Judgement;
    switch (judgement) {
        case successful:
            return Phase::successful;
        case failed:
            return Phase::failed;
        case inconclusive:
            return Phase::inconclusive;
    }
    return Phase::error;
}

// As statuses and events may show them.
std::map<std::string, std::string> shown(
    std::map<std::string, std::string> facts, const AnalysisArguments& arguments) {
    for (auto& [name, text] : facts) text = arguments.redact(std::move(text));
    return facts;
}

judge::Measurement judge_sample(
    const judge::Conditions& conditions,
    const AnalysisArguments& arguments,
    const Result<MetricSample>& sample,
    Instant now) {
    judge::Measurement measurement{.finished_at = now};
    if (!sample) {
        measurement.phase = Phase::error;
        measurement.message = arguments.redact(sample.error().message);
        return measurement;
    }
    measurement.value = arguments.redact(sample->value);
    for (const auto& [name, text] : sample->metadata)
        measurement.metadata[name] = arguments.redact(text);
    if (!sample->no_data_reason.empty()) {
        measurement.phase = Phase::inconclusive;
        measurement.message = arguments.redact(sample->no_data_reason);
        return measurement;
    }
    if (sample->judgement) {
        measurement.phase = phase_of(*sample->judgement);
        measurement.message = arguments.redact(sample->summary);
        return measurement;
    }
    const judge::Verdict verdict = judge::assess_value(conditions, sample->result, now);
    measurement.phase = verdict.phase;
    if (verdict.phase == Phase::error) {
        measurement.message = arguments.redact(verdict.reason);
    } else if (verdict.phase != Phase::successful) {
        // It ends the run's message, and so tells the numbers wherever an abort is told.
        measurement.message = arguments.redact(sample->summary);
    }
    if (verdict.phase != Phase::error && !verdict.reason.empty()) {
        measurement.metadata["verdict"] = arguments.redact(verdict.reason);
    }
    return measurement;
}

// Whether news about the metric can matter before its next measurement is due.
bool may_look_early(const judge::MetricRule& rule, const judge::RunState& run) {
    const judge::MetricState* state = run.find(rule.name);
    return !rule.is_dry_run && state != nullptr && !judge::is_completed(state->phase) &&
           state->last() != nullptr && judge::is_one_failure_from_failing(rule, *state);
}

}  // namespace

AnalysisController::AnalysisController(
    const Clock& clock, ObjectStore& store, EventRecorder& events, MetricSources sources)
    : clock_(clock), store_(store), events_(events), sources_(std::move(sources)) {}
AnalysisController::~AnalysisController() = default;

std::vector<Trigger> AnalysisController::triggers() const {
    return {on_change_of(types::analysis_run())};
}

Result<CallAgain> AnalysisController::reconcile(const ObjectKey& key) {
    const auto run = store_.get(key);
    if (!run && run.error().kind != ErrorKind::not_found) return std::unexpected(run.error());
    if (!run || run->is_being_deleted()) {
        live_.erase(key);
        return CallAgain();
    }
    judge::RunState state = read_analysis_status(*run);
    if (judge::is_completed(state.phase)) {
        live_.erase(key);
        return clean_up(*run, state);
    }
    return measure_run(key, *run, std::move(state));
}

Result<CallAgain> AnalysisController::clean_up(const Object& run, const judge::RunState& state) {
    const auto at = judge::delete_at(read_time_to_live(run), state);
    if (!at) return CallAgain();
    const Instant now = clock_.now();
    if (now < *at) return CallAgain(*at - now);
    const auto removed = store_.remove(run.key(), {.uid = std::string(run.uid())});
    if (!removed && removed.error().kind != ErrorKind::not_found)
        return std::unexpected(removed.error());
    return CallAgain();
}

AnalysisController::Live& AnalysisController::live_of(const ObjectKey& key, const Object& run) {
    std::shared_ptr<Live>& live = live_[key];
    if (live == nullptr || live->uid != run.uid()) {
        live = std::make_shared<Live>();
        live->key = key;
        live->uid = run.uid();
    }
    return *live;
}

Result<AnalysisSpec> AnalysisController::read_spec(
    const Object& run, const AnalysisArguments& arguments) const {
    SERIN_TRY(AnalysisSpec spec, AnalysisSpec::read(run, arguments));
    for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
        ProviderSpec& provider = spec.metrics[i].provider;
        if (provider.is_plugin && !sources_.contains(provider.name)) {
            // A program that somebody registered: one source asks them all.
            json::Object named{{provider.name, std::move(provider.config)}};
            provider = {.name = std::string(PluginSource::provider), .config = std::move(named)};
        }
        const std::string place = fmt::format("Analysis spec invalid: metrics[{}]", i);
        const auto source = sources_.find(provider.name);
        if (source == sources_.end()) {
            return fail(
                ErrorKind::invalid,
                fmt::format("{}: provider {} is not supported", place, provider.name));
        }
        if (arguments.has_secrets()) continue;
        if (auto checked = source->second->check(provider.config); !checked) {
            return std::unexpected(std::move(checked).error().within(provider.name).within(place));
        }
    }
    return spec;
}

// One turn: take in what has been measured, judge, measure what is due, judge that, write.
Result<CallAgain> AnalysisController::measure_run(
    const ObjectKey& key, const Object& run, judge::RunState state) {
    auto arguments = AnalysisArguments::read(run);
    if (!arguments) {
        return refuse_run(
            run,
            std::move(state),
            std::move(arguments).error().within("Unable to resolve metric arguments"));
    }
    auto spec = read_spec(run, *arguments);
    if (!spec) return refuse_run(run, std::move(state), spec.error());

    Live& live = live_of(key, run);
    const std::shared_ptr<Live> keep = live_[key];
    Turn turn{
        .run = run,
        .arguments = *std::move(arguments),
        .spec = *std::move(spec),
        .state = std::move(state),
        .live = live,
        .now = clock_.now()};
    if (live.started_at && is_same_second(*live.started_at, turn.state.started_at))
        turn.state.started_at = live.started_at;
    for (judge::MetricState& metric : turn.state.metrics) {
        const auto exact = live.finished_at.find(metric.name);
        if (exact == live.finished_at.end() || metric.measurements.empty()) continue;
        auto& written = metric.measurements.back().finished_at;
        if (is_same_second(exact->second, written)) written = exact->second;
    }

    live.is_in_turn = true;
    const auto advanced = advance(turn);
    live.is_in_turn = false;
    if (!advanced) {
        return refuse_run(
            run,
            std::move(turn.state),
            Error(advanced.error()).within("Unable to resolve metric arguments"));
    }
    SERIN_TRY_DO(write(turn));
    if (judge::is_completed(turn.state.phase)) {
        live_.erase(key);
        return clean_up(run, turn.state);
    }
    return prepare_wait(turn);
}

// Nothing can be measured: the run ends, and as Argo has it without a time of completion.
Result<CallAgain> AnalysisController::refuse_run(
    const Object& run, judge::RunState state, const Error& error) {
    if (const auto live = live_.find(run.key()); live != live_.end()) {
        for (auto& [metric, flight] : live->second->flights) {
            if (flight.handle) flight.handle->terminate();
        }
        live_.erase(live);
    }
    state.phase = Phase::error;
    state.message = error.message;
    Object written = run;
    written.put("/status", write_analysis_status(run, {}, state));
    SERIN_TRY_DO(store_.update(std::move(written), Part::status));
    report_end(run, state.phase);
    return CallAgain();
}

// Fails only where a measurement cannot even be asked for.
Result<> AnalysisController::advance(Turn& turn) {
    std::erase_if(turn.live.flights, [](const auto& flight) { return flight.second.is_over; });
    take_finished(turn);
    show_progress(turn);
    assess(turn);
    const std::set<std::string> news = std::exchange(turn.live.news, {});
    for (const judge::Due& due : judge::due_measurements(turn.spec.rule, turn.state)) {
        const auto rule =
            std::ranges::find(turn.spec.rule.metrics, due.metric, &judge::MetricRule::name);
        const auto flight = turn.live.flights.find(due.metric);
        const bool is_due = due.at <= turn.now;
        if (flight != turn.live.flights.end() && !(is_due && flight->second.is_early)) continue;
        if (is_due) {
            SERIN_TRY_DO(measure(turn, *rule, false));
        } else if (news.contains(due.metric) && may_look_early(*rule, turn.state)) {
            SERIN_TRY_DO(measure(turn, *rule, true));
        }
    }
    take_finished(turn);
    assess(turn);
    return {};
}

// Results stay with the run until they are written, so that a failed write loses none.
void AnalysisController::take_finished(Turn& turn) {
    for (const auto& [metric, measurement] : turn.live.finished) {
        turn.live.flights.erase(metric);
        turn.live.watches.erase(metric);
        if (turn.spec.find(metric) == nullptr || !turn.recorded.insert(metric).second) continue;
        judge::MetricState& state = turn.state.state_of(metric);
        if (judge::is_completed(state.phase)) continue;
        judge::record(state, measurement);
        for (const auto& [name, text] : turn.live.metric_metadata[metric])
            state.metadata[name] = text;
    }
}

// What measurements in flight have to show so far; also that they have begun, where that could not
// be written when they did.
void AnalysisController::show_progress(Turn& turn) {
    for (const auto& [metric, flight] : turn.live.flights) {
        if (flight.is_early || !flight.handle || turn.spec.find(metric) == nullptr) continue;
        const auto facts = shown(flight.handle->metadata(), *flight.arguments);
        const judge::MetricState* known = turn.state.find(metric);
        const bool is_begun = known && known->last() && !known->last()->finished_at;
        if (!is_begun && (facts.empty() || (known && judge::is_completed(known->phase)))) continue;
        auto& measurements = turn.state.state_of(metric).measurements;
        if (!is_begun)
            measurements.push_back({.phase = Phase::running, .started_at = flight.started_at});
        measurements.back().metadata = facts;  // What is no longer said is no longer so.
        warn(turn, metric, facts);
    }
}

// What a judge cannot judge is worth an event, once; its numbers go on in the status.
void AnalysisController::warn(
    Turn& turn, const std::string& metric, const std::map<std::string, std::string>& facts) {
    for (const char* fact : {"warning", "plan"}) {
        const auto found = facts.find(fact);
        if (found == facts.end()) continue;
        if (!turn.live.warned.emplace(metric + "/" + fact, found->second).second) continue;
        events_.record(
            turn.run,
            EventType::warning,
            "AnalysisWarning",
            fmt::format("Metric '{}': {}", metric, found->second));
    }
}

void AnalysisController::assess(Turn& turn) {
    if (judge::is_terminating(turn.spec.rule, turn.state)) terminate_lasting(turn);
    auto ended = judge::assess_run(turn.spec.rule, turn.state, turn.now);
    std::ranges::move(ended, std::back_inserter(turn.ended));
    // A metric that has just ended badly takes its siblings with it.
    if (judge::is_completed(turn.state.phase)) terminate_lasting(turn);
    for (const judge::MetricRule& rule : turn.spec.rule.metrics) {
        if (turn.state.find(rule.name) == nullptr) continue;
        judge::MetricState& state = turn.state.state_of(rule.name);
        std::vector<judge::Measurement> former = state.measurements;
        former.resize(judge::trim(rule, state));
        const auto source = sources_.find(turn.spec.find(rule.name)->provider.name);
        for (const judge::Measurement& gone : former)
            source->second->forget(turn.run.ns(), gone.metadata);
    }
}

// What a measurement in flight has started in the world ends with the run.
void AnalysisController::terminate_lasting(Turn& turn) {
    for (const judge::MetricRule& rule : turn.spec.rule.metrics) {
        if (turn.state.find(rule.name) == nullptr) continue;
        judge::MetricState& state = turn.state.state_of(rule.name);
        if (state.last() == nullptr || state.last()->finished_at) continue;
        judge::Measurement measurement = *state.last();
        measurement.phase = Phase::inconclusive;
        measurement.message = "Metric Terminated";
        const auto flight = turn.live.flights.find(rule.name);
        if (flight != turn.live.flights.end() && flight->second.handle) {
            if (const auto said = flight->second.handle->last_word()) {
                const auto started_at = measurement.started_at;
                measurement = judge_sample(
                    turn.spec.find(rule.name)->conditions,
                    *flight->second.arguments,
                    *said,
                    turn.now);
                measurement.started_at = started_at;
            }
            flight->second.handle->terminate();
            turn.live.flights.erase(flight);
        } else {
            // Of a process that is no more.
            const auto source = sources_.find(turn.spec.find(rule.name)->provider.name);
            source->second->forget(turn.run.ns(), measurement.metadata);
        }
        measurement.finished_at = turn.now;
        measurement.resume_at.reset();
        judge::record(state, std::move(measurement));
    }
}

Result<> AnalysisController::measure(Turn& turn, const judge::MetricRule& rule, bool is_early) {
    auto arguments = std::make_shared<AnalysisArguments>(turn.arguments);
    if (arguments->has_secrets()) {
        SERIN_TRY(*arguments, AnalysisArguments::read_with_secrets(turn.run, store_));
    }
    SERIN_TRY(MetricQuery query, query_for(turn, rule, *arguments));
    query.is_early = is_early;
    const auto source = sources_.find(query.provider);
    SERIN_CHECK(source != sources_.end());

    const std::weak_ptr<Live> live = live_[turn.live.key];
    // One that lasts was begun, perhaps by a process that is no more.
    const judge::MetricState* former = turn.state.find(rule.name);
    const judge::Measurement* begun = former == nullptr ? nullptr : former->last();
    if (begun != nullptr && begun->finished_at) begun = nullptr;
    const Instant started_at = begun == nullptr ? turn.now : begun->started_at.value_or(turn.now);
    const judge::Conditions conditions = turn.spec.find(rule.name)->conditions;
    turn.live.flights[rule.name] = {
        .handle = nullptr, .is_early = is_early, .started_at = started_at, .arguments = arguments};
    auto handle = source->second->measure(
        std::move(query),
        [this, live, started_at, is_early, conditions, arguments, metric = rule.name](
            const Result<MetricSample>& sample) {
            judge::Measurement measurement =
                judge_sample(conditions, *arguments, sample, clock_.now());
            measurement.started_at = started_at;
            if (is_early) measurement.metadata["early"] = "true";
            if (const auto run = live.lock(); run && sample) {
                for (const auto& [name, text] : sample->metric_metadata)
                    run->metric_metadata[metric][name] = arguments->redact(text);
            }
            finish(live, metric, std::move(measurement));
        });
    const auto flight = turn.live.flights.find(rule.name);
    if (flight != turn.live.flights.end()) {
        if (handle && begun == nullptr && !is_early && !turn.live.finished.contains(rule.name)) {
            if (auto metadata = shown(handle->metadata(), *arguments); !metadata.empty()) {
                turn.state.state_of(rule.name).measurements.push_back(
                    {.phase = Phase::running,
                     .started_at = started_at,
                     .metadata = std::move(metadata)});
            }
        }
        if (handle && !is_early) {
            handle->report([this, live] {
                if (const auto run = live.lock()) request_(run->key);
            });
        }
        flight->second.handle = std::move(handle);
    }
    std::erase_if(turn.live.flights, [](const auto& one) { return one.second.is_over; });
    return {};
}

void AnalysisController::finish(
    const std::weak_ptr<Live>& weak, const std::string& metric, judge::Measurement measurement) {
    const auto live = weak.lock();
    if (!live) return;
    const auto flight = live->flights.find(metric);
    const bool is_early = flight != live->flights.end() && flight->second.is_early;
    if (is_early && measurement.phase != Phase::failed) {
        flight->second.is_over = true;  // The handle goes later: it may be what is calling.
        return;
    }
    live->finished.insert_or_assign(metric, std::move(measurement));
    if (!live->is_in_turn) request_(live->key);
}

// Events are told after the write, and at most once: they are news, not state.
Result<> AnalysisController::write(Turn& turn) {
    json::Object status = write_analysis_status(turn.run, turn.spec.rule, turn.state);
    SERIN_TRY_DO(write_status(store_, turn.run, std::move(status)));
    for (const std::string& metric : turn.recorded) turn.live.finished.erase(metric);
    turn.live.started_at = turn.state.started_at;
    for (const judge::MetricState& metric : turn.state.metrics) {
        if (metric.last() != nullptr && metric.last()->finished_at)
            turn.live.finished_at[metric.name] = *metric.last()->finished_at;
    }
    for (const judge::Ended& ended : turn.ended) {
        const bool is_bad = ended.phase == Phase::failed || ended.phase == Phase::error;
        events_.record(
            turn.run,
            is_bad ? EventType::warning : EventType::normal,
            fmt::format("Metric{}", judge::to_string(ended.phase)),
            fmt::format(
                "Metric '{}' Completed. Result: {}", ended.metric, judge::to_string(ended.phase)));
    }
    if (judge::is_completed(turn.state.phase)) report_end(turn.run, turn.state.phase);
    return {};
}

void AnalysisController::report_end(const Object& run, Phase phase) {
    const bool is_bad = phase == Phase::failed || phase == Phase::error;
    events_.record(
        run,
        is_bad ? EventType::warning : EventType::normal,
        fmt::format("AnalysisRun{}", judge::to_string(phase)),
        fmt::format("Analysis Completed. Result: {}", judge::to_string(phase)));
}

CallAgain AnalysisController::prepare_wait(Turn& turn) {
    CallAgain wait;
    for (const judge::Due& due : judge::due_measurements(turn.spec.rule, turn.state)) {
        const auto flight = turn.live.flights.find(due.metric);
        if (flight != turn.live.flights.end() && !flight->second.is_early) continue;
        const Duration left = std::max(due.at, turn.now) - turn.now;
        wait = std::min(wait.value_or(left), left);
        const auto rule =
            std::ranges::find(turn.spec.rule.metrics, due.metric, &judge::MetricRule::name);
        if (may_look_early(*rule, turn.state)) await_news(turn, *rule);
    }
    return wait;
}

void AnalysisController::await_news(Turn& turn, const judge::MetricRule& rule) {
    auto& watch = turn.live.watches[rule.name];
    if (watch != nullptr) return;
    auto arguments = turn.arguments;
    if (arguments.has_secrets()) {
        auto filled = AnalysisArguments::read_with_secrets(turn.run, store_);
        if (!filled) return;  // The measurement will tell.
        arguments = *std::move(filled);
    }
    const auto query = query_for(turn, rule, arguments);
    if (!query) return;
    const std::weak_ptr<Live> live = live_[turn.live.key];
    watch = sources_.find(query->provider)->second->watch(*query, [this, live, metric = rule.name] {
        const auto run = live.lock();
        if (!run) return;
        run->news.insert(metric);
        request_(run->key);
    });
}

Result<MetricQuery> AnalysisController::query_for(
    const Turn& turn, const judge::MetricRule& rule, const AnalysisArguments& arguments) const {
    MetricQuery query{
        .ns = std::string(turn.run.ns()),
        .run = std::string(turn.run.name()),
        .run_uid = std::string(turn.run.uid()),
        .metric = rule.name,
        .started = turn.state.started_at.value_or(turn.now),
        .interval = rule.interval,
        .now = turn.now};
    if (arguments.has_secrets()) {
        SERIN_TRY(const AnalysisSpec filled, AnalysisSpec::read(turn.run, arguments));
        const AnalysisMetric* metric = filled.find(rule.name);
        if (metric == nullptr) return fail(ErrorKind::invalid, "a metric is named by a secret");
        query.provider = metric->provider.name;
        query.config = metric->provider.config;
    } else {
        const AnalysisMetric* metric = turn.spec.find(rule.name);
        SERIN_CHECK(metric != nullptr);
        query.provider = metric->provider.name;
        query.config = metric->provider.config;
    }
    if (!sources_.contains(query.provider))
        return fail(ErrorKind::invalid, "a provider is named by a secret");
    if (const judge::MetricState* state = turn.state.find(rule.name); state != nullptr) {
        query.number = state->count + state->error + 1;
        for (const judge::Measurement& measurement : state->measurements) {
            if (measurement.finished_at) query.previous = measurement.finished_at;
        }
        const judge::Measurement* last = state->last();
        if (last != nullptr && !last->finished_at) query.begun = last->metadata;
    }
    fill_arms(turn.run, query);
    return query;
}

// The candidate is what the run is labelled with; the stable side is the owning Rollout's.
void AnalysisController::fill_arms(const Object& run, MetricQuery& query) const {
    query.candidate.revision = run.label(hash_label).value_or("");
    query.release = run.key();
    query.release_uid = run.uid();
    const json::Object* owner = run.controller();
    if (owner == nullptr || json::text(owner->if_contains("kind")) != types::rollout().kind) return;
    const auto rollout = store_.get(
        {.type = &types::rollout(),
         .ns = std::string(run.ns()),
         .name = std::string(json::text(owner->if_contains("name")).value_or(""))});
    if (!rollout) return;
    query.release = rollout->key();
    query.release_uid = rollout->uid();
    query.is_beside_steps = run.label(argo::label_run_kind) == argo::run_kind_background;
    query.stable.revision = rollout->text("/status/stableRS");
    if (rollout->find("/spec/strategy/canary/pingPong") != nullptr) {
        const std::string_view ping = rollout->text("/spec/strategy/canary/pingPong/pingService");
        const std::string_view pong = rollout->text("/spec/strategy/canary/pingPong/pongService");
        const bool is_ping_stable = rollout->text("/status/canary/stablePingPong") == "ping";
        query.candidate.service = is_ping_stable ? pong : ping;
        query.stable.service = is_ping_stable ? ping : pong;
    } else if (rollout->find("/spec/strategy/blueGreen") == nullptr) {
        query.candidate.service = rollout->text("/spec/strategy/canary/canaryService");
        query.stable.service = rollout->text("/spec/strategy/canary/stableService");
    } else if (run.label(argo::label_run_kind) == argo::run_kind_after_flip) {
        query.candidate.service = rollout->text("/spec/strategy/blueGreen/activeService");
    } else {
        query.candidate.service = rollout->text("/spec/strategy/blueGreen/previewService");
        query.stable.service = rollout->text("/spec/strategy/blueGreen/activeService");
    }
}

}  // namespace serin::control
