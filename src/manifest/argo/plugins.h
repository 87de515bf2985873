#pragma once

#include "base/json.h"
#include "base/result.h"
#include "model/observation.h"
#include "model/release.h"
#include "ports/object.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Plugins as Argo registers them: in the ConfigMap `argo-rollouts-config`, each list a YAML text of
// [{name, location, sha256, args, disabled}].

namespace serin::argo {

inline constexpr std::string_view plugin_config_name = "argo-rollouts-config";
inline constexpr std::string_view plugin_config_namespace = "argo-rollouts";
inline constexpr std::string_view step_plugins = "stepPlugins";
inline constexpr std::string_view metric_plugins = "metricProviderPlugins";
inline constexpr std::string_view router_plugins = "trafficRouterPlugins";

struct PluginEntry {
    std::string name;
    std::string program;  // Absolute path.
    std::string sha256;   // Empty: any.
    std::vector<std::string> arguments;
    bool is_disabled = false;
};

// `not_found` when `list` has no such plugin, `invalid` when it cannot be used; the message names
// the list and what to write.
Result<PluginEntry> find_plugin(
    const Object& config_map, std::string_view list, std::string_view name);

// What a step plugin is asked, and what its answer means. The protocol is described in
// docs/reference/plugins.md.
struct HookQuestion {
    std::string_view plugin;
    const json::Value* config = nullptr;  // As the step has it.
    int step = 0;
    HookOperation operation = HookOperation::run;
    int execution = 1;
    std::string_view revision;
    std::string_view memory;  // JSON that the plugin gave last; empty: nothing.
};
json::Object hook_request(const Object& rollout, const HookQuestion& question);

// Fills in everything but what the answer is about; an answer that makes no sense is an error's.
HookAnswer read_hook_answer(const Result<json::Object>& answer);

// status.canary.stepPluginStatuses, and back.
json::Array hook_values(const std::vector<HookNote>& hooks);
std::vector<HookNote> read_hooks(const json::Value* statuses);

std::string_view word_of(HookOperation operation);  // "Run".
std::optional<HookOperation> hook_operation_of(std::string_view word);
std::string_view word_of(HookPhase phase);  // "Running".
std::optional<HookPhase> hook_phase_of(std::string_view word);

}  // namespace serin::argo
