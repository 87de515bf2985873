#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <set>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace serin::test {
namespace {

std::string shop_pod(const std::string& name, const std::string& hash, int port) {
    return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
           R"(","namespace":"default","labels":{"app":"shop","rollouts-pod-template-hash":")" +
           hash + R"("},"annotations":{"serin.dev/ports":"{\"8080\":)" + std::to_string(port) +
           R"(}"}},"spec":{"terminationGracePeriodSeconds":10,"containers":[{"name":"shop",)"
           R"("image":"shop:1","ports":[{"name":"http","containerPort":8080}]}]}})";
}

json::Value ready_status(bool is_ready) {
    return json::Object{
        {"phase", "Running"},
        {"podIP", "127.0.0.1"},
        {"conditions",
         json::Array{json::Object{{"type", "Ready"}, {"status", is_ready ? "True" : "False"}}}}};
}

json::Array refs(const std::vector<std::pair<std::string, int>>& weights) {
    json::Array out;
    for (const auto& [service, weight] : weights) {
        out.push_back(json::Object{{"name", service}, {"port", 80}, {"weight", weight}});
    }
    return out;
}

}  // namespace

Backend::Backend(const std::string& name) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = SERIN_TEST_BACKEND;
    std::string argument = name;
    char* arguments[] = {program.data(), argument.data(), nullptr};
    REQUIRE(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char line[16] = {};
    REQUIRE(read(ends[0], line, sizeof(line) - 1) > 0);
    close(ends[0]);
    port_ = std::atoi(line);
}

Backend::~Backend() {
    kill_now();
}

void Backend::kill_now() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

bool Client::connect_now() {
    if (fd_ >= 0) return true;
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return true;
    disconnect();
    return false;
}

void Client::disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

void Client::send_only(const std::string& path, const std::string& method) {
    REQUIRE(connect_now());
    const std::string text =
        method + " " + path + " HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n";
    REQUIRE(send(fd_, text.data(), text.size(), MSG_NOSIGNAL) > 0);
}

Answer Client::get(
    const std::string& path,
    const std::string& host,
    const std::string& headers,
    const std::string& method) {
    if (!connect_now()) return {.body = "not connected"};
    const std::string text =
        method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n";
    if (send(fd_, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
        disconnect();
        return {.body = "not sent"};
    }
    std::string received;
    std::size_t whole = std::string::npos;
    while (received.size() < whole) {
        char buffer[8192];
        const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
        if (got <= 0) {
            disconnect();
            return {.body = "cut after " + std::to_string(received.size()) + " bytes"};
        }
        received.append(buffer, static_cast<std::size_t>(got));
        const std::size_t head = received.find("\r\n\r\n");
        if (head == std::string::npos || whole != std::string::npos) continue;
        std::size_t length = received.find("ontent-length: ");
        if (length == std::string::npos) length = received.find("ontent-Length: ");
        whole = head + 4;
        if (length < head) whole += std::strtoul(received.c_str() + length + 15, nullptr, 10);
    }
    const std::size_t head = received.find("\r\n\r\n");
    Answer answer{
        .status = std::atoi(received.c_str() + 9),
        .body = received.substr(head + 4),
        .headers = received.substr(0, head)};
    if (answer.headers.contains("onnection: close")) disconnect();
    return answer;
}

Load::Load(int port, int clients, bool keeps_alive) {
    for (int i = 0; i < clients; ++i) {
        threads_.emplace_back([this, port, keeps_alive] { run(port, keeps_alive); });
    }
}

void Load::stop() {
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void Load::run(int port, bool keeps_alive) {
    Client client(port);
    std::map<std::string, std::int64_t> bodies;
    while (!is_over_) {
        const Answer answer = client.get("/");
        ++answered_;
        if (answer.status == 200) {
            ++bodies[answer.body];
        } else {
            ++lost_;
            const std::lock_guard lock(mutex_);
            if (first_loss_.empty()) {
                first_loss_ = std::to_string(answer.status) + " " + answer.body;
            }
        }
        if (!keeps_alive) client.disconnect();
    }
    const std::lock_guard lock(mutex_);
    for (const auto& [body, count] : bodies) by_body_[body] += count;
}

std::map<std::string, std::int64_t> Load::by_body() {
    const std::lock_guard lock(mutex_);
    return by_body_;
}

std::string Load::first_loss() {
    const std::lock_guard lock(mutex_);
    return first_loss_;
}

void KeepingSink::take(std::span<const RequestOutcome> outcomes) {
    const std::lock_guard lock(mutex_);
    for (const RequestOutcome& outcome : outcomes) {
        outcomes_.push_back(
            {.ns = std::string(outcome.ns),
             .route = std::string(outcome.route),
             .service = std::string(outcome.service),
             .revision = std::string(outcome.revision),
             .pod = std::string(outcome.pod),
             .method = std::string(outcome.method),
             .path = std::string(outcome.path),
             .id = std::string(outcome.request_id),
             .user = outcome.user,
             .request_headers = std::string(outcome.request_headers.text),
             .response_headers = std::string(outcome.response_headers.text),
             .status = outcome.status,
             .is_retried = outcome.is_retried,
             .is_lost = outcome.is_lost,
             .is_rescue = outcome.is_rescue,
             .latency_us = outcome.latency_us});
    }
}

void KeepingSink::take_gap(const StreamGap& gap) {
    const std::lock_guard lock(mutex_);
    gaps_ += gap.outcomes_lost;
}

std::vector<KeptOutcome> KeepingSink::outcomes() {
    const std::lock_guard lock(mutex_);
    return outcomes_;
}

std::size_t KeepingSink::count() {
    const std::lock_guard lock(mutex_);
    return outcomes_.size();
}

std::uint64_t KeepingSink::gaps() {
    const std::lock_guard lock(mutex_);
    return gaps_;
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return ntohs(address.sin_port);
}

Shop::Shop(std::string haproxy) {
    char path[] = "/tmp/serin-gateway-XXXXXX";
    REQUIRE(mkdtemp(path) != nullptr);
    folder = path;
    port = free_port();
    settings = std::make_unique<gateway::GatewaySettings>(gateway::GatewaySettings{
        .state_dir = folder + "/gateway", .haproxy_binary = std::move(haproxy)});
    start_gateway();
}

Shop::~Shop() {
    watches_.clear();
    timers_.clear();
    if (gateway) gateway->shut_down(Duration(300));
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

bool Shop::wait(const std::function<bool()>& is_done, Duration patience) {
    const Instant deadline = loop.now() + patience;
    bool done = is_done();
    while (!done && loop.now() < deadline) {
        const auto timer = loop.after(Duration(1), [this] { loop.stop(); });
        loop.run();
        done = is_done();
    }
    return done;
}

void Shop::run_for(Duration time) {
    static_cast<void>(wait([] { return false; }, time));
}

void Shop::start_gateway() {
    gateway = std::make_unique<gateway::HaproxyGateway>(loop, store, sink, *settings);
    REQUIRE(gateway->start());
    life_ = std::make_shared<int>();
    for (Reconciler* reconciler : gateway->reconcilers()) {
        for (const Trigger& trigger : reconciler->triggers()) {
            auto list = store.list({.type = trigger.type});
            REQUIRE(list);
            auto watch = store.watch(
                {.type = trigger.type},
                list->resource_version,
                [this, reconciler, trigger](const StoreEvent& event) {
                    for (const ObjectKey& key : trigger.keys_of(event.object)) {
                        turn(*reconciler, key);
                    }
                },
                [](const Error&) {});
            REQUIRE(watch);
            watches_.push_back(*std::move(watch));
            for (const Object& object : list->items) {
                for (const ObjectKey& key : trigger.keys_of(object)) turn(*reconciler, key);
            }
        }
    }
}

void Shop::turn(Reconciler& reconciler, const ObjectKey& key) {
    if (reconciler.reconcile(key)) return;
    timers_.push_back(
        loop.after(Duration(5), [this, &reconciler, key, life = std::weak_ptr(life_)] {
            if (!life.expired()) turn(reconciler, key);
        }));
}

void Shop::crash_gateway() {
    watches_.clear();
    timers_.clear();
    life_.reset();
    gateway.reset();
}

void Shop::create(const std::string& text) {
    const auto document = json::parse(text);
    REQUIRE_MESSAGE(document, text);
    const auto created = store.create(Object(document->as_object()));
    REQUIRE_MESSAGE(created, created.error().message);
}

void Shop::add_gateway(int listener_port) {
    create(
        R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":)"
        R"({"name":"edge","namespace":"default"},"spec":{"gatewayClassName":"serin","listeners":)"
        R"([{"name":"http","protocol":"HTTP","port":)" +
        std::to_string(listener_port) + "}]}}");
}

void Shop::add_service(const std::string& name, const std::string& hash) {
    create(
        R"({"apiVersion":"v1","kind":"Service","metadata":{"name":")" + name +
        R"(","namespace":"default"},"spec":{"selector":{"app":"shop",)"
        R"("rollouts-pod-template-hash":")" +
        hash + R"("},"ports":[{"port":80,"targetPort":"http"}]}})");
}

void Shop::add_pod(const std::string& name, const std::string& hash, int pod_port) {
    create(shop_pod(name, hash, pod_port));
    set_ready(name, true);
}

void Shop::set_ready(const std::string& pod, bool is_ready) {
    Object object = get(types::pod(), pod);
    object.put("/status", ready_status(is_ready));
    REQUIRE(store.update(object, Part::status));
}

void Shop::add_route(const std::vector<std::pair<std::string, int>>& weights) {
    Object route(types::http_route(), "default", "shop");
    route.put("/spec/parentRefs", json::Array{json::Object{{"name", "edge"}}});
    route.put("/spec/rules", json::Array{json::Object{{"backendRefs", refs(weights)}}});
    REQUIRE(store.create(route));
}

void Shop::set_weights(const std::vector<std::pair<std::string, int>>& weights) {
    Object route = get(types::http_route(), "shop");
    route.document()["spec"].as_object()["rules"].as_array()[0].as_object()["backendRefs"] =
        refs(weights);
    REQUIRE(store.update(route));
}

Object Shop::get(const ResourceType& type, const std::string& name) {
    auto object = store.get({.type = &type, .ns = "default", .name = name});
    REQUIRE_MESSAGE(object, name);
    return *std::move(object);
}

bool Shop::is_in_rotation(const std::string& pod) {
    const auto object = store.get({.type = &types::pod(), .ns = "default", .name = pod});
    return object && object->annotation("serin.dev/in-rotation").has_value();
}

std::string Shop::condition(const std::string& type, const std::string& member) {
    const Object route = get(types::http_route(), "shop");
    const json::Array* conditions = json::array(route.find("/status/parents/0/conditions"));
    if (conditions == nullptr) return {};
    for (const json::Value& item : *conditions) {
        if (json::text(json::find(item, "/type")) != type) continue;
        const json::Value* value = json::find(item, "/" + member);
        if (const auto text = json::text(value)) return std::string(*text);
        return value == nullptr ? "" : json::print(*value);
    }
    return {};
}

bool Shop::is_in_force() {
    return condition("serin.dev/InForce", "status") == "True" &&
           condition("serin.dev/InForce", "observedGeneration") ==
               std::to_string(get(types::http_route(), "shop").generation());
}

void Shop::open(int stable_weight, int canary_weight) {
    add_gateway(port);
    add_service("stable", "s");
    add_service("canary", "c");
    for (const std::string hash : {"s", "c"}) {
        const std::string name = "shop-" + hash;
        backends[name] = std::make_unique<Backend>(hash);
        add_pod(name, hash, backends[name]->port());
    }
    add_route({{"stable", stable_weight}, {"canary", canary_weight}});
    REQUIRE(wait([&] { return is_in_force(); }));
}

}  // namespace serin::test
