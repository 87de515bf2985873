#pragma once

#include "gateway/listeners.h"
#include "gateway/model.h"
#include "gateway/process.h"
#include "gateway/render.h"
#include "gateway/runtime_answers.h"
#include "gateway/runtime_socket.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace serin::gateway {

// One HAProxy process and what it is known to do. It reads its files once, at its start, from a
// folder of its own; all later changes go through its runtime API. A new structure means a new
// process on the same listening sockets, and a soft stop of this one.
//
// Commands block the caller for some 30 us each; see RuntimeSocket.
class Instance {
public:
    enum class Phase { starting, serving, stopping };

    // Writes the files to `folder`/`number` and starts a process on them.
    static Result<std::unique_ptr<Instance>> start(
        const std::string& binary,
        const std::string& folder,
        int number,
        const RoutingTable& table,
        const std::map<std::string, Ranges>& splits,
        const Listeners& listeners);
    // Takes over a process that an earlier Serin started there, and its listening sockets where the
    // system allows it. `not_found` when none answers.
    static Result<std::unique_ptr<Instance>> adopt(
        const std::string& folder, int number, Listeners& listeners);

    // Adopted without all of its listening sockets: it cannot be replaced without a gap.
    bool has_kept_listeners() const { return has_kept_listeners_; }
    int number() const { return number_; }
    Phase phase() const { return phase_; }
    const Process& process() const { return process_; }
    const std::string& fingerprint() const { return fingerprint_; }
    std::string socket_path() const { return dir_ + "/admin.sock"; }

    // Tries to become ready: success once the process answers.
    Result<> connect();
    // Reads servers and splits back from the process; of many splits some at a time.
    Result<> refresh(std::size_t splits_max);

    // Makes servers and splits those of the table as far as this process knows their backends:
    // adds first, then moves traffic, then takes servers out. `unavailable` when it does not
    // answer.
    Result<> follow(
        const RoutingTable& table, const std::map<std::string, Ranges>& splits, Instant now);
    Result<> follow_split(const std::string& rule, const Ranges& ranges);

    // Whether requests of the rule are split so, as read back. A rule that this process does not
    // know, or whose backends it does not know, it cannot confirm.
    bool confirms(const std::string& rule, const Ranges& ranges) const;
    bool knows(const std::string& rule, const Ranges& ranges) const;

    // Whether new requests of the backend go to these endpoints and no others. A process that does
    // not know the backend sends none.
    bool confirms(const Backend& backend) const;

    // The pods a request may still reach through this process: "<namespace>/<server>".
    void add_pods_in_use(std::set<std::string>& into) const;
    bool is_draining() const;

    // Closes the listening sockets and lets what is in flight end.
    void stop_softly();
    // After stop_softly: true when no client is left.
    bool is_idle();
    // Lets an idle process go by closing the connection to it.
    void let_go();
    // Keeps what HAProxy prints about the health of servers from filling the disk.
    void trim_log() const;
    // Removes the folder. REQUIRES: the process has ended.
    void remove_files() const;
    // Why it did not start: HAProxy's own words, and the rule they are about, if any.
    struct Failure {
        std::string message;
        std::string rule;
    };
    Failure explain_failure() const;

private:
    struct Drain {
        std::optional<Instant> cut_at;
    };

    Instance(std::string dir, int number) : dir_(std::move(dir)), number_(number) {}
    Result<std::string> command(const std::string& line);
    Result<> add_missing_servers(const RoutingTable& table);
    Result<> add_server(const std::string& backend, const Endpoint& endpoint);
    Result<> write_split(const std::string& rule, const Ranges& ranges);
    Result<> remove_unwanted_servers(const RoutingTable& table, Instant now);
    bool is_wanted(
        const RoutingTable& table,
        const std::string& backend,
        const std::string& server,
        const SeenServer& seen) const;
    Result<bool> remove_server(
        const RoutingTable& table,
        const std::string& backend,
        const std::string& server,
        std::int64_t in_flight,
        Instant now);

    std::string dir_;
    int number_ = 0;
    Phase phase_ = Phase::starting;
    bool has_kept_listeners_ = false;
    Process process_;
    std::string fingerprint_;
    std::vector<std::string> owners_;
    std::unique_ptr<RuntimeSocket> socket_;
    std::string last_refreshed_;                  // The rule after which the next refresh goes on.
    std::map<std::string, Ranges> splits_;        // By rule, as read back.
    std::map<std::string, SeenServers> servers_;  // By backend; every backend is in here.
    std::map<std::string, Drain> drains_;         // By "backend/server".
};

}  // namespace serin::gateway
