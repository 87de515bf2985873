#include "manifest/argo/plugins.h"

#include "base/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace serin::argo {

namespace {

constexpr std::string_view file_scheme = "file://";
constexpr std::size_t message_max = 1000;

constexpr std::array<std::pair<HookOperation, std::string_view>, 3> operations{{
    {HookOperation::run, "Run"},
    {HookOperation::terminate, "Terminate"},
    {HookOperation::abort, "Abort"},
}};

constexpr std::array<std::pair<HookPhase, std::string_view>, 4> phases{{
    {HookPhase::running, "Running"},
    {HookPhase::successful, "Successful"},
    {HookPhase::failed, "Failed"},
    {HookPhase::error, "Error"},
}};

Error trouble(std::string_view list, std::string_view name, std::string_view what) {
    return {
        ErrorKind::invalid,
        fmt::format(
            "plugin \"{}\" in ConfigMap {} ({}): {}", name, plugin_config_name, list, what)};
}

Result<PluginEntry> read_entry(const json::Object& entry, std::string_view list) {
    const auto text = [&](std::string_view key) {
        return std::string(json::text(entry.if_contains(key)).value_or(""));
    };
    PluginEntry plugin{.name = text("name"), .sha256 = text("sha256")};
    const auto refuse = [&](std::string_view what) {
        return std::unexpected(trouble(list, plugin.name, what));
    };
    const std::string location = text("location");
    if (!location.starts_with(file_scheme)) {
        return refuse(
            "location must be file:///absolute/path: download the program, and name its file");
    }
    plugin.program = location.substr(file_scheme.size());
    if (!plugin.program.starts_with('/')) return refuse("location must be an absolute path");
    std::ranges::transform(plugin.sha256, plugin.sha256.begin(), [](unsigned char one) {
        return static_cast<char>(one >= 'A' && one <= 'Z' ? one - 'A' + 'a' : one);
    });
    plugin.is_disabled = json::boolean(entry.if_contains("disabled")).value_or(false);
    if (const json::Array* arguments = json::array(entry.if_contains("args"))) {
        for (const json::Value& one : *arguments) {
            const auto argument = json::text(&one);
            if (!argument) return refuse("args must be a list of texts");
            plugin.arguments.emplace_back(*argument);
        }
    }
    return plugin;
}

}  // namespace

Result<PluginEntry> find_plugin(
    const Object& config_map, std::string_view list, std::string_view name) {
    const std::string_view text = config_map.text("/data/" + json::escape_pointer(list));
    const DocumentsRead read = text.empty() ? DocumentsRead{} : read_documents(text, list);
    for (const Diagnostic& one : read.diagnostics) {
        if (one.severity == Severity::error) {
            return std::unexpected(trouble(list, name, to_string(one)));
        }
    }
    if (!read.documents.empty()) {
        const json::Array* entries = json::array(&read.documents.front().root);
        if (!entries) return std::unexpected(trouble(list, name, "expected a list of plugins"));
        for (const json::Value& one : *entries) {
            const json::Object* entry = json::object(&one);
            if (entry && json::text(entry->if_contains("name")) == name) {
                return read_entry(*entry, list);
            }
        }
    }
    return fail(
        ErrorKind::not_found,
        fmt::format(
            "plugin \"{}\" is not in ConfigMap {}: add {{name: {}, location: file:///...}} to its "
            "{}",
            name,
            plugin_config_name,
            name,
            list));
}

json::Object hook_request(const Object& rollout, const HookQuestion& question) {
    json::Object request{
        {"protocol", "serin.dev/plugin/v1"},
        {"method", json::string(word_of(question.operation))},
        {"plugin", json::string(question.plugin)},
        {"rollout",
         json::Object{
             {"namespace", json::string(rollout.ns())},
             {"name", json::string(rollout.name())},
             {"uid", json::string(rollout.uid())},
             {"stableRevision", json::string(rollout.text("/status/stableRS"))},
             {"canaryRevision", json::string(question.revision)}}},
        {"step", question.step},
        {"execution", question.execution}};
    request["config"] = question.config ? *question.config : json::Value();
    const auto memory = json::parse(std::string(question.memory));
    request["status"] = memory ? *memory : json::Value();
    return request;
}

HookAnswer read_hook_answer(const Result<json::Object>& answer) {
    HookAnswer read{.phase = HookPhase::error};
    if (!answer) {
        read.message = answer.error().message;
        return read;
    }
    read.message = json::text(answer->if_contains("message")).value_or("");
    if (read.message.size() > message_max) read.message.resize(message_max);
    const auto phase = hook_phase_of(json::text(answer->if_contains("phase")).value_or(""));
    if (!phase) {
        read.message = "answered without a phase: Running, Successful, Failed or Error";
        return read;
    }
    read.phase = *phase;
    if (const auto after = json::text(answer->if_contains("requeueAfter"))) {
        if (const auto duration = parse_duration(*after)) read.again_after = *duration;
    }
    const json::Value* status = answer->if_contains("status");
    if (status && !status->is_null()) read.memory = json::print_canonical(*status);
    return read;
}

json::Array hook_values(const std::vector<HookNote>& hooks) {
    json::Array values;
    for (const HookNote& hook : hooks) {
        json::Object value{
            {"index", hook.step},
            {"name", json::string(hook.name)},
            {"operation", json::string(word_of(hook.operation))},
            {"phase", json::string(word_of(hook.phase))},
            {"startedAt", json::string(format_time(hook.started))},
            {"updatedAt", json::string(format_time(hook.updated))}};
        if (!hook.message.empty()) value["message"] = json::string(hook.message);
        if (hook.finished) value["finishedAt"] = json::string(format_time(*hook.finished));
        if (hook.again_after) value["backoff"] = json::string(format_duration(*hook.again_after));
        if (hook.executions > 0) value["executions"] = hook.executions;
        if (hook.is_disabled) value["disabled"] = true;
        if (!hook.memory.empty()) {
            if (const auto memory = json::parse(hook.memory)) value["status"] = *memory;
        }
        values.emplace_back(std::move(value));
    }
    return values;
}

std::vector<HookNote> read_hooks(const json::Value* statuses) {
    std::vector<HookNote> hooks;
    const json::Array* values = json::array(statuses);
    if (!values) return hooks;
    for (const json::Value& value : *values) {
        const auto text = [&](std::string_view key) {
            return std::string(json::text(json::find(value, "/" + std::string(key))).value_or(""));
        };
        const auto time = [&](std::string_view key) -> std::optional<Instant> {
            const auto at = parse_time(text(key));
            if (!at) return std::nullopt;
            return std::chrono::floor<std::chrono::seconds>(*at);
        };
        const auto number = [&](std::string_view pointer) {
            return static_cast<int>(std::clamp<std::int64_t>(
                json::integer(json::find(value, pointer)).value_or(0), 0, 1'000'000'000));
        };
        const auto operation = hook_operation_of(text("operation"));
        const auto phase = hook_phase_of(text("phase"));
        const auto started = time("startedAt");
        if (!operation || !phase || !started) continue;
        HookNote hook{
            .step = number("/index"),
            .name = text("name"),
            .operation = *operation,
            .phase = *phase,
            .message = text("message"),
            .started = *started,
            .updated = time("updatedAt").value_or(*started),
            .finished = time("finishedAt"),
            .executions = number("/executions"),
            .is_disabled = json::boolean(json::find(value, "/disabled")).value_or(false),
        };
        if (const auto backoff = parse_duration(text("backoff"))) hook.again_after = *backoff;
        const json::Value* memory = json::find(value, "/status");
        if (memory && !memory->is_null()) hook.memory = json::print_canonical(*memory);
        hooks.push_back(std::move(hook));
    }
    return hooks;
}

std::string_view word_of(HookOperation operation) {
    for (const auto& [value, word] : operations) {
        if (value == operation) return word;
    }
    return {};
}
std::optional<HookOperation> hook_operation_of(std::string_view word) {
    for (const auto& [value, known] : operations) {
        if (known == word) return value;
    }
    return std::nullopt;
}

std::string_view word_of(HookPhase phase) {
    for (const auto& [value, word] : phases) {
        if (value == phase) return word;
    }
    return {};
}
std::optional<HookPhase> hook_phase_of(std::string_view word) {
    for (const auto& [value, known] : phases) {
        if (known == word) return value;
    }
    return std::nullopt;
}

}  // namespace serin::argo
