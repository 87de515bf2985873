#include "cli/release_metrics.h"

#include "base/json.h"
#include "ports/object_store.h"
#include "server/exposition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

namespace serin::cli {

namespace {

using server::Exposition;
using Kind = Exposition::Kind;
using Labels = Exposition::Labels;

Labels names_of(const Object& object) {
    return {{"namespace", std::string(object.ns())}, {"name", std::string(object.name())}};
}

Labels with(Labels labels, std::string_view name, std::string_view value) {
    labels.emplace_back(name, std::string(value));
    return labels;
}

const json::Value* condition_of(const Object& object, std::string_view type) {
    const json::Array* conditions = json::array(object.find("/status/conditions"));
    if (conditions == nullptr) return nullptr;
    const auto found = std::ranges::find_if(*conditions, [&](const json::Value& one) {
        return json::text(json::find(one, "/type")) == type;
    });
    return found == conditions->end() ? nullptr : &*found;
}

// Argo's word of before there was a phase in the status; its dashboards ask for this one.
std::string_view phase_of_rollout(const Object& rollout) {
    if (condition_of(rollout, "InvalidSpec") != nullptr) return "InvalidSpec";
    const json::Value* progressing = condition_of(rollout, "Progressing");
    const auto reason =
        progressing == nullptr ? std::nullopt : json::text(json::find(*progressing, "/reason"));
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> words{{
        {"NewReplicaSetAvailable", "Completed"},
        {"RolloutPaused", "Paused"},
        {"ProgressDeadlineExceeded", "Timeout"},
        {"RolloutAborted", "Abort"},
    }};
    for (const auto& [of_condition, word] : words) {
        if (reason == of_condition) return word;
    }
    return "Progressing";
}

// A word of the manifest as Argo writes it in labels: "prometheus" is "Prometheus"; a plugin has
// its own name.
std::string label_of(const json::Object& choice) {
    if (choice.empty()) return "";
    const auto& [key, value] = *choice.begin();
    std::string name(key);
    if (const json::Object* plugins = json::object(&value);
        (name == "plugin" || name == "plugins") && plugins != nullptr && !plugins->empty()) {
        return std::string(plugins->begin()->key());
    }
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words{{
        {"web", "WebMetric"},
        {"newRelic", "NewRelic"},
        {"cloudWatch", "CloudWatch"},
        {"influxdb", "InfluxDB"},
        {"skywalking", "SkyWalking"},
        {"smi", "SMI"},
        {"alb", "ALB"},
        {"apisix", "Apisix"},
    }};
    const auto* const found =
        std::ranges::find(words, std::string_view(name), [](const auto& one) { return one.first; });
    if (found != words.end()) return std::string(found->second);
    name.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(name.front())));
    return name;
}

void add_weights(const Object& rollout, const Labels& names, Exposition& out) {
    for (const std::string_view side : {"canary", "stable"}) {
        const json::Value* weight =
            rollout.find("/status/canary/weights/" + std::string(side) + "/weight");
        if (const auto value = json::integer(weight)) {
            out.add(
                "serin_rollout_weight",
                Kind::gauge,
                "Share of the requests that a side is given, of maxTrafficWeight (100).",
                static_cast<double>(*value),
                with(names, "side", side));
        }
    }
    const bool is_verified =
        json::boolean(rollout.find("/status/canary/weights/verified")).value_or(false);
    if (rollout.find("/status/canary/weights") != nullptr) {
        out.add(
            "serin_rollout_weight_in_force",
            Kind::gauge,
            "1 when the weight was seen in the data plane.",
            is_verified ? 1 : 0,
            names);
    }
}

void add_rollout(const Object& rollout, Exposition& out) {
    const Labels names = names_of(rollout);
    const json::Object* strategy = json::object(rollout.find("/spec/strategy"));
    Labels labels = names;
    const std::string kind =
        strategy == nullptr || strategy->empty() ? "" : std::string(strategy->begin()->key());
    labels.emplace_back("strategy", kind);
    const json::Object* router = json::object(rollout.find("/spec/strategy/canary/trafficRouting"));
    labels.emplace_back("traffic_router", router == nullptr ? "" : label_of(*router));
    labels.emplace_back("phase", phase_of_rollout(rollout));
    out.add("rollout_info", Kind::gauge, "Information about a Rollout.", 1, labels);

    const std::int64_t desired = rollout.integer("/spec/replicas", 1);
    const std::int64_t available = rollout.integer("/status/availableReplicas");
    const std::int64_t replicas = rollout.integer("/status/replicas");
    const auto add = [&](std::string_view name, std::string_view help, std::int64_t value) {
        out.add(name, Kind::gauge, help, static_cast<double>(value), names);
    };
    add("rollout_info_replicas_desired", "Replicas that are wanted.", desired);
    add("rollout_info_replicas_available", "Replicas that are available.", available);
    add("rollout_info_replicas_unavailable",
        "Replicas that are not available.",
        std::max<std::int64_t>(replicas - available, 0));
    add("rollout_info_replicas_updated",
        "Replicas of the newest version.",
        rollout.integer("/status/updatedReplicas"));
    if (rollout.find("/status/currentStepIndex") != nullptr) {
        const json::Array* steps = json::array(rollout.find("/spec/strategy/canary/steps"));
        add("serin_rollout_step",
            "Steps that are behind the release.",
            rollout.integer("/status/currentStepIndex"));
        add("serin_rollout_steps",
            "Steps of the release.",
            steps == nullptr ? 0 : static_cast<std::int64_t>(steps->size()));
    }
    add_weights(rollout, names, out);
}

std::string type_of_metric(const Object& run, std::string_view metric) {
    const json::Array* metrics = json::array(run.find("/spec/metrics"));
    if (metrics == nullptr) return "";
    for (const json::Value& one : *metrics) {
        if (json::text(json::find(one, "/name")) != metric) continue;
        const json::Object* provider = json::object(json::find(one, "/provider"));
        return provider == nullptr ? "" : label_of(*provider);
    }
    return "";
}

void add_run(const Object& run, Exposition& out) {
    const Labels names = names_of(run);
    out.add(
        "analysis_run_info",
        Kind::gauge,
        "Information about an AnalysisRun.",
        1,
        with(names, "phase", run.text("/status/phase")));
    const json::Array* results = json::array(run.find("/status/metricResults"));
    if (results == nullptr) return;
    for (const json::Value& result : *results) {
        const std::string name(json::text(json::find(result, "/name")).value_or(""));
        Labels labels = with(names, "metric", name);
        labels.emplace_back("type", type_of_metric(run, name));
        out.add(
            "analysis_run_metric_type", Kind::gauge, "Provider of a metric of a run.", 1, labels);
        const bool is_dry = json::boolean(json::find(result, "/dryRun")).value_or(false);
        labels.emplace_back("dry_run", is_dry ? "true" : "false");
        labels.emplace_back("phase", json::text(json::find(result, "/phase")).value_or(""));
        out.add(
            "analysis_run_metric_phase",
            Kind::gauge,
            "How far a metric of a run has come.",
            1,
            labels);
    }
}

void add_experiment(const Object& experiment, Exposition& out) {
    out.add(
        "experiment_info",
        Kind::gauge,
        "Information about an Experiment.",
        1,
        with(names_of(experiment), "phase", experiment.text("/status/phase")));
}

struct Told {
    const ResourceType* type;
    void (*add)(const Object&, Exposition&);
};

std::array<Told, 3> told_kinds() {
    return {
        {{&types::rollout(), add_rollout},
         {&types::analysis_run(), add_run},
         {&types::experiment(), add_experiment}}};
}

}  // namespace

void add_release_metrics(const ObjectStore& store, Exposition& out) {
    for (const auto& [type, add] : told_kinds()) {
        ListQuery page{.type = type, .limit = 500};
        do {
            const auto listed = store.list(page);
            if (!listed) break;  // Not in memory yet: these samples are absent, not wrong.
            for (const Object& one : listed->items) add(one, out);
            page.continue_at = listed->continue_at;
        } while (!page.continue_at.empty());
    }
}

const std::string& ReleaseMetrics::text() {
    std::string versions;
    for (const Told& kind : told_kinds()) {
        const auto newest = store_.list({.type = kind.type, .limit = 1});
        versions += newest ? newest->resource_version + " " : "none ";
    }
    if (versions != versions_) {
        Exposition out;
        add_release_metrics(store_, out);
        text_ = out.text();
        versions_ = std::move(versions);
    }
    return text_;
}

}  // namespace serin::cli
