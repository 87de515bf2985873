#pragma once

#include "base/json.h"
#include "base/time.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

// A machine that runs Serin, for tests: its own state, images, manifests and ports in a temporary
// folder, the real programs, and nothing left behind.

namespace serin::e2e {

struct Ran {
    int code = -1;  // Exit code; 128 + signal when a signal ended it.
    std::string out;
    std::string err;
};

// Runs a program to its end. Its standard output and error are kept.
Ran run(const std::vector<std::string>& words);

// A port of loopback that nothing listens on now.
int free_port();

// Looks until `holds` is true; false after `patience`. Conditions only, never a bare wait.
bool wait_until(Duration patience, const std::function<bool()>& holds);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

class Machine {
public:
    // With the manifests of an example, its Gateway on a port of its own, and the images v1
    // (healthy), v2 (healthy), v3 (20 % errors), v3-slow (+40 % latency). The limit of the
    // canary's latency is 5 times that of stable, where the example "shop" has 1.25.
    explicit Machine(const std::string& example = "shop");
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    const std::string& folder() const { return folder_; }
    std::string manifests() const { return folder_ + "/manifests"; }
    std::string state() const { return folder_ + "/state"; }
    std::string url() const;      // Of the shop, through the gateway.
    std::string api_url() const;  // Of `serin up`.
    int gateway_port() const { return gateway_port_; }

    // A release folder whose image.json sets this environment.
    void add_image(const std::string& tag, const std::map<std::string, std::string>& env);
    // Replaces text in a manifest file; fails the test when it is not there.
    void edit(const std::string& file, const std::string& from, const std::string& to);

    // Starts `serin up` and waits until its API answers.
    void up(const std::vector<std::string>& more_words = {});
    // The same, started by these words.
    void up_by(std::vector<std::string> starter, const std::vector<std::string>& more_words = {});
    // Starts it and waits for it to end by itself.
    Ran up_and_fail(const std::vector<std::string>& more_words = {});
    void kill_serin();  // SIGKILL.
    void stop_serin();  // SIGTERM, and waits.
    pid_t serin_pid() const { return serin_; }
    bool is_up() const { return serin_ > 0; }
    std::string log() const;

    Ran serin(std::vector<std::string> words) const;
    // `serin get TYPE NAME -o json`; null when there is none.
    json::Value get(const std::string& type, const std::string& name) const;
    std::string phase() const;  // Of the rollout shop, with its message: "Paused CanaryPauseStep".
    // Waits for the phase (and a part of the message).
    bool wait_for_phase(
        const std::string& phase,
        Duration patience = std::chrono::seconds(60),
        const std::string& message = "") const;

    void start_load(int rate);
    // Ends the load and counts its log; `candidate` is the version under release.
    json::Value stop_load(const std::string& candidate);
    json::Value report(const std::string& candidate, std::int64_t from_ms = 0) const;

private:
    std::string folder_;
    int gateway_port_ = 0;
    pid_t serin_ = 0;
    pid_t load_ = 0;
};

}  // namespace serin::e2e
