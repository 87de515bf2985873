#include "cli/up.h"

#include "base/json.h"
#include "base/log.h"
#include "cli/exit_codes.h"
#include "cli/start.h"
#include "cli/state_lock.h"
#include "cli/wiring.h"
#include "net/loop.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <system_error>
#include <unistd.h>

namespace serin::cli {

namespace {

namespace fs = std::filesystem;

// What `serin up` says about itself for the commands; gone when it ends by itself.
class ServerFile {
public:
    ServerFile(const std::string& state_dir, const std::string& url, const std::string& token_file)
        : path_(state_dir + "/server.json") {
        json::Object content{{"url", json::string(url)}, {"pid", getpid()}};
        if (!token_file.empty()) {
            content["token_file"] = json::string(fs::absolute(token_file).string());
        }
        std::ofstream(path_ + ".new") << json::print(content) << "\n";
        std::error_code ignored;
        fs::rename(path_ + ".new", path_, ignored);
    }
    ~ServerFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    ServerFile(const ServerFile&) = delete;
    ServerFile& operator=(const ServerFile&) = delete;

private:
    std::string path_;
};

}  // namespace

int run_up(const UpOptions& given) {
    UpOptions options = given;
    options.state_dir = fs::absolute(options.state_dir).lexically_normal().string();
    log::configure(
        options.is_verbose ? log::Level::debug : log::Level::info,
        options.logs_json ? log::Form::json : log::Form::text);

    const auto lock = StateLock::take(options.state_dir);
    if (!lock) return report(lock.error());
    options.pod_descriptors_max = raise_descriptor_limit();
    net::AsioLoop loop;
    const auto on_signal = loop.on_signal({SIGINT, SIGTERM}, [&](int) { loop.stop(); });
    LocalMachine machine(loop);
    if (const auto started = machine.start(options); !started) return report(started.error());

    const ServerFile file(options.state_dir, machine.url(), options.token_file);
    fmt::print("serin serves {} (state in {})\n", machine.url(), options.state_dir);
    std::fflush(stdout);
    log::info("started", {{"url", machine.url()}, {"state", options.state_dir}});
    loop.run();
    log::info("stopped", {{"note", "pods and gateway go on; `serin down` ends them"}});
    return exit_ok;
}

int run_down(const std::string& state_dir, const std::string& haproxy) {
    const std::string folder = fs::absolute(state_dir).lexically_normal().string();
    log::configure(log::Level::warning, log::Form::text);
    std::error_code error;
    if (!fs::exists(folder, error)) {
        fmt::print("nothing runs on {}\n", folder);
        return exit_ok;
    }
    const auto lock = StateLock::take(folder);
    if (!lock) return report(lock.error());
    net::AsioLoop loop;
    if (const auto ended = end_processes(loop, folder, haproxy); !ended) {
        return report(ended.error());
    }
    fmt::print("all pods and the gateway of {} have ended\n", folder);
    return exit_ok;
}

}  // namespace serin::cli
