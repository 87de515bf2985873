#include "evidence/record.h"

#include <type_traits>
#include <variant>

namespace serin::evidence {

namespace {

template <class... Cases>
struct overloaded : Cases... {
    using Cases::operator()...;
};

json::Value text(std::string_view value) {
    return json::string(value);
}

json::Object to_json(const StandShown& stand) {
    json::Object object{{"phase", text(stand.phase)}};
    if (!stand.message.empty()) object["message"] = text(stand.message);
    object["candidate"] = text(stand.candidate);
    object["stable"] = text(stand.stable);
    if (stand.step) object["step"] = *stand.step;
    object["steps"] = stand.steps;
    if (stand.weight) {
        object["weight"] = *stand.weight;
        object["weightMax"] = stand.weight_max;
    }
    return object;
}

void put(json::Object& object, std::string_view key, const std::string& value) {
    if (!value.empty()) object[key] = text(value);
}

void put(json::Object& object, std::string_view key, std::optional<std::int64_t> value) {
    if (value) object[key] = *value;
}

json::Object to_json(const Number& number) {
    json::Object object{
        {"run", text(number.run)}, {"metric", text(number.metric)}, {"phase", text(number.phase)}};
    put(object, "value", number.value);
    put(object, "condition", number.condition);
    object["n"] = number.sample ? number.sample->requests : number.measurements;
    object["of"] = number.sample ? "requests" : "measurements";
    put(object, "window", number.window);
    if (const auto& sample = number.sample) {
        put(object, "failedRequests", sample->failed);
        put(object, "lostRequests", sample->lost);
        put(object, "retriedRequests", sample->retried);
        put(object, "candidateValue", sample->candidate_value);
        put(object, "stableValue", sample->stable_value);
        put(object, "stableN", sample->stable_requests);
    }
    object["measurements"] = number.measurements;
    object["failed"] = number.failed.count;
    put(object, "failedMax", number.failed.max);
    object["inconclusive"] = number.inconclusive.count;
    put(object, "inconclusiveMax", number.inconclusive.max);
    object["errors"] = number.errors.count;
    put(object, "consecutiveErrorsMax", number.errors.max);
    put(object, "interval", number.interval);
    if (number.is_early) object["early"] = true;
    put(object, "message", number.message);
    if (!number.where.empty()) object["where"] = number.where;
    return object;
}

void put_others(json::Object& object, const Split& split) {
    if (split.others.empty()) return;
    json::Object others;
    for (const SplitShare& share : split.others) others[share.service] = share.weight;
    object["others"] = std::move(others);
}

json::Object to_json(const Split& split) {
    json::Object object{{"candidate", split.candidate}, {"total", split.total}};
    put_others(object, split);
    return object;
}

json::Object seen_to_json(const Record& record) {
    json::Object seen;
    if (record.split) {
        seen["written"] = to_json(record.split->written);
        if (record.split->in_force) seen["inForce"] = to_json(*record.split->in_force);
        seen["settled"] = record.split->is_settled;
    }
    json::Array revisions;
    for (const RevisionSeen& revision : record.revisions) {
        if (revision.desired == 0 && revision.current == 0) continue;
        revisions.emplace_back(json::Object{
            {"id", text(revision.id)},
            {"number", revision.number},
            {"desired", revision.desired},
            {"available", revision.available}});
    }
    seen["revisions"] = std::move(revisions);
    return seen;
}

std::string_view to_text(Announce::News news) {
    using enum Announce::News;
    switch (news) {
        case updated:
            return "updated";
        case created:
            return "created";
        case not_completed:
            return "not_completed";
        case step_completed:
            return "step_completed";
        case hook_moved:
            return "hook_moved";
        case steps_skipped:
            return "steps_skipped";
        case held:
            return "held";
        case resumed:
            return "resumed";
        case aborted:
            return "aborted";
        case completed:
            return "completed";
    }
    return {};
}

std::string_view to_text(HookOperation operation) {
    switch (operation) {
        case HookOperation::run:
            return "run";
        case HookOperation::terminate:
            return "terminate";
        case HookOperation::abort:
            return "abort";
    }
    return {};
}

std::string_view to_text(RunKind kind) {
    switch (kind) {
        case RunKind::step:
            return "step";
        case RunKind::background:
            return "background";
        case RunKind::before_flip:
            return "before_flip";
        case RunKind::trial:
            return "trial";
        case RunKind::after_flip:
            return "after_flip";
    }
    return {};
}

std::string_view to_text(ServiceRole role) {
    return role == ServiceRole::stable ? "stable" : "candidate";
}

}  // namespace

json::Object to_json(const Action& action) {
    return std::visit(
        overloaded{
            [](const Announce& it) -> json::Object {
                return {{"do", "announce"}, {"news", text(to_text(it.news))}};
            },
            [](const CreateRevision& it) -> json::Object {
                return {
                    {"do", "create_revision"},
                    {"revision", text(it.revision)},
                    {"number", it.number}};
            },
            [](const Renumber& it) -> json::Object {
                return {{"do", "renumber"}, {"revision", text(it.revision)}, {"number", it.number}};
            },
            [](const SetSplit& it) -> json::Object {
                json::Object object{
                    {"do", "set_split"},
                    {"candidate", it.split.candidate},
                    {"total", it.split.total}};
                put_others(object, it.split);
                return object;
            },
            [](const SetSideRoutes& it) -> json::Object {
                json::Array routes;
                for (const SideRoute& route : it.routes) routes.emplace_back(text(route.name));
                return {{"do", "set_side_routes"}, {"routes", std::move(routes)}};
            },
            [](const PointService& it) -> json::Object {
                return {
                    {"do", "point_service"},
                    {"service", text(to_text(it.service))},
                    {"revision", text(it.revision)}};
            },
            [](const Scale& it) -> json::Object {
                return {
                    {"do", "scale"}, {"revision", text(it.revision)}, {"replicas", it.replicas}};
            },
            [](const StartRun& it) -> json::Object {
                return {
                    {"do", "start_run"}, {"run", text(it.name)}, {"kind", text(to_text(it.kind))}};
            },
            [](const StopRun& it) -> json::Object {
                return {{"do", "stop_run"}, {"run", text(it.name)}};
            },
            [](const SetRetireAt& it) -> json::Object {
                json::Object object{{"do", "set_retire_at"}, {"revision", text(it.revision)}};
                object["at"] = it.at ? text(format_time(*it.at)) : json::Value();
                return object;
            },
            [](const ReplaceReplica& it) -> json::Object {
                return {{"do", "replace_replica"}, {"replica", text(it.name)}};
            },
            [](const ScaleSource& it) -> json::Object {
                return {{"do", "scale_source"}, {"replicas", it.replicas}};
            },
            [](const CallHook& it) -> json::Object {
                return {
                    {"do", "call_hook"},
                    {"step", it.step},
                    {"operation", text(to_text(it.operation))},
                    {"execution", it.execution}};
            },
            [](const RemoveRun& it) -> json::Object {
                return {{"do", "remove_run"}, {"run", text(it.name)}};
            },
            [](const RemoveRevision& it) -> json::Object {
                return {{"do", "remove_revision"}, {"revision", text(it.revision)}};
            },
        },
        action);
}

std::string describe(const Action& action) {
    const auto number = [](int value) { return std::to_string(value); };
    return std::visit(
        overloaded{
            [](const Announce& it) { return "announce " + std::string(to_text(it.news)); },
            [&](const CreateRevision& it) {
                return "create revision " + it.revision + " as number " + number(it.number);
            },
            [&](const Renumber& it) {
                return "renumber revision " + it.revision + " to " + number(it.number);
            },
            [&](const SetSplit& it) {
                std::string words = "set the candidate's weight to " + number(it.split.candidate) +
                                    " of " + number(it.split.total);
                for (const SplitShare& share : it.split.others)
                    words += ", that of " + share.service + " to " + number(share.weight);
                return words;
            },
            [](const SetSideRoutes& it) {
                std::string names;
                for (const SideRoute& route : it.routes) names += " " + route.name;
                return names.empty() ? "remove the header and mirror routes"
                                     : "have the header and mirror routes" + names;
            },
            [](const PointService& it) {
                return "point the " + std::string(to_text(it.service)) + " service at revision " +
                       it.revision;
            },
            [&](const Scale& it) {
                return "scale revision " + it.revision + " to " + number(it.replicas);
            },
            [](const StartRun& it) { return "start run " + it.name; },
            [](const StopRun& it) { return "stop run " + it.name; },
            [](const SetRetireAt& it) {
                return it.at ? "retire revision " + it.revision + " at " + format_time(*it.at)
                             : "keep revision " + it.revision;
            },
            [](const ReplaceReplica& it) { return "replace replica " + it.name; },
            [&](const ScaleSource& it) {
                return "scale the workload with the template to " + number(it.replicas);
            },
            [&](const CallHook& it) {
                return std::string(to_text(it.operation)) + " the plugin of step " +
                       number(it.step + 1) + ", call " + number(it.execution);
            },
            [](const RemoveRun& it) { return "remove run " + it.name; },
            [](const RemoveRevision& it) { return "remove revision " + it.revision; },
        },
        action);
}

json::Object to_json(const Record& record) {
    json::Object body{
        {"before", to_json(record.before)},
        {"after", to_json(record.after)},
        {"rule", text(record.causes.empty() ? "carry_on" : record.causes.front().rule)}};
    std::string reason;
    json::Array causes;
    for (const Cause& cause : record.causes) {
        if (!reason.empty()) reason += "; ";
        reason += cause.reason;
        json::Object object{{"rule", text(cause.rule)}, {"reason", text(cause.reason)}};
        if (!cause.run.empty()) object["run"] = text(cause.run);
        causes.emplace_back(std::move(object));
    }
    // A decision gives its causes; should one not, then what it does has to speak for it.
    for (const Action& action : record.actions) {
        if (!record.causes.empty() || std::holds_alternative<Announce>(action)) continue;
        reason += (reason.empty() ? "to " : "; to ") + describe(action);
    }
    body["reason"] = text(reason);
    body["causes"] = std::move(causes);
    json::Array numbers;
    for (const Number& number : record.numbers) numbers.emplace_back(to_json(number));
    body["numbers"] = std::move(numbers);
    json::Array actions;
    for (const Action& action : record.actions) {
        if (std::holds_alternative<Announce>(action)) continue;
        json::Object object = to_json(action);
        object["words"] = text(describe(action));
        actions.emplace_back(std::move(object));
    }
    body["actions"] = std::move(actions);
    body["seen"] = seen_to_json(record);
    return body;
}

}  // namespace serin::evidence
