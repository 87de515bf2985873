#pragma once

#include "net/curl_client.h"
#include "net/loop.h"
#include "node/node.h"
#include "node/process.h"
#include "ports/http_client.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace serin::node {

// Runs reconcilers as the program's manager does: on changes, again when they ask, again on errors.
class Driver {
public:
    Driver(EventLoop& loop, ObjectStore& store, std::vector<Reconciler*> reconcilers);

private:
    using Request = std::pair<Reconciler*, ObjectKey>;
    void request(const Request& what, Duration delay);
    void run(Request what);

    EventLoop& loop_;
    std::vector<std::unique_ptr<WatchHandle>> watches_;
    std::map<Request, EventLoop::Watch> soon_;
    std::map<Request, EventLoop::Watch> later_;
};

// A node in a folder of its own, with a memory store and virtual time that the test moves.
// Processes are real and take real time. What they leave running is killed at the end.
class World {
public:
    World();
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    ManualLoop loop{Instant(std::chrono::hours(24 * 365 * 50))};
    std::string folder;
    // Its seed is the folder: processes are found by their pod's uid, and those of a test that runs
    // at the same time must not be taken for ours.
    store::MemoryStore store;
    NodeSettings settings;

    // Makes images/<name>/<tag>/run, a shell script.
    void make_image(const std::string& name, const std::string& tag, const std::string& script);

    void start_node();
    // As a crash of Serin would: no process is told.
    void drop_node();
    Node& node() { return *node_; }

    Object apply(const std::string& json);
    // A pod "a" in namespace "default" with this container (JSON members) and these of its spec.
    Object make_pod(const std::string& container, const std::string& more_spec = "");
    Object pod(const std::string& name = "a");
    bool has_pod(const std::string& name = "a");
    std::vector<Object> pods();
    std::string state(const std::string& name = "a");  // Of its first container, as JSON.
    std::string log(const LogQuery& query);
    std::string log() { return log({.ns = "default", .pod = "a"}); }
    // Reason and message of all Events, one a line.
    std::string events();
    pid_t pid(const std::string& name = "a", const std::string& container = "main");

    // Virtual time stands still meanwhile.
    bool until(const std::function<bool()>& is_done);
    // Real time for processes to act, so that something can be seen not to happen.
    void settle();
    // Lets virtual time flow until it is so.
    bool until_in_time(const std::function<bool()>& is_done, Duration step = Duration{200});

private:
    class NoHttp;
    std::unique_ptr<HttpClient> http_;
    std::unique_ptr<Node> node_;
    std::unique_ptr<Driver> driver_;
};

bool is_alive(pid_t pid);

}  // namespace serin::node
