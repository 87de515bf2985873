#include "cli/tree.h"

#include "cli/rollout_view.h"
#include "cli/table.h"
#include "ports/job.h"

#include <fmt/format.h>

namespace serin::cli {

namespace {

std::string pod_info(const Object& pod) {
    std::int64_t ready = 0;
    std::int64_t restarts = 0;
    const json::Array* statuses = json::array(pod.find("/status/containerStatuses"));
    if (statuses != nullptr) {
        for (const json::Value& status : *statuses) {
            ready += json::boolean(json::find(status, "/ready")).value_or(false) ? 1 : 0;
            restarts += json::integer(json::find(status, "/restartCount")).value_or(0);
        }
    }
    const json::Array* containers = json::array(pod.find("/spec/containers"));
    std::string info =
        fmt::format("ready:{}/{}", ready, containers == nullptr ? 0 : containers->size());
    if (restarts > 0) info += fmt::format(",restarts:{}", restarts);
    return info;
}

// What measurements in flight tell of themselves: when they can be expected to end, what is left;
// and in which parts of the traffic the canary is worse.
std::vector<std::string> outlooks(const Object& run) {
    std::vector<std::string> all;
    const json::Array* results = json::array(run.find("/status/metricResults"));
    if (results == nullptr) return all;
    for (const json::Value& result : *results) {
        const json::Array* measurements = json::array(json::find(result, "/measurements"));
        if (measurements == nullptr || measurements->empty()) continue;
        const json::Value& last = measurements->back();
        const bool is_over = json::find(last, "/finishedAt") != nullptr;
        for (const char* fact :
             {"/metadata/warning",
              "/metadata/plan",
              "/metadata/estimate",
              "/metadata/budget",
              "/metadata/where"}) {
            const auto text = json::text(json::find(last, fact));
            if (!text || (is_over && std::string_view(fact) != "/metadata/where")) continue;
            all.push_back(
                fmt::format("{}: {}", json::text(json::find(result, "/name")).value_or(""), *text));
        }
    }
    return all;
}

std::string run_info(const Object& run) {
    struct Count {
        std::string_view icon;
        std::string_view field;
        std::int64_t sum = 0;
    };
    Count counts[] = {
        {"✔", "/successful"}, {"✖", "/failed"}, {"?", "/inconclusive"}, {"⚠", "/error"}};
    if (const json::Array* results = json::array(run.find("/status/metricResults"))) {
        for (const json::Value& result : *results) {
            for (Count& count : counts) {
                count.sum += json::integer(json::find(result, count.field)).value_or(0);
            }
        }
    }
    std::string info;
    for (const Count& count : counts) {
        if (count.sum == 0) continue;
        if (!info.empty()) info += ",";
        info += fmt::format("{} {}", count.icon, count.sum);
    }
    for (const std::string& told : outlooks(run)) info += (info.empty() ? "" : "; ") + told;
    return info;
}

void add_rows(
    const TreeNode& node, const std::string& lead, const std::string& branch, Table& table) {
    const std::string status =
        node.status.empty() ? ""
                            : fmt::format("{} {}", icon_of(node.kind, node.status), node.status);
    table.rows.push_back(
        {branch + node.icon + " " + node.name, node.kind, status, node.age, node.info});
    for (size_t i = 0; i < node.children.size(); ++i) {
        const bool is_last = i + 1 == node.children.size();
        add_rows(
            node.children[i],
            lead + (is_last ? "   " : "│  "),
            lead + (is_last ? "└──" : "├──"),
            table);
    }
}

std::string job_status(const Object& job) {
    const auto end = end_of(job);
    if (!end) return "Running";
    return end->is_complete ? "Successful" : "Failed";
}

}  // namespace

std::string render_tree(const TreeNode& root) {
    Table table{.header = {"NAME", "KIND", "STATUS", "AGE", "INFO"}, .rows = {}};
    add_rows(root, "", "", table);
    return to_text(table);
}

std::string age(const Object& object, Instant now) {
    return object.created() ? format_age(now - *object.created()) : "";
}

bool is_owned_by(const Object& object, const Object& owner) {
    return !owner.uid().empty() && object.controller_uid() == owner.uid();
}

std::string replica_set_status(const Object& replica_set) {
    const std::int64_t wanted = replica_set.integer("/spec/replicas");
    const std::int64_t available = replica_set.integer("/status/availableReplicas");
    const std::int64_t current = replica_set.integer("/status/replicas");
    if (available < wanted ||
        replica_set.integer("/status/observedGeneration") < replica_set.generation()) {
        return "Progressing";
    }
    return wanted == 0 && current == 0 ? "ScaledDown" : "Healthy";
}

void add_pods(TreeNode& node, const std::vector<Object>& pods, const Object& owner, Instant now) {
    for (const Object& pod : pods) {
        if (!is_owned_by(pod, owner)) continue;
        node.children.push_back(
            {.icon = "□",
             .name = std::string(pod.name()),
             .kind = "Pod",
             .status = pod_status(pod),
             .age = age(pod, now),
             .info = pod_info(pod)});
    }
}

TreeNode run_node(const Object& run, const std::vector<Object>& jobs, Instant now) {
    TreeNode node{
        .icon = "α",
        .name = std::string(run.name()),
        .kind = "AnalysisRun",
        .status = std::string(run.text("/status/phase", "Pending")),
        .age = age(run, now),
        .info = run_info(run)};
    for (const Object& job : jobs) {
        if (!is_owned_by(job, run)) continue;
        node.children.push_back(
            {.icon = "⊞",
             .name = std::string(job.name()),
             .kind = "Job",
             .status = job_status(job),
             .age = age(job, now)});
    }
    return node;
}

}  // namespace serin::cli
