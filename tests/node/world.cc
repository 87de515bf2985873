#include "world.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <signal.h>
#include <stdlib.h>

namespace serin::node {

Driver::Driver(EventLoop& loop, ObjectStore& store, std::vector<Reconciler*> reconcilers)
    : loop_(loop) {
    for (Reconciler* reconciler : reconcilers) {
        for (const Trigger& trigger : reconciler->triggers()) {
            const ObjectList all = store.list({.type = trigger.type}).value();
            const auto ask = [this, reconciler, trigger](const Object& object) {
                for (const ObjectKey& key : trigger.keys_of(object)) {
                    request({reconciler, key}, Duration{0});
                }
            };
            for (const Object& object : all.items) ask(object);
            watches_.push_back(store
                                   .watch(
                                       {.type = trigger.type},
                                       all.resource_version,
                                       [ask](const StoreEvent& event) { ask(event.object); },
                                       [](const Error&) {})
                                   .value());
        }
    }
}

void Driver::request(const Request& what, Duration delay) {
    auto& place = delay == Duration{0} ? soon_ : later_;
    place[what] = loop_.after(delay, [this, what] { run(what); });
}

void Driver::run(Request what) {
    soon_.erase(what);
    const Result<CallAgain> done = what.first->reconcile(what.second);
    if (!done) {
        later_[what] = loop_.after(Duration{100}, [this, what] { run(what); });
    } else if (*done) {
        later_[what] = loop_.after(**done, [this, what] { run(what); });
    }
}

// These worlds have no HTTP; a probe that asks for it fails.
class World::NoHttp : public HttpClient {
public:
    explicit NoHttp(EventLoop& loop) : loop_(loop) {}
    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        class Timer : public Call {
        public:
            explicit Timer(EventLoop::Watch watch) : watch_(std::move(watch)) {}

        private:
            EventLoop::Watch watch_;
        };
        return std::make_unique<Timer>(
            loop_.after(Duration{0}, [done = std::move(done), url = request.url] {
                done(fail(ErrorKind::unavailable, "no HTTP here: " + url));
            }));
    }

private:
    EventLoop& loop_;
};

namespace {

std::string make_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "serin-node-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    return pattern;
}

}  // namespace

World::World() : folder(make_folder()), store(loop, folder), http_(std::make_unique<NoHttp>(loop)) {
    settings.state_dir = folder + "/state";
    settings.images_dir = folder + "/images";
    settings.node_name = "here";
    settings.port_first = 23'000;
    settings.port_last = 29'000;
}

World::~World() {
    std::set<std::string> uids;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(settings.state_dir + "/pods", error)) {
        uids.insert(entry.path().filename());
    }
    drop_node();
    for (const std::string& uid : uids) {
        for (const ProcessId& process : processes_with(std::string(pod_variable), uid)) {
            ::kill(process.pid, SIGKILL);
        }
    }
    std::filesystem::remove_all(folder, error);
}

void World::make_image(const std::string& name, const std::string& tag, const std::string& script) {
    const std::string place = fmt::format("{}/images/{}/{}", folder, name, tag);
    std::filesystem::create_directories(place);
    std::ofstream(place + "/run") << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(place + "/run", std::filesystem::perms::owner_all);
}

void World::start_node() {
    node_ = std::make_unique<Node>(loop, store, *http_, settings);
    REQUIRE(node_->start());
    driver_ = std::make_unique<Driver>(loop, store, node_->reconcilers());
    loop.run_until_idle();
}

void World::drop_node() {
    driver_.reset();
    node_.reset();
}

Object World::apply(const std::string& json) {
    Object object(json::parse(json).value().as_object());
    if (object.ns().empty()) object.put("/metadata/namespace", "default");
    const auto made = store.create(std::move(object));
    REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
    return *made;
}

Object World::make_pod(const std::string& container, const std::string& more_spec) {
    return apply(fmt::format(
        R"({{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "a", "labels": {{"app": "shop"}}}},
             "spec": {{"containers": [{{"name": "main", {}}}] {} }}}})",
        container,
        more_spec));
}

Object World::pod(const std::string& name) {
    return store.get({.type = &types::pod(), .ns = "default", .name = name}).value_or(Object());
}

bool World::has_pod(const std::string& name) {
    return !pod(name).is_empty();
}

std::vector<Object> World::pods() {
    return store.list({.type = &types::pod()}).value().items;
}

std::string World::state(const std::string& name) {
    const Object seen = pod(name);
    const json::Value* found = seen.find("/status/containerStatuses/0/state");
    return found == nullptr ? "" : json::print(*found);
}

std::string World::log(const LogQuery& query) {
    std::string text;
    bool has_ended = false;
    bool has_chunk = false;
    auto reading = node().logs().open(
        query,
        [&](std::string_view chunk) {
            text += chunk;
            has_chunk = true;
        },
        [&](const Result<>&) { has_ended = true; });
    if (!reading) return "error: " + reading.error().message;
    while (!has_ended) {
        has_chunk = false;
        (*reading)->next();
        if (!until([&] { return has_chunk || has_ended; })) return text + "(stuck)";
    }
    return text;
}

std::string World::events() {
    std::string text;
    const ObjectList all = store.list({.type = &types::event()}).value();
    for (const Object& event : all.items) {
        text += fmt::format(
            "{} x{}: {}\n", event.text("/reason"), event.integer("/count"), event.text("/message"));
    }
    return text;
}

pid_t World::pid(const std::string& name, const std::string& container) {
    const auto record =
        read_record(pod_folder({.state_dir = settings.state_dir}, pod(name).uid()) + "/pod.json");
    if (!record || record->find(container) == nullptr) return 0;
    return record->find(container)->process.pid;
}

bool World::until(const std::function<bool()>& is_done) {
    return loop.wait_until(is_done, Duration{20'000});
}

void World::settle() {
    loop.wait_until([] { return false; }, Duration{100});
}

bool World::until_in_time(const std::function<bool()>& is_done, Duration step) {
    for (int i = 0; i < 4'000; ++i) {
        if (loop.wait_until(is_done, Duration{5})) return true;
        loop.advance(step);
    }
    return false;
}

bool is_alive(pid_t pid) {
    return find_process(pid).has_value();
}

}  // namespace serin::node
