#include "cli/gateway_role.h"

#include "base/log.h"
#include "cli/exit_codes.h"
#include "cli/find_cluster.h"
#include "cli/gateway_wiring.h"
#include "cli/start.h"
#include "cli/state_lock.h"
#include "net/loop.h"

#include <filesystem>
#include <signal.h>

namespace serin::cli {

int run_gateway(const GatewayOptions& given) {
    GatewayOptions options = given;
    options.state_dir = std::filesystem::absolute(options.state_dir).lexically_normal().string();
    log::configure(
        options.is_verbose ? log::Level::debug : log::Level::info,
        options.logs_json ? log::Form::json : log::Form::text);
    const auto config = find_cluster(options.kubeconfig, options.context);
    if (!config) return report(config.error());
    const auto lock = StateLock::take(options.state_dir);
    if (!lock) return report(lock.error());
    raise_descriptor_limit();

    net::AsioLoop loop;
    int code = exit_ok;
    ClusterGateway gateway(loop);
    EventLoop::Watch end_timer;
    const auto on_signal = loop.on_signal({SIGINT, SIGTERM}, [&](int) {
        if (end_timer) return loop.stop();  // Asked twice: at once.
        log::info("ending", {{"drain_seconds", options.drain_seconds}});
        gateway.leave_endpoints();
        end_timer = loop.after(std::chrono::seconds(options.drain_seconds), [&] { loop.stop(); });
    });
    const auto started = gateway.start(options, *config, [&](const Error& error) {
        log::error("failed", {{"error", error.message}});
        code = exit_error;
        loop.stop();
    });
    if (!started) return report(started.error());
    log::info(
        "started",
        {{"cluster", config->server}, {"state", options.state_dir}, {"port", gateway.port()}});
    loop.run();
    gateway.end();
    log::info("stopped");
    return code;
}

}  // namespace serin::cli
