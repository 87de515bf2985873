#include "server/pod_summary.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::server {

namespace {

// Why a container is not running, in a word; empty when it runs.
std::string trouble(const json::Value& container) {
    const auto text = [&](std::string_view pointer) {
        return std::string(json::text(json::find(container, pointer)).value_or(""));
    };
    if (const std::string reason = text("/state/waiting/reason"); !reason.empty()) return reason;
    if (json::find(container, "/state/terminated") == nullptr) return "";
    if (const std::string reason = text("/state/terminated/reason"); !reason.empty()) return reason;
    const auto signal = json::integer(json::find(container, "/state/terminated/signal"));
    if (signal.value_or(0) != 0) return fmt::format("Signal:{}", *signal);
    const auto code = json::integer(json::find(container, "/state/terminated/exitCode"));
    return fmt::format("ExitCode:{}", code.value_or(0));
}

std::optional<Instant> last_end(const json::Value& container) {
    const auto at = json::text(json::find(container, "/lastState/terminated/finishedAt"));
    if (!at) return std::nullopt;
    const auto parsed = parse_time(*at);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace

PodSummary summarize_pod(const Object& pod, Instant now) {
    const json::Array* containers = json::array(pod.find("/spec/containers"));
    const json::Array* statuses = json::array(pod.find("/status/containerStatuses"));
    std::string status(pod.text("/status/reason", pod.text("/status/phase", "Pending")));
    int ready = 0;
    std::int64_t restarts = 0;
    std::optional<Instant> restarted;
    bool is_running = false;
    if (statuses != nullptr) {
        // The first container's trouble is told, as kubectl does it.
        for (auto one = statuses->rbegin(); one != statuses->rend(); ++one) {
            restarts += json::integer(json::find(*one, "/restartCount")).value_or(0);
            if (const auto at = last_end(*one)) {
                restarted = restarted ? std::max(*restarted, *at) : *at;
            }
            const bool runs = json::find(*one, "/state/running") != nullptr;
            is_running = is_running || runs;
            if (runs && json::boolean(json::find(*one, "/ready")).value_or(false)) ++ready;
            if (std::string why = trouble(*one); !why.empty()) status = std::move(why);
        }
    }
    if (status == "Completed" && is_running) status = "Running";
    if (pod.is_being_deleted()) status = "Terminating";

    PodSummary summary;
    summary.ready = fmt::format("{}/{}", ready, containers == nullptr ? 0 : containers->size());
    summary.status = std::move(status);
    summary.restarts = std::to_string(restarts);
    if (restarts > 0 && restarted) {
        summary.restarts += fmt::format(" ({} ago)", format_age(now - *restarted));
    }
    return summary;
}

}  // namespace serin::server
