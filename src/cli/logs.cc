#include "cli/commands.h"
#include "cli/exit_codes.h"

#include <fmt/format.h>

#include <cstdio>

namespace serin::cli {

namespace {

std::string log_path(const Api& api, const std::string& pod, const LogOptions& options) {
    std::string path = api.path_of(types::pod(), pod) + "/log?";
    if (!options.container.empty()) path += "container=" + encode_query(options.container) + "&";
    if (options.follows) path += "follow=true&";
    if (options.is_previous) path += "previous=true&";
    if (options.has_timestamps) path += "timestamps=true&";
    if (options.tail) path += fmt::format("tailLines={}&", *options.tail);
    if (options.since) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*options.since).count();
        path += fmt::format("sinceSeconds={}&", seconds);
    }
    path.pop_back();
    return path;
}

// The pods of rollout/NAME, or the one pod named.
Result<std::vector<std::string>> pods_of(Api& api, const std::string& name) {
    constexpr std::string_view prefix = "rollout/";
    if (!name.starts_with(prefix)) return std::vector{name};
    SERIN_TRY(const Object rollout, api.get(types::rollout(), name.substr(prefix.size())));
    SERIN_TRY(const std::vector<Object> sets, api.list(types::replica_set()));
    SERIN_TRY(const std::vector<Object> pods, api.list(types::pod()));
    std::vector<std::string> names;
    for (const Object& set : sets) {
        if (set.controller_uid() != rollout.uid()) continue;
        for (const Object& pod : pods) {
            if (pod.controller_uid() == set.uid()) names.emplace_back(pod.name());
        }
    }
    if (names.empty()) return fail(ErrorKind::not_found, "the rollout has no pods");
    return names;
}

}  // namespace

int run_logs(Api& api, const LogOptions& options) {
    const auto pods = pods_of(api, options.name);
    if (!pods) return report(pods.error());
    if (options.follows && pods->size() > 1) {
        return report({ErrorKind::invalid, "--follow takes one pod; `serin get pods` names them"});
    }
    for (const std::string& pod : *pods) {
        if (pods->size() > 1) fmt::print("==> {} <==\n", pod);
        const auto print = [](std::string_view bytes) {
            std::fwrite(bytes.data(), 1, bytes.size(), stdout);
            std::fflush(stdout);
        };
        const auto read = api.stream(log_path(api, pod, options), print);
        if (!read) return report(read.error());
    }
    return exit_ok;
}

}  // namespace serin::cli
