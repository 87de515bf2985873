#include "rehearse/report_text.h"

namespace serin::rehearse {

namespace {

json::Object to_json(const Probability& value) {
    return {
        {"runs", value.count},
        {"probability", value.share},
        {"low", value.low},
        {"high", value.high}};
}

json::Value to_json(const std::optional<Spread>& spread) {
    if (!spread) return nullptr;
    return json::Object{
        {"p5", spread->p5}, {"p50", spread->p50}, {"p95", spread->p95}, {"mean", spread->mean}};
}

json::Object to_json(const Behaviour& behaviour) {
    return {
        {"errorShare", behaviour.error_share},
        {"p50Milliseconds", behaviour.p50_ms},
        {"p95Milliseconds", behaviour.p95_ms}};
}

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

json::Object assumed(const Settings& settings) {
    json::Array faults;
    for (const Fault& fault : settings.faults) faults.push_back(json::string(fault.text));
    json::Object assumed{
        {"requestsPerSecond", settings.traffic},
        {"users", settings.user_count()},
        {"stable", to_json(settings.stable)},
        {"canary", to_json(settings.candidate)},
        {"faults", std::move(faults)},
        {"runs", settings.runs},
        {"seed", settings.seed}};
    if (settings.promote_after) {
        assumed["promoteAfterSeconds"] = in_seconds(*settings.promote_after);
    }
    return assumed;
}

json::Object to_json(const Course& course) {
    json::Array moments;
    for (const Moment& moment : course.moments) {
        moments.push_back(json::Object{
            {"seconds", in_seconds(moment.at)},
            {"rule", json::string(moment.rule)},
            {"reason", json::string(moment.words)},
            {"share", moment.share}});
    }
    json::Array samples;
    for (const Sample& sample : course.samples) {
        samples.push_back(json::Object{
            {"seconds", in_seconds(sample.at)},
            {"share", sample.share},
            {"canaryRequests", sample.candidate.requests},
            {"canaryFailed", sample.candidate.failed},
            {"stableRequests", sample.stable.requests},
            {"stableFailed", sample.stable.failed}});
    }
    return {
        {"run", course.index},
        {"end", json::string(to_string(course.ending))},
        {"reason", json::string(course.reason)},
        {"seconds", in_seconds(course.lasted)},
        {"canaryRequests", course.candidate.requests},
        {"canaryFailed", course.candidate.failed},
        {"decisions", std::move(moments)},
        {"samples", std::move(samples)}};
}

json::Object ends(const Report& report) {
    json::Array reasons;
    for (const auto& [reason, count] : report.reasons) {
        reasons.push_back(json::Object{{"reason", json::string(reason)}, {"runs", count}});
    }
    return {
        {"promoted", to_json(report.promoted)},
        {"aborted", to_json(report.aborted)},
        {"stalled", to_json(report.stalled)},
        {"reasons", std::move(reasons)}};
}

json::Array steps(const Report& report) {
    json::Array steps;
    for (const StretchSummary& one : report.stretches) {
        steps.push_back(json::Object{
            {"step", one.step},
            {"share", one.share},
            {"runs", one.reached},
            {"blindRuns", one.blind},
            {"seconds", one.seconds},
            {"requests", one.requests},
            {"measurements", one.values}});
    }
    return steps;
}

}  // namespace

json::Object to_json(const Report& report) {
    json::Array metrics;
    for (const auto& [name, note] : report.notes) {
        metrics.push_back(json::Object{
            {"name", json::string(name)},
            {"provider", json::string(note.provider)},
            {"answered", json::string(note.words)},
            {"understood", note.is_understood}});
    }
    json::Object pods{
        {"wanted", report.replicas},
        {"peak", report.pods_peak},
        {"extraHours", report.extra_pod_hours}};
    if (report.settings.pod_cost > 0) {
        pods["cost"] = report.extra_pod_hours * report.settings.pod_cost;
    }
    return {
        {"rollout", json::string(report.rollout)},
        {"assumed", assumed(report.settings)},
        {"ends", ends(report)},
        {"secondsToPromote", to_json(report.seconds_to_promote)},
        {"secondsToAbort", to_json(report.seconds_to_abort)},
        {"requestsExposed", to_json(report.requests_exposed)},
        {"usersExposed", to_json(report.users_exposed)},
        {"requestsFailed", to_json(report.requests_failed)},
        {"requestsLost", to_json(report.requests_lost)},
        {"pods", std::move(pods)},
        {"steps", steps(report)},
        {"metrics", std::move(metrics)},
        {"typical", to_json(report.typical)}};
}

}  // namespace serin::rehearse
