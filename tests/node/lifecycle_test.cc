// How pods end, and how they outlive the node.

#include "node/pod_facts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace serin::node {

namespace {

const ObjectKey pod_key{.type = &types::pod(), .ns = "default", .name = "a"};

// Says what signal it got, and obeys.
constexpr const char* obedient =
    "trap 'echo got TERM; exit 0' TERM; echo up; while :; do sleep 0.02; done";
// Gets it, and goes on.
constexpr const char* stubborn = "trap 'echo got TERM' TERM; echo up; while :; do sleep 0.02; done";

void run_pod(World& world, const char* script, const std::string& more_spec = "") {
    world.make_image("shop", "v1", script);
    world.start_node();
    world.make_pod(R"("image": "shop:v1")", more_spec);
    REQUIRE(world.until([&] { return world.log() == "up\n"; }));
    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
}

void set_rotation(World& world, bool is_in_rotation) {
    json::Object patch;
    json::put(
        patch,
        "/metadata/annotations/serin.dev~1in-rotation",
        is_in_rotation ? json::string("true") : json::Value());
    REQUIRE(world.store.patch(pod_key, PatchKind::merge, patch));
}

}  // namespace

TEST_CASE("a deleted pod leaves rotation, then gets SIGTERM, then is gone") {
    World world;
    run_pod(world, obedient);
    const pid_t pid = world.pid();
    const std::string folder = world.settings.state_dir + "/pods/" + std::string(world.pod().uid());
    set_rotation(world, true);
    REQUIRE(world.store.remove(pod_key));
    world.loop.advance(std::chrono::seconds(10));
    world.settle();
    CHECK(is_alive(pid));
    CHECK(world.log() == "up\n");

    set_rotation(world, false);
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK_FALSE(is_alive(pid));
    CHECK(world.until([&] { return !std::filesystem::exists(folder); }));
    CHECK(world.events().contains("Killing x1: Stopping container main"));
}

TEST_CASE("rotation is waited for no longer than the grace period") {
    World world;
    run_pod(world, stubborn, R"(, "terminationGracePeriodSeconds": 5)");
    const pid_t pid = world.pid();
    set_rotation(world, true);
    REQUIRE(world.store.remove(pod_key));
    world.loop.advance(Duration{4'900});
    world.settle();
    CHECK(world.log() == "up\n");
    world.loop.advance(Duration{200});
    CHECK(world.until([&] { return world.log().ends_with("got TERM\n"); }));
    CHECK(is_alive(pid));
    world.loop.advance(world.settings.kill_delay);
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK_FALSE(is_alive(pid));
}

TEST_CASE("a process that ignores SIGTERM is killed at the end of the grace period") {
    World world;
    run_pod(world, stubborn, R"(, "terminationGracePeriodSeconds": 20)");
    const pid_t pid = world.pid();
    REQUIRE(world.store.remove(pod_key));
    REQUIRE(world.until([&] { return world.log().ends_with("got TERM\n"); }));
    world.loop.advance(std::chrono::seconds(19));
    world.settle();
    CHECK(is_alive(pid));
    world.loop.advance(std::chrono::seconds(1));
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK_FALSE(is_alive(pid));
}

TEST_CASE("a pod removed without grace leaves no process and no folder") {
    World world;
    run_pod(world, stubborn);
    const pid_t pid = world.pid();
    const std::string folder = world.settings.state_dir + "/pods/" + std::string(world.pod().uid());
    REQUIRE(world.store.remove(pod_key, {.grace_seconds = 0}));
    CHECK(world.until_in_time([&] { return !is_alive(pid); }));
    CHECK(world.until_in_time([&] { return !std::filesystem::exists(folder); }));
}

TEST_CASE("the preStop hook runs before SIGTERM") {
    World world;
    world.make_image("shop", "v1", "trap 'ls; exit 0' TERM; echo up; while :; do sleep 0.02; done");
    world.start_node();
    world.make_pod(
        R"("image": "shop:v1", "lifecycle": {"preStop": {"exec": {"command": ["touch", "hooked"]}}})");
    REQUIRE(world.until([&] { return world.log() == "up\n"; }));
    REQUIRE(world.store.remove(pod_key));
    std::string log;
    CHECK(world.until([&] {
        if (world.has_pod()) log = world.log();
        return !world.has_pod();
    }));
    CHECK(std::filesystem::exists(world.folder + "/images/shop/v1/hooked"));
}

TEST_CASE("a container that names a signal to stop by gets that one") {
    World world;
    world.make_image(
        "shop", "v1", "trap 'touch quit; exit 0' QUIT; echo up; while :; do sleep 0.02; done");
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "lifecycle": {"stopSignal": "SIGQUIT"})");
    REQUIRE(world.until([&] { return world.log() == "up\n"; }));
    REQUIRE(world.store.remove(pod_key));
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK(std::filesystem::exists(world.folder + "/images/shop/v1/quit"));
}

TEST_CASE("processes outlive the node, and the next one takes them on") {
    World world;
    run_pod(world, obedient);
    const Object before = world.pod();
    const pid_t pid = world.pid();
    world.drop_node();
    CHECK(is_alive(pid));

    world.start_node();
    world.settle();
    CHECK(world.pid() == pid);
    CHECK(is_ready(world.pod()));
    CHECK(world.pod().integer("/status/containerStatuses/0/restartCount", -1) == 0);
    CHECK(world.pod().text("/status/podIP") == before.text("/status/podIP"));
    CHECK(world.pod().resource_version() == before.resource_version());

    // It is as much its own as one that it started.
    kill(pid, SIGKILL);
    CHECK(world.until(
        [&] { return world.pod().integer("/status/containerStatuses/0/restartCount") == 1; }));
    REQUIRE(world.store.remove(pod_key));
    CHECK(world.until_in_time([&] { return !world.has_pod(); }));
}

TEST_CASE("what ended while no node was there is noted and restarted") {
    World world;
    run_pod(world, obedient);
    const pid_t pid = world.pid();
    world.drop_node();
    kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, nullptr, 0) == pid);

    world.start_node();
    CHECK(world.until(
        [&] { return world.pod().integer("/status/containerStatuses/0/restartCount") == 1; }));
    CHECK(
        world.pod().text("/status/containerStatuses/0/lastState/terminated/reason") ==
        "ContainerStatusUnknown");
    CHECK(world.until([&] { return is_ready(world.pod()); }));
}

TEST_CASE("a pod that was removed while no node was there is reaped") {
    World world;
    run_pod(world, stubborn);
    const pid_t pid = world.pid();
    world.drop_node();
    REQUIRE(world.store.remove(pod_key, {.grace_seconds = 0}));
    world.start_node();
    CHECK(world.until_in_time([&] { return !is_alive(pid); }));
    CHECK(world.until_in_time(
        [&] { return std::filesystem::is_empty(world.settings.state_dir + "/pods"); }));
}

TEST_CASE("a pod that was deleted while no node was there ends gracefully") {
    World world;
    run_pod(world, obedient);
    const pid_t pid = world.pid();
    world.drop_node();
    REQUIRE(world.store.remove(pod_key));
    world.start_node();
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK_FALSE(is_alive(pid));
}

TEST_CASE("a process number that means another process by now is left alone") {
    World world;
    run_pod(world, obedient);
    const std::string file =
        world.settings.state_dir + "/pods/" + std::string(world.pod().uid()) + "/pod.json";
    const pid_t pid = world.pid();
    world.drop_node();
    kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, nullptr, 0) == pid);
    world.settle();  // Starts are told apart by hundredths of a second.
    const auto stranger =
        launch({.argv = {"/bin/sleep", "60"}, .directory = "/", .dies_with_parent = true});
    REQUIRE(stranger);
    PodRecord record = read_record(file).value();
    record.containers.front().process.pid = stranger->pid;
    REQUIRE(write_record(file, record));

    world.start_node();
    CHECK(world.until([&] { return is_ready(world.pod()) && world.pid() != 0; }));
    REQUIRE(world.store.remove(pod_key));
    CHECK(world.until([&] { return !world.has_pod(); }));
    CHECK(is_alive(stranger->pid));
    signal_group(*stranger, SIGKILL);
    CHECK(world.until([&] { return collect(*stranger).has_value(); }));
}

TEST_CASE("with a corrupt record the old process ends and a new one starts") {
    World world;
    run_pod(world, obedient);
    const std::string file =
        world.settings.state_dir + "/pods/" + std::string(world.pod().uid()) + "/pod.json";
    const pid_t pid = world.pid();
    world.drop_node();
    std::ofstream(file) << "{\"version\": 1, \"uid\"";
    world.start_node();
    CHECK(world.until([&] { return !is_alive(pid); }));
    CHECK(world.until([&] { return is_ready(world.pod()) && world.pid() != 0; }));
    CHECK(world.pid() != pid);
    CHECK(world.events().contains("RecordUnreadable"));
}

// The parent of the processes really dies here, without a word to anyone.
TEST_CASE("a killed program's pods are taken on, and their end is still seen") {
    World world;
    world.make_image("shop", "v1", "echo up; exec sleep 300");
    const pid_t program = fork();
    REQUIRE(program >= 0);
    if (program == 0) {
        world.start_node();
        world.make_pod(R"("image": "shop:v1")");
        world.until([&] { return is_ready(world.pod()); });
        kill(getpid(), SIGKILL);
    }
    REQUIRE(waitpid(program, nullptr, 0) == program);

    // The same pod, as a durable store would have it: this one makes the same uid again.
    world.make_pod(R"("image": "shop:v1")");
    const pid_t pid = world.pid();
    REQUIRE(is_alive(pid));
    world.start_node();
    CHECK(world.until([&] { return is_ready(world.pod()); }));
    CHECK(world.pid() == pid);

    kill(pid, SIGKILL);
    CHECK(world.until(
        [&] { return world.pod().integer("/status/containerStatuses/0/restartCount") == 1; }));
    CHECK(
        world.pod().text("/status/containerStatuses/0/lastState/terminated/reason") ==
        "ContainerStatusUnknown");
}

// Killed at many moments of the start: between fork and record, record and exec, exec and status.
TEST_CASE("whenever the program is killed, each container ends up with exactly one process") {
    const auto make_pods = [](World& world) {
        for (const char* name : {"a", "b", "c"}) {
            world.apply(fmt::format(
                R"({{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{}"}},
                     "spec": {{"containers": [{{"name": "main", "image": "shop:v1"}}]}}}})",
                name));
        }
    };
    for (int delay_us = 0; delay_us < 12'000; delay_us += 600) {
        CAPTURE(delay_us);
        World world;
        world.make_image("shop", "v1", "exec sleep 300");
        std::array<int, 2> ready{};
        REQUIRE(pipe(ready.data()) == 0);
        const pid_t program = fork();
        REQUIRE(program >= 0);
        if (program == 0) {
            make_pods(world);
            static_cast<void>(!write(ready[1], "r", 1));
            world.start_node();
            world.until([] { return false; });
            _exit(0);
        }
        char byte = 0;
        REQUIRE(read(ready[0], &byte, 1) == 1);
        const timespec delay{.tv_sec = 0, .tv_nsec = delay_us * 1'000L};
        nanosleep(&delay, nullptr);
        kill(program, SIGKILL);
        REQUIRE(waitpid(program, nullptr, 0) == program);
        close(ready[0]);
        close(ready[1]);

        make_pods(world);
        world.start_node();
        for (const Object& pod : world.pods()) {
            const std::string name(pod.name());
            CHECK(world.until([&] { return is_ready(world.pod(name)); }));
            // A process taken on between its record and its exec has no environment of its own yet.
            std::vector<ProcessId> processes;
            CHECK(world.until([&] {
                processes = processes_with(
                    std::string(container_variable), fmt::format("{}/main", pod.uid()));
                return !processes.empty();
            }));
            REQUIRE(processes.size() == 1);
            CHECK(processes.front().pid == world.pid(name));
        }
    }
}

TEST_CASE("logs are rotated, tailed, followed and end with their container") {
    World world;
    world.make_image(
        "shop",
        "v1",
        "for i in 1 2 3 4; do echo line $i; done; while [ ! -e more ]; do sleep 0.02; done; "
        "echo line 5; while [ ! -e die ]; do sleep 0.02; done; echo line 6; exit 1");
    world.settings.log_bytes_max = 20;
    world.start_node();
    world.make_pod(R"("image": "shop:v1")", R"(, "restartPolicy": "Never")");
    REQUIRE(world.until([&] { return world.log().ends_with("line 4\n"); }));
    CHECK(world.log({.ns = "default", .pod = "a", .tail = 2}) == "line 3\nline 4\n");

    std::string followed;
    bool has_ended = false;
    std::unique_ptr<LogSource::Reading> reading;
    reading = world.node()
                  .logs()
                  .open(
                      {.ns = "default", .pod = "a", .is_following = true, .tail = 1},
                      [&](std::string_view chunk) {
                          followed += chunk;
                          reading->next();
                      },
                      [&](const Result<>&) { has_ended = true; })
                  .value();
    reading->next();
    REQUIRE(world.until([&] { return followed == "line 4\n"; }));

    world.loop.advance(world.settings.watch_interval);  // Too long by now: put aside.
    const Instant rotated = world.loop.now();
    std::ofstream(world.folder + "/images/shop/v1/more") << "";
    CHECK(world.until_in_time([&] { return followed == "line 4\nline 5\n"; }));
    CHECK(world.log() == "line 1\nline 2\nline 3\nline 4\nline 5\n");
    CHECK(world.log({.ns = "default", .pod = "a", .tail = 2}) == "line 4\nline 5\n");
    CHECK(world.log({.ns = "default", .pod = "a", .since = rotated + Duration{1}}) == "line 5\n");
    CHECK(world.log({.ns = "default", .pod = "a", .has_timestamps = true, .tail = 1})
              .ends_with("Z line 5\n"));
    CHECK_FALSE(has_ended);

    std::ofstream(world.folder + "/images/shop/v1/die") << "";
    CHECK(world.until_in_time([&] { return has_ended; }));
    CHECK(followed == "line 4\nline 5\nline 6\n");
    CHECK(world.log({.ns = "default", .pod = "b"}).starts_with("error: "));
    CHECK(world.log({.ns = "default", .pod = "a", .container = "x"}).starts_with("error: "));
    CHECK(world.log({.ns = "default", .pod = "a", .is_previous = true}).starts_with("error: "));
}

}  // namespace serin::node
