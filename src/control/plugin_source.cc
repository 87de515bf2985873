#include "control/plugin_source.h"

#include "control/hook_calls.h"
#include "manifest/argo/plugins.h"

#include <fmt/format.h>

#include <utility>

namespace serin::control {

namespace {

class Asked : public MetricSource::Measurement {
public:
    std::unique_ptr<PluginRunner::Call> call;
};

json::Object arm_of(const MetricArm& arm) {
    return {{"revision", json::string(arm.revision)}, {"service", json::string(arm.service)}};
}

json::Object request_of(const MetricQuery& query, const std::string& plugin) {
    json::Object request{
        {"protocol", "serin.dev/plugin/v1"},
        {"method", "Measure"},
        {"plugin", json::string(plugin)},
        {"config", query.config.begin()->value()},
        {"run",
         json::Object{
             {"namespace", json::string(query.ns)},
             {"name", json::string(query.run)},
             {"uid", json::string(query.run_uid)}}},
        {"metric", json::string(query.metric)},
        {"number", query.number},
        {"startedAt", json::string(format_time(query.started))},
        {"now", json::string(format_time(query.now))},
        {"canary", arm_of(query.candidate)},
        {"stable", arm_of(query.stable)}};
    if (query.previous) request["previousAt"] = json::string(format_time(*query.previous));
    return request;
}

Result<MetricSample> read_sample(const Result<json::Object>& answer, const std::string& plugin) {
    using enum MetricSample::Judgement;
    if (!answer) return std::unexpected(answer.error());
    const auto refuse = [&](std::string_view what) {
        return fail(ErrorKind::unavailable, fmt::format("plugin '{}': {}", plugin, what));
    };
    const auto text = [&](std::string_view key) {
        return std::string(json::text(answer->if_contains(key)).value_or(""));
    };
    if (const std::string error = text("error"); !error.empty()) return refuse(error);
    MetricSample sample;
    sample.summary = text("message");
    if (const json::Value* result = answer->if_contains("result")) sample.result = *result;
    const json::Value* value = answer->if_contains("value");
    sample.value = value ? text("value") : json::print(sample.result);
    if (value && sample.value.empty()) sample.value = json::print(*value);
    if (const json::Object* metadata = json::object(answer->if_contains("metadata"))) {
        for (const auto& member : *metadata) {
            const auto one = json::text(&member.value());
            sample.metadata[std::string(member.key())] =
                one ? std::string(*one) : json::print(member.value());
        }
    }
    const std::string phase = text("phase");
    if (phase == "Successful") sample.judgement = successful;
    if (phase == "Failed") sample.judgement = failed;
    if (phase == "Inconclusive") sample.judgement = inconclusive;
    if (!phase.empty() && !sample.judgement) {
        return refuse("it answered with a phase other than Successful, Failed and Inconclusive");
    }
    if (!sample.judgement && sample.result.is_null()) return refuse("it answered without a result");
    return sample;
}

}  // namespace

Result<> PluginSource::check(const json::Object& config) const {
    if (config.size() != 1) return fail(ErrorKind::invalid, "names exactly one plugin");
    const std::string name(config.begin()->key());
    // The registration may lie in the namespace of the run, which is not known here.
    const auto registered = find_plugin_config(store_, "default");
    if (!registered) return {};
    const auto entry = argo::find_plugin(*registered, argo::metric_plugins, name);
    if (!entry && entry.error().kind == ErrorKind::invalid) {
        return std::unexpected(entry.error());
    }
    return {};
}

std::unique_ptr<MetricSource::Measurement> PluginSource::measure(MetricQuery query, Done done) {
    const std::string name(query.config.begin()->key());
    const auto config = find_plugin_config(store_, query.ns);
    const auto entry = argo::find_plugin(config ? *config : Object(), argo::metric_plugins, name);
    if (!entry || entry->is_disabled) {
        done(
            entry ? fail(ErrorKind::invalid, fmt::format("plugin '{}' is disabled", name))
                  : std::unexpected(entry.error()));
        return nullptr;
    }
    auto asked = std::make_unique<Asked>();
    asked->call = runner_.call(
        {.plugin = name,
         .program = entry->program,
         .arguments = entry->arguments,
         .sha256 = entry->sha256,
         .request = request_of(query, name)},
        [name, done = std::move(done)](const Result<json::Object>& answer) {
            done(read_sample(answer, name));
        });
    return asked;
}

}  // namespace serin::control
