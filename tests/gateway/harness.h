#pragma once

#include "gateway/gateway.h"
#include "net/loop.h"
#include "store/memory.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace serin::test {

// A process behind the proxy; see backend.cc. Killed at the end.
class Backend {
public:
    explicit Backend(const std::string& name);
    ~Backend();
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    int port() const { return port_; }
    void kill_now();

private:
    int pid_ = 0;
    int port_ = 0;
};

struct Answer {
    int status = 0;  // 0: no complete answer.
    std::string body;
    std::string headers;
};

// One HTTP/1.1 connection that is opened again when the server says "Connection: close".
class Client {
public:
    explicit Client(int port) : port_(port) {}
    ~Client() { disconnect(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    Answer get(
        const std::string& path,
        const std::string& host = "shop.test",
        const std::string& headers = {},
        const std::string& method = "GET");
    void disconnect();
    void send_only(const std::string& path, const std::string& method = "GET");

private:
    bool connect_now();
    int port_;
    int fd_ = -1;
};

// Clients in threads, each asking one request after the other. Every answer but 200 is lost.
class Load {
public:
    Load(int port, int clients, bool keeps_alive);
    ~Load() { stop(); }
    void stop();
    std::int64_t answered() const { return answered_; }
    std::int64_t lost() const { return lost_; }
    std::map<std::string, std::int64_t> by_body();
    std::string first_loss();

private:
    void run(int port, bool keeps_alive);
    std::atomic<bool> is_over_ = false;
    std::atomic<std::int64_t> answered_ = 0;
    std::atomic<std::int64_t> lost_ = 0;
    std::mutex mutex_;
    std::map<std::string, std::int64_t> by_body_;
    std::string first_loss_;
    std::vector<std::thread> threads_;
};

struct KeptOutcome {
    std::string ns, route, service, revision, pod, method, path, id;
    std::uint64_t user = 0;
    std::string request_headers, response_headers;
    int status = 0;
    bool is_retried = false;
    bool is_lost = false;
    bool is_rescue = false;
    std::int64_t latency_us = 0;
};

class KeepingSink : public OutcomeSink {
public:
    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override;
    std::vector<KeptOutcome> outcomes();
    std::size_t count();
    std::uint64_t gaps();

private:
    std::mutex mutex_;
    std::vector<KeptOutcome> outcomes_;
    std::uint64_t gaps_ = 0;
};

int free_port();

// Store, loop, gateway and a stand-in for the manager; objects are written in the shortest form.
class Shop {
public:
    explicit Shop(std::string haproxy = "haproxy");
    ~Shop();

    // Runs the loop until `is_done`; false after the deadline.
    bool wait(const std::function<bool()>& is_done, Duration patience = Duration(10'000));
    void run_for(Duration time);

    void start_gateway();
    void crash_gateway();  // As if the program had been killed: nothing is told to HAProxy.

    void add_gateway(int port);
    void add_service(const std::string& name, const std::string& hash);
    void add_pod(const std::string& name, const std::string& hash, int port);
    void set_ready(const std::string& pod, bool is_ready);
    void add_route(const std::vector<std::pair<std::string, int>>& weights);
    void set_weights(const std::vector<std::pair<std::string, int>>& weights);
    void create(const std::string& text);
    Object get(const ResourceType& type, const std::string& name);
    bool is_in_rotation(const std::string& pod);
    // The condition's member of the route's first parent: "status", "reason", "message".
    std::string condition(const std::string& type, const std::string& member);
    // The route's newest weights are confirmed.
    bool is_in_force();
    // Gateway, services stable (hash s) and canary (hash c), one pod each, and the route.
    void open(int stable_weight, int canary_weight);

    net::AsioLoop loop;
    store::MemoryStore store{loop};
    KeepingSink sink;
    std::string folder;
    int port = 0;
    std::unique_ptr<gateway::GatewaySettings> settings;
    std::unique_ptr<gateway::HaproxyGateway> gateway;
    std::map<std::string, std::unique_ptr<Backend>> backends;

private:
    void turn(Reconciler& reconciler, const ObjectKey& key);
    std::vector<std::unique_ptr<WatchHandle>> watches_;
    std::vector<EventLoop::Watch> timers_;
    std::shared_ptr<int> life_;
};

}  // namespace serin::test
