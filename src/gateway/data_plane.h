#pragma once

#include "gateway/instance.h"
#include "gateway/listeners.h"
#include "gateway/outcome_stream.h"
#include "ports/event_loop.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace serin::gateway {

// The HAProxy processes, kept in line with a routing table: one that serves, at times one that is
// starting to replace it, and old ones that finish what they have in flight. Everything runs on the
// event loop's thread.
class DataPlane {
public:
    struct Settings {
        std::string folder;  // Absolute; processes live in numbered folders below it.
        std::string binary;
    };
    // `on_change` is called, never from within a call, when something happened that the table's
    // owner may want to report: a process came up or went away, a server was taken out.
    DataPlane(
        EventLoop& loop, Settings settings, OutcomeSink& sink, std::function<void()> on_change);
    ~DataPlane();  // The processes go on serving.

    // Adopts what an earlier Serin left running.
    void start();
    // Makes `table` what is served from now on. REQUIRES: it stays where it is until the next call.
    void follow(const RoutingTable& table, std::map<std::string, Ranges> splits);
    // The same when only one rule's split has changed.
    void follow_split(const std::string& rule, const Ranges& ranges);
    // Ends all processes after their requests, at most after `patience`; blocks.
    void shut_down(Duration patience);

    bool is_up() const { return serving() != nullptr; }
    // Read back from every process that takes requests.
    bool confirms(const std::string& rule) const;
    // New requests go to the backend's endpoints and no others, in every such process.
    bool confirms(const Backend& backend) const;
    std::set<std::string> pods_in_use() const;
    // Why no process runs, or why the newest table is not served yet; empty when all is well.
    const std::string& trouble() const { return trouble_; }
    // The rule that HAProxy would not take, if it named one.
    const std::string& refused_rule() const { return refused_rule_; }
    // What could not be bound, by the frontend's name.
    const std::map<std::string, std::string>& unbound() const { return unbound_; }
    // Process id of the serving process; 0 without one.
    int pid() const { return serving() == nullptr ? 0 : serving()->process().pid; }

private:
    const Instance* serving() const;
    Instance* starting() const;
    void adopt_all();
    void watch(Instance& instance);
    void advance();
    void advance_starting(Instance& instance);
    void advance_followers();
    std::optional<Instant> first_start_at(Instant now);
    void start_if_needed();
    void on_end(int number);
    void on_failed_start(const Instance& instance);
    void check_health();
    void schedule(Duration delay);
    void changed();

    EventLoop& loop_;
    Settings settings_;
    OutcomeStream stream_;
    std::function<void()> on_change_;
    Listeners listeners_;
    std::map<int, std::unique_ptr<Instance>> instances_;  // By number; the last is the newest.
    std::map<int, EventLoop::Watch> end_watches_;         // By number.
    std::map<int, int> unanswered_;                       // By number: health checks in a row.
    const RoutingTable* table_ = nullptr;
    std::map<std::string, Ranges> splits_;
    std::string wanted_;   // Fingerprint of the table; empty before the first.
    std::string refused_;  // Fingerprint that HAProxy would not take.
    std::string refused_rule_;
    std::string trouble_;
    bool has_failed_ = false;  // The serving process did not follow at the last attempt.
    std::map<std::string, std::string> unbound_;
    int next_number_ = 1;
    Instant next_start_{};
    std::optional<Instant> first_pods_by_;  // How long the first process may wait for pods.
    Duration backoff_{0};
    EventLoop::Watch timer_;
    std::optional<Instant> timer_at_;
    EventLoop::Watch health_timer_;
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace serin::gateway
