#include "control/analysis_status.h"

#include <algorithm>

namespace serin::control {

namespace {

std::string text_of(const json::Object& object, std::string_view field) {
    return std::string(json::text(object.if_contains(field)).value_or(""));
}

std::optional<Instant> time_of(const json::Object& object, std::string_view field) {
    const auto text = json::text(object.if_contains(field));
    if (!text) return std::nullopt;
    const auto at = parse_time(*text);
    return at ? std::optional(*at) : std::nullopt;
}

std::int64_t count_of(const json::Object& object, std::string_view field) {
    return json::integer(object.if_contains(field)).value_or(0);
}

std::map<std::string, std::string> texts_of(const json::Object& object, std::string_view field) {
    std::map<std::string, std::string> texts;
    if (const json::Object* members = json::object(object.if_contains(field))) {
        for (const auto& member : *members)
            texts[std::string(member.key())] = json::text(&member.value()).value_or("");
    }
    return texts;
}

judge::Phase phase_of(const json::Object& object, judge::Phase otherwise) {
    return judge::parse_phase(text_of(object, "phase")).value_or(otherwise);
}

judge::Measurement read_measurement(const json::Object& object) {
    return {
        .phase = phase_of(object, judge::Phase::running),
        .message = text_of(object, "message"),
        .started_at = time_of(object, "startedAt"),
        .finished_at = time_of(object, "finishedAt"),
        .resume_at = time_of(object, "resumeAt"),
        .value = text_of(object, "value"),
        .metadata = texts_of(object, "metadata")};
}

judge::MetricState read_metric(const json::Object& object) {
    judge::MetricState state{
        .name = text_of(object, "name"),
        .phase = phase_of(object, judge::Phase::pending),
        .message = text_of(object, "message"),
        .count = count_of(object, "count"),
        .successful = count_of(object, "successful"),
        .failed = count_of(object, "failed"),
        .inconclusive = count_of(object, "inconclusive"),
        .error = count_of(object, "error"),
        .consecutive_error = count_of(object, "consecutiveError"),
        .consecutive_success = count_of(object, "consecutiveSuccess"),
        .metadata = texts_of(object, "metadata")};
    if (const json::Array* all = json::array(object.if_contains("measurements"))) {
        for (const json::Value& measurement : *all) {
            if (const json::Object* fields = json::object(&measurement))
                state.measurements.push_back(read_measurement(*fields));
        }
    }
    return state;
}

// As Go writes fields with omitempty.
void put(json::Object& object, std::string_view field, const std::string& text) {
    if (!text.empty()) object[field] = text;
}
void put(json::Object& object, std::string_view field, std::int64_t number) {
    if (number != 0) object[field] = number;
}
void put(json::Object& object, std::string_view field, std::optional<Instant> at) {
    if (at) object[field] = format_time(*at);
}
void put(
    json::Object& object, std::string_view field, const std::map<std::string, std::string>& texts) {
    if (texts.empty()) return;
    json::Object members;
    for (const auto& [name, text] : texts) members[name] = text;
    object[field] = std::move(members);
}

json::Object write_measurement(const judge::Measurement& measurement) {
    json::Object object;
    object["phase"] = judge::to_string(measurement.phase);
    put(object, "message", measurement.message);
    put(object, "startedAt", measurement.started_at);
    put(object, "finishedAt", measurement.finished_at);
    put(object, "value", measurement.value);
    put(object, "metadata", measurement.metadata);
    put(object, "resumeAt", measurement.resume_at);
    return object;
}

json::Object write_metric(const judge::MetricState& state, bool is_dry_run) {
    json::Object object;
    object["name"] = state.name;
    object["phase"] = judge::to_string(state.phase);
    json::Array measurements;
    for (const judge::Measurement& measurement : state.measurements)
        measurements.push_back(write_measurement(measurement));
    if (!measurements.empty()) object["measurements"] = std::move(measurements);
    put(object, "message", state.message);
    put(object, "count", state.count);
    put(object, "successful", state.successful);
    put(object, "failed", state.failed);
    put(object, "inconclusive", state.inconclusive);
    put(object, "error", state.error);
    put(object, "consecutiveError", state.consecutive_error);
    put(object, "consecutiveSuccess", state.consecutive_success);
    if (is_dry_run) object["dryRun"] = true;
    put(object, "metadata", state.metadata);
    return object;
}

json::Object write_summary(const judge::Summary& summary) {
    json::Object object;
    put(object, "count", summary.count);
    put(object, "successful", summary.successful);
    put(object, "failed", summary.failed);
    put(object, "inconclusive", summary.inconclusive);
    put(object, "error", summary.error);
    return object;
}

}  // namespace

judge::RunState read_analysis_status(const Object& run) {
    judge::RunState state{
        .phase = judge::parse_phase(run.text("/status/phase")).value_or(judge::Phase::pending),
        .message = std::string(run.text("/status/message")),
        .started_at = run.time("/status/startedAt"),
        .completed_at = run.time("/status/completedAt")};
    if (const json::Array* metrics = json::array(run.find("/status/metricResults"))) {
        for (const json::Value& metric : *metrics) {
            if (const json::Object* fields = json::object(&metric))
                state.metrics.push_back(read_metric(*fields));
        }
    }
    return state;
}

json::Object write_analysis_status(
    const Object& run, const judge::RunRule& rule, const judge::RunState& state) {
    json::Object status;
    if (const json::Object* present = json::object(run.find("/status"))) status = *present;
    for (const char* field :
         {"phase",
          "message",
          "metricResults",
          "startedAt",
          "completedAt",
          "runSummary",
          "dryRunSummary"}) {
        status.erase(field);
    }
    status["phase"] = judge::to_string(state.phase);
    put(status, "message", state.message);
    json::Array metrics;
    for (const judge::MetricState& metric : state.metrics) {
        const auto of = std::ranges::find(rule.metrics, metric.name, &judge::MetricRule::name);
        metrics.push_back(write_metric(metric, of != rule.metrics.end() && of->is_dry_run));
    }
    if (!metrics.empty()) status["metricResults"] = std::move(metrics);
    put(status, "startedAt", state.started_at);
    put(status, "completedAt", state.completed_at);
    if (state.summary.count > 0) status["runSummary"] = write_summary(state.summary);
    if (state.dry_run_summary) status["dryRunSummary"] = write_summary(*state.dry_run_summary);
    return status;
}

}  // namespace serin::control
