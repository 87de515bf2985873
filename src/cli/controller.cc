#include "cli/controller.h"

#include "base/log.h"
#include "cli/cluster_wiring.h"
#include "cli/exit_codes.h"
#include "cli/find_cluster.h"
#include "cli/start.h"
#include "cli/state_lock.h"
#include "net/loop.h"

#include <filesystem>
#include <signal.h>
#include <utility>

namespace serin::cli {

int run_controller(const ControllerOptions& given) {
    ControllerOptions options = given;
    options.state_dir = std::filesystem::absolute(options.state_dir).lexically_normal().string();
    log::configure(
        options.is_verbose ? log::Level::debug : log::Level::info,
        options.logs_json ? log::Form::json : log::Form::text);
    auto config = find_cluster(options.kubeconfig, options.context);
    if (!config) return report(config.error());
    const auto lock = StateLock::take(options.state_dir);
    if (!lock) return report(lock.error());
    raise_descriptor_limit();

    net::AsioLoop loop;
    int code = exit_ok;
    const auto on_signal = loop.on_signal({SIGINT, SIGTERM}, [&](int) { loop.stop(); });
    const std::string server = config->server;
    ClusterController controller(loop);
    const auto started = controller.start(options, *config, [&](const Error& error) {
        log::error("leadership_lost", {{"error", error.message}});
        code = exit_error;
        loop.stop();
    });
    if (!started) return report(started.error());
    log::info(
        "started",
        {{"cluster", server}, {"state", options.state_dir}, {"port", controller.port()}});
    loop.run();
    log::info("stopped");
    return code;
}

}  // namespace serin::cli
