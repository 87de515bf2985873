#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "manifest/argo/pod_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

// What the Argo Rollouts plugin patches, patched alike: any client of either kind can take over in
// the middle.

namespace serin::cli {

namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";

int done(const std::string& name, std::string_view what, const Object& after, Format format) {
    if (format == Format::json || format == Format::yaml) {
        print_document(after.document(), format);
    } else {
        fmt::print("rollout '{}' {}\n", name, what);
    }
    return exit_ok;
}

// Patches each rollout named; the exit code is that of the last failure.
int patch_all(
    Api& api,
    const std::vector<std::string>& names,
    const json::Value& patch,
    Part part,
    std::string_view what,
    Format format) {
    int code = exit_ok;
    for (const std::string& name : names) {
        const auto after = api.merge_patch(types::rollout(), name, patch, part);
        const int one = after ? done(name, what, *after, format) : report(after.error());
        code = one == exit_ok ? code : one;
    }
    return code;
}

// Where the template of a Rollout lives: in itself, or in the workload it names.
struct TemplatePlace {
    Object owner;
    std::string pointer = "/spec/template";
};

Result<TemplatePlace> place_of_template(Api& api, const std::string& name) {
    SERIN_TRY(Object rollout, api.get(types::rollout(), name));
    const std::string_view kind = rollout.text("/spec/workloadRef/kind");
    if (kind.empty()) return TemplatePlace{.owner = std::move(rollout)};
    const ResourceType* type = find_kind(rollout.text("/spec/workloadRef/apiVersion"), kind);
    if (!type) return fail(ErrorKind::invalid, fmt::format("'{}' has no template", kind));
    SERIN_TRY(Object owner, api.get(*type, std::string(rollout.text("/spec/workloadRef/name"))));
    return TemplatePlace{
        .owner = std::move(owner),
        .pointer = kind == "PodTemplate" ? "/template" : "/spec/template"};
}

std::int64_t step_count(const Object& rollout) {
    const json::Array* steps = json::array(rollout.find("/spec/strategy/canary/steps"));
    return steps == nullptr ? 0 : static_cast<std::int64_t>(steps->size());
}

// Promoting an inconclusive analysis step accepts it: the release goes on behind it.
bool is_inconclusive_step(const Object& rollout) {
    const auto index = rollout.integer("/status/currentStepIndex");
    const bool is_analysis =
        rollout.find(fmt::format("/spec/strategy/canary/steps/{}/analysis", index)) != nullptr;
    return is_analysis &&
           rollout.text("/status/canary/currentStepAnalysisRunStatus/status") == "Inconclusive";
}

bool has_pause_conditions(const Object& rollout) {
    const json::Array* conditions = json::array(rollout.find("/status/pauseConditions"));
    return conditions != nullptr && !conditions->empty();
}

json::Object next_step(const Object& rollout) {
    const auto next =
        std::min(rollout.integer("/status/currentStepIndex") + 1, step_count(rollout));
    return {{"currentStepIndex", next}};
}

// The status patch of a plain promote; empty when there is nothing to promote.
json::Object promotion(const Object& rollout) {
    if (is_inconclusive_step(rollout) && has_pause_conditions(rollout) &&
        rollout.boolean("/status/controllerPause")) {
        json::Object status = next_step(rollout);
        status["pauseConditions"] = nullptr;
        status["controllerPause"] = false;
        return status;
    }
    // controllerPause stays: its presence without a condition is the sign that a person resumed.
    if (has_pause_conditions(rollout)) return {{"pauseConditions", nullptr}};
    if (rollout.boolean("/spec/paused")) return {};
    return step_count(rollout) > 0 ? next_step(rollout) : json::Object();
}

Result<Object> promote(Api& api, const PromoteOptions& options) {
    SERIN_TRY(Object rollout, api.get(types::rollout(), options.name));
    const bool is_finished =
        rollout.text("/status/currentPodHash") == rollout.text("/status/stableRS");
    json::Object status;
    if (options.is_full) {
        if (!is_finished) status = {{"promoteFull", true}};
    } else if (options.skips_step) {
        status = next_step(rollout);
    } else if (!is_finished || has_pause_conditions(rollout)) {
        status = promotion(rollout);
    }
    if (rollout.boolean("/spec/paused")) {
        SERIN_TRY(
            rollout,
            api.merge_patch(
                types::rollout(),
                options.name,
                json::Object{{"spec", json::Object{{"paused", false}}}}));
    }
    if (status.empty()) return rollout;
    return api.merge_patch(
        types::rollout(), options.name, json::Object{{"status", std::move(status)}}, Part::status);
}

std::int64_t revision_of(const Object& replica_set) {
    const auto text = replica_set.annotation("rollout.argoproj.io/revision").value_or("0");
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// The template to go back to: that of `revision`, or of the highest but one.
Result<json::Value> template_of(Api& api, const Object& rollout, std::int64_t revision) {
    SERIN_TRY(std::vector<Object> sets, api.list(types::replica_set()));
    std::erase_if(sets, [&](const Object& set) { return set.controller_uid() != rollout.uid(); });
    std::ranges::sort(
        sets, [](const Object& a, const Object& b) { return revision_of(a) > revision_of(b); });
    const auto found = revision == 0 ? (sets.size() > 1 ? sets.begin() + 1 : sets.end())
                                     : std::ranges::find(sets, revision, revision_of);
    if (found == sets.end()) {
        return fail(
            ErrorKind::not_found,
            revision == 0
                ? fmt::format("rollout '{}' has no earlier revision", rollout.name())
                : fmt::format("unable to find specified revision {} in history", revision));
    }
    const json::Value found_template = argo::plain_template(*found);
    if (!found_template.is_object()) {
        return fail(
            ErrorKind::internal, fmt::format("replica set {} has no template", found->name()));
    }
    json::Object clean = found_template.get_object();
    json::erase(clean, "/metadata/labels/" + json::escape_pointer(hash_label));
    return clean;
}

Result<Object> set_images(
    Api& api, const std::string& name, const std::vector<std::string>& images) {
    SERIN_TRY(const TemplatePlace place, place_of_template(api, name));
    json::Array patch;
    for (const std::string& word : images) {
        const size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == word.size()) {
            return fail(
                ErrorKind::invalid, fmt::format("'{}' is not CONTAINER=IMAGE or *=IMAGE", word));
        }
        const std::string container = word.substr(0, equals);
        bool is_found = false;
        for (const char* list : {"containers", "initContainers"}) {
            const std::string pointer = fmt::format("{}/spec/{}", place.pointer, list);
            const json::Array* containers = json::array(place.owner.find(pointer));
            if (containers == nullptr) continue;
            for (size_t i = 0; i < containers->size(); ++i) {
                const auto called = json::text(json::find(containers->at(i), "/name"));
                if (container != "*" && called != container) continue;
                is_found = true;
                patch.push_back(json::Object{
                    {"op", "replace"},
                    {"path", json::string(fmt::format("{}/{}/image", pointer, i))},
                    {"value", json::string(word.substr(equals + 1))}});
            }
        }
        if (!is_found) {
            return fail(
                ErrorKind::not_found,
                fmt::format("unable to find container named \"{}\"", container));
        }
    }
    return api.json_patch(*place.owner.type(), std::string(place.owner.name()), patch);
}

}  // namespace

int run_promote(Api& api, const PromoteOptions& options) {
    const auto after = promote(api, options);
    if (!after) return report(after.error());
    return done(
        options.name, options.is_full ? "fully promoted" : "promoted", *after, options.format);
}

int run_abort(Api& api, const std::vector<std::string>& names, Format format) {
    const json::Value patch = json::Object{{"status", json::Object{{"abort", true}}}};
    return patch_all(api, names, patch, Part::status, "aborted", format);
}

namespace {

// An experiment without a status begins anew.
int retry_experiments(Api& api, const std::vector<std::string>& names, Format format) {
    int code = exit_ok;
    for (const std::string& name : names) {
        const auto after = api.merge_patch(
            types::experiment(), name, json::Object{{"status", nullptr}}, Part::status);
        if (!after) {
            code = report(after.error());
        } else if (format == Format::json || format == Format::yaml) {
            print_document(after->document(), format);
        } else {
            fmt::print("experiment '{}' retried\n", name);
        }
    }
    return code;
}

}  // namespace

int run_retry(Api& api, const std::vector<std::string>& names, Format format) {
    if (names.size() > 1) {
        const ResourceType* type = find_type(names.front());
        const std::vector<std::string> rest(names.begin() + 1, names.end());
        if (type == &types::experiment()) return retry_experiments(api, rest, format);
        if (type == &types::rollout()) return run_retry(api, rest, format);
    }
    const json::Value patch = json::Object{{"status", json::Object{{"abort", false}}}};
    return patch_all(api, names, patch, Part::status, "retried", format);
}

int run_pause(Api& api, const std::vector<std::string>& names, Format format) {
    const json::Value patch = json::Object{{"spec", json::Object{{"paused", true}}}};
    return patch_all(api, names, patch, Part::main, "paused", format);
}

int run_restart(Api& api, const std::vector<std::string>& names, Duration in, Format format) {
    // Rounded up: Kubernetes' times are whole seconds, and a pod made a moment ago must count as
    // older than the restart.
    const Instant at = std::chrono::ceil<std::chrono::seconds>(api.now() + in);
    const json::Value patch =
        json::Object{{"spec", json::Object{{"restartAt", json::string(format_time(at))}}}};
    const std::string what = fmt::format("restarts in {}", format_duration(in));
    return patch_all(api, names, patch, Part::main, what, format);
}

int run_undo(Api& api, const std::string& name, std::int64_t revision, Format format) {
    const auto rollout = api.get(types::rollout(), name);
    if (!rollout) return report(rollout.error());
    const auto wanted = template_of(api, *rollout, revision);
    if (!wanted) return report(wanted.error());
    const auto place = place_of_template(api, name);
    if (!place) return report(place.error());
    const auto after = api.json_patch(
        *place->owner.type(),
        std::string(place->owner.name()),
        json::Array{json::Object{
            {"op", "replace"}, {"path", json::string(place->pointer)}, {"value", *wanted}}});
    return after ? done(name, "undo", *after, format) : report(after.error());
}

int run_set_image(
    Api& api, const std::string& name, const std::vector<std::string>& images, Format format) {
    const auto after = set_images(api, name, images);
    if (!after) return report(after.error());
    if (format == Format::json || format == Format::yaml) {
        print_document(after->document(), format);
    } else {
        fmt::print("rollout \"{}\" image updated\n", name);
    }
    return exit_ok;
}

}  // namespace serin::cli
