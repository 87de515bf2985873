#include "control/hook_calls.h"

#include "manifest/argo/plugins.h"

#include <fmt/format.h>

#include <utility>

namespace serin::control {

namespace {

std::string pointer_of(int step) {
    return fmt::format("/spec/strategy/canary/steps/{}/plugin", step);
}

Result<argo::PluginEntry> find_entry(
    const ObjectStore& store, std::string_view ns, std::string_view list, const std::string& name) {
    const auto config = find_plugin_config(store, ns);
    if (!config && config.error().kind != ErrorKind::not_found) {
        return std::unexpected(config.error());
    }
    return argo::find_plugin(config ? *config : Object(), list, name);
}

}  // namespace

Result<Object> find_plugin_config(const ObjectStore& store, std::string_view ns) {
    const auto shared = store.get(
        {&types::config_map(),
         std::string(argo::plugin_config_namespace),
         std::string(argo::plugin_config_name)});
    if (shared || shared.error().kind != ErrorKind::not_found) return shared;
    return store.get(
        {&types::config_map(), std::string(ns), std::string(argo::plugin_config_name)});
}

void HookCalls::ask(const ReleaseWorld& world, const CallHook& question) {
    const ObjectKey key = world.rollout.key();
    const auto present = asked_.find(key);
    if (present != asked_.end() && present->second.question == question) return;
    Asked& asked = asked_[key];
    asked = Asked{.question = question};
    auto call = make_call(world, question);
    if (!call) return take(key, question, std::unexpected(call.error()));
    asked.call = runner_.call(
        *std::move(call),
        [this, key, question](const Result<json::Object>& answer) { take(key, question, answer); });
}

Result<PluginCall> HookCalls::make_call(const ReleaseWorld& world, const CallHook& question) const {
    const Object& rollout = world.rollout;
    const std::string name(rollout.text(pointer_of(question.step) + "/name"));
    SERIN_TRY(
        const argo::PluginEntry entry, find_entry(store_, rollout.ns(), argo::step_plugins, name));
    return PluginCall{
        .plugin = name,
        .program = entry.program,
        .arguments = entry.arguments,
        .sha256 = entry.sha256,
        .request = argo::hook_request(
            rollout,
            {.plugin = name,
             .config = rollout.find(pointer_of(question.step) + "/config"),
             .step = question.step,
             .operation = question.operation,
             .execution = question.execution,
             .revision = question.revision,
             .memory = question.memory}),
    };
}

void HookCalls::take(
    const ObjectKey& rollout, const CallHook& question, const Result<json::Object>& answer) {
    const auto asked = asked_.find(rollout);
    if (asked == asked_.end() || asked->second.question != question) return;
    HookAnswer read = argo::read_hook_answer(answer);
    read.step = question.step;
    read.operation = question.operation;
    read.started = question.started;
    read.execution = question.execution;
    asked->second.answer = std::move(read);
    if (request_) request_(rollout);
}

std::vector<HookAnswer> HookCalls::answers(const ObjectKey& rollout) const {
    const auto asked = asked_.find(rollout);
    if (asked == asked_.end() || !asked->second.answer) return {};
    return {*asked->second.answer};
}

std::vector<std::string> find_hook_problems(const ObjectStore& store, const ReleaseWorld& world) {
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < world.lowered.plan.steps.size(); ++i) {
        const auto* hook = std::get_if<Hook>(&world.lowered.plan.steps[i]);
        if (!hook) continue;
        const auto entry = find_entry(store, world.rollout.ns(), argo::step_plugins, hook->name);
        if (!entry && entry.error().kind != ErrorKind::unavailable) {
            problems.push_back(fmt::format(
                "spec.strategy.canary.steps[{}].plugin.name: {}", i, entry.error().message));
        }
    }
    return problems;
}

void mark_disabled_hooks(const ObjectStore& store, ReleaseWorld& world) {
    for (Step& step : world.lowered.plan.steps) {
        auto* hook = std::get_if<Hook>(&step);
        if (!hook) continue;
        const auto entry = find_entry(store, world.rollout.ns(), argo::step_plugins, hook->name);
        hook->is_disabled = entry && entry->is_disabled;
    }
}

}  // namespace serin::control
