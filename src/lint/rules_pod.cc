#include "lint/families.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace serin::lint {

using manifest::Part;

namespace {

// Words in a liveness check that say it looks beyond the process.
constexpr std::string_view dependencies[] = {
    "/db",
    "database",
    "pg_isready",
    "psql",
    "mysqladmin",
    "redis-cli",
    "mongo",
    "/deep",
    "dependenc",
    "downstream",
    "kafka"};

void check_probes(const Context& context, const PodTemplate& pods, const Part& container) {
    const bool is_rollout = pods.source->object.kind() == "Rollout";
    if (is_rollout && container["ports"].size() > 0 && !container["readinessProbe"].is_given()) {
        context.reporter.add(
            "no-readiness-probe",
            *pods.source,
            container.pointer(),
            "has no readinessProbe: it gets requests as soon as it is started",
            "add one, such as httpGet: {path: /ready, port: http}");
    }
    const Part liveness = container["livenessProbe"];
    std::string asked = liveness["httpGet"]["path"].text();
    const Part command = liveness["exec"]["command"];
    for (std::size_t i = 0; i < command.size(); ++i) asked += " " + command[i].text();
    const bool looks_beyond = std::ranges::any_of(
        dependencies, [&](std::string_view word) { return asked.contains(word); });
    if (!looks_beyond) return;
    context.reporter.add(
        "liveness-checks-dependency",
        *pods.source,
        liveness.pointer(),
        fmt::format("'{}' asks another service: its outage restarts every pod", asked),
        "check the process alone, and dependencies in the readinessProbe");
}

void check_image(const Context& context, const PodTemplate& pods, const Part& container) {
    const std::string image = container["image"].text();
    if (image.empty() || image.contains('@')) return;
    const auto slash = image.rfind('/');
    const std::string last = slash == image.npos ? image : image.substr(slash + 1);
    const auto colon = last.find(':');
    const std::string tag = colon == last.npos ? "" : last.substr(colon + 1);
    if (!tag.empty() && tag != "latest") return;
    context.reporter.add(
        "mutable-image",
        *pods.source,
        container["image"].pointer(),
        tag.empty() ? "has no tag: what runs may change without a release"
                    : "'latest' may be another image tomorrow: an old version cannot be run again",
        "name a version or a digest");
}

void check_volumes(const Context& context, const PodTemplate& pods) {
    const Part volumes = pods.spec["volumes"];
    const std::int64_t replicas = pods.source->spec()["replicas"].integer().value_or(1);
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        const Part claim = volumes[i]["persistentVolumeClaim"]["claimName"];
        if (claim.text().empty()) continue;
        const Source* found =
            context.sources.find("PersistentVolumeClaim", pods.source->object.ns(), claim.text());
        if (!found) {
            context.reporter.add(
                "missing-claim",
                *pods.source,
                claim.pointer(),
                fmt::format("there is no PersistentVolumeClaim '{}'", claim.text()),
                "add it, or correct the name");
        }
        bool is_shared = false;
        const Part modes = found ? found->spec()["accessModes"] : volumes[i]["none"];
        for (std::size_t j = 0; j < modes.size(); ++j) {
            is_shared = is_shared || modes[j].text().ends_with("Many");
        }
        if (replicas <= 1 || is_shared) continue;
        context.reporter.add(
            "shared-claim",
            *pods.source,
            claim.pointer(),
            fmt::format(
                "{} replicas share one volume, and are no cluster: each has other data, or none "
                "starts",
                replicas),
            "run one replica, or a StatefulSet that clusters");
    }
}

}  // namespace

void check_pods(const Context& context) {
    for (const PodTemplate& pods : pod_templates(context.sources)) {
        const Part containers = pods.spec["containers"];
        for (std::size_t i = 0; i < containers.size(); ++i) {
            check_probes(context, pods, containers[i]);
            check_image(context, pods, containers[i]);
        }
        check_volumes(context, pods);
    }
}

}  // namespace serin::lint
