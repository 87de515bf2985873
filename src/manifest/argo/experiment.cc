#include "manifest/argo/experiment.h"

#include "manifest/argo/hash.h"
#include "manifest/argo/names.h"
#include "manifest/argo/project_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace serin::argo {

namespace {

using std::chrono::seconds;

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("spec.{}: {}", field, why));
}

std::string text_of(const json::Object& object, std::string_view field) {
    return std::string(json::text(object.if_contains(field)).value_or(""));
}

const json::Array& list_at(const Object& object, std::string_view pointer) {
    static const json::Array none;
    const json::Array* list = json::array(object.find(pointer));
    return list ? *list : none;
}

std::vector<json::Value> container_ports(const json::Object& arm) {
    std::vector<json::Value> ports;
    const json::Array* containers = json::array(json::find(arm, "/template/spec/containers"));
    if (!containers) return ports;
    for (const json::Value& container : *containers) {
        const json::Array* listed = json::array(json::find(container, "/ports"));
        if (listed) ports.insert(ports.end(), listed->begin(), listed->end());
    }
    return ports;
}

Result<TrialArmPlan> lower_arm(const json::Object& arm) {
    TrialArmPlan plan{.name = text_of(arm, "name")};
    if (plan.name.empty()) return refuse("templates", "each needs a name");
    const std::int64_t replicas = json::integer(arm.if_contains("replicas")).value_or(1);
    if (replicas < 0 || replicas > 1'000'000)
        return refuse("templates", "replicas must not be negative");
    plan.replicas = static_cast<int>(replicas);
    plan.has_service = json::object(arm.if_contains("service")) && !container_ports(arm).empty();
    return plan;
}

Result<std::optional<Duration>> read_duration(const Object& experiment) {
    const json::Value* value = experiment.find("/spec/duration");
    if (!value || value->is_null()) return std::nullopt;
    if (const auto number = json::integer(value)) return seconds(*number);
    const auto text = json::text(value).value_or("");
    if (text.empty()) return std::nullopt;
    std::int64_t count = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (problem == std::errc() && end == text.data() + text.size()) return seconds(count);
    const auto duration = parse_duration(text);
    if (!duration || *duration < Duration(0)) return refuse("duration", "expected a duration");
    return std::chrono::floor<seconds>(*duration);
}

constexpr std::array<std::pair<ArmPhase, std::string_view>, 5> arm_words{{
    {ArmPhase::progressing, "Progressing"},
    {ArmPhase::running, "Running"},
    {ArmPhase::successful, "Successful"},
    {ArmPhase::failed, "Failed"},
    {ArmPhase::error, "Error"},
}};

ArmPhase arm_phase_of(std::string_view word) {
    const auto found =
        std::ranges::find(arm_words, word, &std::pair<ArmPhase, std::string_view>::second);
    return found == arm_words.end() ? ArmPhase::none : found->first;
}

int count_of(const json::Value& value, std::string_view pointer) {
    return static_cast<int>(std::clamp<std::int64_t>(
        json::integer(json::find(value, pointer)).value_or(0), 0, 1 << 30));
}

ArmState read_arm(const json::Value& value) {
    const auto text = [&](std::string_view pointer) {
        return std::string(json::text(json::find(value, pointer)).value_or(""));
    };
    ArmState arm{
        .name = text("/name"),
        .phase = arm_phase_of(text("/status")),
        .message = text("/message"),
        .counts =
            {.current = count_of(value, "/replicas"),
             .updated = count_of(value, "/updatedReplicas"),
             .ready = count_of(value, "/readyReplicas"),
             .available = count_of(value, "/availableReplicas")},
        .revision = text("/podTemplateHash"),
        .service = text("/serviceName")};
    if (const auto at = parse_time(text("/lastTransitionTime"))) arm.changed_at = *at;
    return arm;
}

json::Object write_arm(const ArmState& arm) {
    json::Object object{
        {"name", arm.name},
        {"replicas", arm.counts.current},
        {"updatedReplicas", arm.counts.updated},
        {"readyReplicas", arm.counts.ready},
        {"availableReplicas", arm.counts.available}};
    if (arm.phase != ArmPhase::none) object["status"] = word_of(arm.phase);
    if (!arm.message.empty()) object["message"] = arm.message;
    object["lastTransitionTime"] = format_time(arm.changed_at);
    if (!arm.service.empty()) object["serviceName"] = arm.service;
    if (!arm.revision.empty()) object["podTemplateHash"] = arm.revision;
    return object;
}

json::Array write_conditions(
    const Object& experiment,
    std::string_view type,
    std::string_view status,
    std::string_view reason,
    std::string_view message,
    Instant now) {
    for (const json::Value& former : list_at(experiment, "/status/conditions")) {
        const auto is = [&](std::string_view pointer, std::string_view text) {
            return json::text(json::find(former, pointer)) == text;
        };
        if (is("/type", type) && is("/status", status) && is("/reason", reason) &&
            is("/message", message)) {
            return {former};
        }
    }
    return {json::Object{
        {"type", type},
        {"status", status},
        {"reason", reason},
        {"message", message},
        {"lastUpdateTime", format_time(now)},
        {"lastTransitionTime", format_time(now)}}};
}

json::Array progress_of(const Object& experiment, const TrialState& state, Instant now) {
    const auto condition = [&](std::string_view status, std::string_view reason, const char* what) {
        return write_conditions(
            experiment,
            "Progressing",
            status,
            reason,
            fmt::format("Experiment \"{}\" {}", experiment.name(), what),
            now);
    };
    const bool is_late = std::ranges::any_of(
        state.arms, [](const ArmState& arm) { return arm.phase == ArmPhase::failed; });
    if (is_late) return condition("False", "TimedOut", "has timed out progressing.");
    if (state.phase && is_completed(*state.phase))
        return condition("False", "ExperimentCompleted", "has successfully ran and completed.");
    if (state.phase == RunPhase::running)
        return condition("True", "NewReplicaSetAvailable", "is running.");
    return condition("True", "ReplicaSetUpdated", "is progressing.");
}

// What a tag in an argument stands for; empty: nothing known by that name.
std::optional<std::string> find_tag(
    const Object& experiment, const TrialState& state, std::string_view tag) {
    if (tag == "experiment.availableAt")
        return state.available_at ? format_time(*state.available_at) : std::string();
    if (tag == "experiment.finishedAt") {
        const auto duration = read_duration(experiment);
        if (!state.available_at || !duration || !*duration) return std::string();
        return format_time(*state.available_at + **duration);
    }
    for (const json::Value& arm : list_at(experiment, "/spec/templates")) {
        const std::string name(json::text(json::find(arm, "/name")).value_or(""));
        if (tag == fmt::format("templates.{}.replicaset.name", name))
            return arm_group_name(experiment, name);
        if (tag != fmt::format("templates.{}.podTemplateHash", name)) continue;
        const auto known = std::ranges::find(state.arms, name, &ArmState::name);
        return known == state.arms.end() ? std::string() : known->revision;
    }
    return std::nullopt;
}

Result<std::string> fill_tags(
    const Object& experiment, const TrialState& state, std::string_view text) {
    std::string filled;
    while (true) {
        const auto start = text.find("{{");
        const auto end = start == text.npos ? text.npos : text.find("}}", start);
        if (end == text.npos) return filled + std::string(text);
        std::string_view tag = text.substr(start + 2, end - start - 2);
        while (tag.starts_with(' ')) tag.remove_prefix(1);
        while (tag.ends_with(' ')) tag.remove_suffix(1);
        const auto value = find_tag(experiment, state, tag);
        if (!value) {
            return fail(ErrorKind::invalid, fmt::format("failed to resolve {{{{{}}}}}", tag));
        }
        filled += text.substr(0, start);
        filled += *value;
        text.remove_prefix(end + 2);
    }
}

}  // namespace

std::string_view word_of(ArmPhase phase) {
    const auto found =
        std::ranges::find(arm_words, phase, &std::pair<ArmPhase, std::string_view>::first);
    return found == arm_words.end() ? std::string_view() : found->second;
}

Result<TrialPlan> lower_experiment(const Object& experiment) {
    TrialPlan plan;
    for (const json::Value& value : list_at(experiment, "/spec/templates")) {
        const json::Object* arm = json::object(&value);
        if (!arm) return refuse("templates", "expected objects");
        SERIN_TRY(TrialArmPlan lowered, lower_arm(*arm));
        if (std::ranges::find(plan.arms, lowered.name, &TrialArmPlan::name) != plan.arms.end())
            return refuse("templates", fmt::format("duplicate name '{}'", lowered.name));
        plan.arms.push_back(std::move(lowered));
    }
    if (plan.arms.empty()) return refuse("templates", "must not be empty");
    for (const json::Value& value : list_at(experiment, "/spec/analyses")) {
        const std::string name(json::text(json::find(value, "/name")).value_or(""));
        if (name.empty()) return refuse("analyses", "each needs a name");
        plan.judges.push_back(
            {.name = name,
             .run = fmt::format("{}-{}", experiment.name(), name),
             .is_required =
                 json::boolean(json::find(value, "/requiredForCompletion")).value_or(false)});
    }
    SERIN_TRY(plan.duration, read_duration(experiment));
    plan.progress_deadline = seconds(experiment.integer("/spec/progressDeadlineSeconds", 600));
    plan.retire_delay = seconds(experiment.integer("/spec/scaleDownDelaySeconds", 30));
    plan.is_terminated = experiment.boolean("/spec/terminate");
    return plan;
}

TrialState read_experiment_status(const Object& experiment) {
    TrialState state;
    if (const auto phase = json::text(experiment.find("/status/phase")); phase && !phase->empty()) {
        state.phase = run_phase_of(*phase);
    }
    state.message = experiment.text("/status/message");
    state.available_at = experiment.time("/status/availableAt");
    for (const json::Value& arm : list_at(experiment, "/status/templateStatuses"))
        state.arms.push_back(read_arm(arm));
    for (const json::Value& run : list_at(experiment, "/status/analysisRuns")) {
        const auto text = [&](std::string_view pointer) {
            return std::string(json::text(json::find(run, pointer)).value_or(""));
        };
        state.runs.push_back(
            {.judge = text("/name"),
             .run = {
                 .name = text("/analysisRun"),
                 .phase = run_phase_of(text("/phase")),
                 .message = text("/message")}});
    }
    return state;
}

json::Object project_experiment(const Object& experiment, const TrialState& state, Instant now) {
    json::Object status;
    if (state.phase) status["phase"] = word_of(*state.phase);
    if (!state.message.empty()) status["message"] = state.message;
    if (state.available_at) status["availableAt"] = format_time(*state.available_at);
    json::Array arms;
    for (const ArmState& arm : state.arms) arms.push_back(write_arm(arm));
    status["templateStatuses"] = std::move(arms);
    if (!state.runs.empty()) {
        json::Array runs;
        for (const TrialRunState& run : state.runs) {
            json::Object object{
                {"name", run.judge},
                {"analysisRun", run.run.name},
                {"phase", word_of(run.run.phase)}};
            if (!run.run.message.empty()) object["message"] = run.run.message;
            runs.push_back(std::move(object));
        }
        status["analysisRuns"] = std::move(runs);
    }
    status["conditions"] = progress_of(experiment, state, now);
    return status;
}

json::Object project_invalid_experiment(
    const Object& experiment, const std::string& problem, Instant now) {
    json::Object status;
    if (const json::Object* present = json::object(experiment.find("/status"))) status = *present;
    status["conditions"] = write_conditions(
        experiment,
        "InvalidSpec",
        "True",
        "InvalidSpec",
        fmt::format("The Experiment \"{}\" is invalid: {}", experiment.name(), problem),
        now);
    return status;
}

std::string arm_group_name(const Object& experiment, const std::string& arm) {
    return fmt::format("{}-{}", experiment.name(), arm);
}

const json::Object* arm_spec(const Object& experiment, const std::string& arm) {
    for (const json::Value& value : list_at(experiment, "/spec/templates")) {
        if (json::text(json::find(value, "/name")) == arm) return json::object(&value);
    }
    return nullptr;
}

std::string arm_service_name(const Object& experiment, const std::string& arm) {
    const json::Object* spec = arm_spec(experiment, arm);
    const auto own = spec ? json::text(json::find(*spec, "/service/name")) : std::nullopt;
    return own && !own->empty() ? std::string(*own) : arm_group_name(experiment, arm);
}

Object make_arm_group(const Object& experiment, const std::string& arm) {
    Object group(types::replica_set(), experiment.ns(), arm_group_name(experiment, arm));
    const json::Object* spec = arm_spec(experiment, arm);
    const json::Object nothing;
    const Object source(spec ? *spec : nothing);
    const auto copy = [&](std::string_view pointer) {
        const json::Value* value = source.find(pointer);
        return value ? *value : json::Value(json::Object());
    };
    const std::string id = template_id(json::Object{
        {"template", copy("/template")}, {"experiment", experiment.name()}, {"arm", arm}});
    const std::string hash = json::escape_pointer(label_hash);
    group.put("/spec/replicas", 0);
    group.put("/spec/minReadySeconds", source.integer("/minReadySeconds"));
    group.put("/spec/selector", copy("/selector"));
    group.put("/spec/selector/matchLabels/" + hash, json::string(id));
    group.put("/spec/template", copy("/template"));
    group.put("/spec/template/metadata/labels/" + hash, json::string(id));
    if (const json::Object* labels = json::object(group.find("/spec/template/metadata/labels")))
        group.put("/metadata/labels", json::Object(*labels));
    group.set_annotation(annotation_experiment, experiment.name());
    group.set_annotation(annotation_experiment_template, arm);
    if (const auto revision = experiment.annotation(annotation_revision))
        group.set_annotation(annotation_revision, *revision);
    group.set_controller(experiment);
    return group;
}

Object make_arm_service(const Object& experiment, const std::string& arm, const Object& group) {
    Object service(types::service(), experiment.ns(), arm_service_name(experiment, arm));
    const json::Object* spec = arm_spec(experiment, arm);
    json::Array ports;
    for (const json::Value& port : spec ? container_ports(*spec) : std::vector<json::Value>()) {
        const auto number = json::integer(json::find(port, "/containerPort")).value_or(0);
        const auto name = json::text(json::find(port, "/name"));
        ports.push_back(json::Object{
            {"name", name ? std::string(*name) : fmt::format("port-{}", number)},
            {"port", number},
            {"targetPort", number},
            {"protocol", json::text(json::find(port, "/protocol")).value_or("TCP")}});
    }
    service.put("/spec/ports", std::move(ports));
    if (const json::Value* selector = group.find("/spec/selector/matchLabels"))
        service.put("/spec/selector", *selector);
    service.set_annotation(annotation_experiment, experiment.name());
    service.set_annotation(annotation_experiment_template, arm);
    service.set_controller(experiment);
    return service;
}

Result<json::Array> experiment_arguments(
    const Object& experiment, const json::Array& arguments, const TrialState& state) {
    json::Array filled;
    for (const json::Value& value : arguments) {
        const json::Object* argument = json::object(&value);
        if (!argument) continue;
        json::Object one = *argument;
        if (const auto text = json::text(argument->if_contains("value"))) {
            auto settled = fill_tags(experiment, state, *text);
            if (!settled) {
                return std::unexpected(
                    std::move(settled).error().within("args." + text_of(one, "name")));
            }
            one["value"] = *std::move(settled);
        }
        filled.push_back(std::move(one));
    }
    return filled;
}

}  // namespace serin::argo
