// The life of a pod, with real processes.

#include "node/pod_facts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"
#include <filesystem>
#include <fstream>
#include <signal.h>

namespace serin::node {

namespace {

const std::string server = TEST_SERVER;

std::string server_container(const std::string& more = "") {
    return fmt::format(
        R"("image": "shop:v1", "command": ["{}"], "ports": [{{"name": "http", "containerPort": 8080}}]{})",
        server,
        more);
}

}  // namespace

TEST_CASE("a pod becomes a process with an address, a port and a status of its own") {
    World world;
    world.make_image("shop", "v1", "");
    world.start_node();
    world.make_pod(server_container());

    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
    const Object pod = world.pod();
    CHECK(pod.text("/status/phase") == "Running");
    CHECK(pod.text("/status/podIP").starts_with("127.77."));
    CHECK(pod.text("/spec/nodeName") == "here");
    CHECK(pod.boolean("/status/containerStatuses/0/ready"));
    CHECK(pod.boolean("/status/containerStatuses/0/started"));
    CHECK(pod.integer("/status/containerStatuses/0/restartCount", -1) == 0);
    CHECK(is_condition_true(pod, "PodScheduled"));
    CHECK(is_condition_true(pod, "Initialized"));
    CHECK(is_condition_true(pod, "ContainersReady"));

    const auto ports = json::parse(*pod.annotation("serin.dev/ports")).value();
    const std::string listening = fmt::format(
        "listening on {}:{}\n",
        pod.text("/status/podIP"),
        *json::integer(json::find(ports, "/8080")));
    CHECK(world.until([&] { return world.log() == listening; }));
    CHECK(world.events().contains("Started x1: Started container main"));
}

TEST_CASE("the environment has what the manifest says, expanded") {
    World world;
    world.make_image("shop", "v1", "");
    std::ofstream(world.folder + "/images/shop/v1/image.json")
        << R"json({"command": ["/bin/sh", "-c", "$(SCRIPT)"], "env": {"FROM_IMAGE": "yes"}})json";
    world.start_node();
    world.apply(
        R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"},
            "data": {"COLOR": "red", "SIZE": "7"}})");
    world.apply(
        R"({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"},
            "data": {"token": "czNjcjN0"}})");
    world.make_pod(R"json("image": "shop:v1", "ports": [{"name": "http-api", "containerPort": 80}],
        "envFrom": [{"prefix": "C_", "configMapRef": {"name": "conf"}}, {"secretRef": {"name": "none", "optional": true}}],
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "no", "optional": true}}},
                {"name": "URL", "value": "$(IP):$(PORT)/$(C_COLOR)$$(X)$(Y)"},
                {"name": "SCRIPT", "value": "echo $TOKEN $NAME $APP $C_SIZE $FROM_IMAGE $URL ${ABSENT-unset} $((PORT == PORT_HTTP_API)) $PWD; sleep 60"}])json");

    REQUIRE(world.until([&] { return world.log().contains("\n"); }));
    const Object pod = world.pod();
    const auto ports = json::parse(*pod.annotation("serin.dev/ports")).value();
    CHECK(
        world.log() == fmt::format(
                           "s3cr3t a shop 7 yes {}:{}/red$(X)$(Y) unset 1 {}/images/shop/v1\n",
                           pod.text("/status/podIP"),
                           *json::integer(json::find(ports, "/80")),
                           world.folder));
}

TEST_CASE("a missing image is named and found as soon as it is there") {
    World world;
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");

    REQUIRE(world.until([&] { return world.state().contains("ErrImagePull"); }));
    CHECK(world.state().contains(world.folder + "/images/shop/v1"));
    CHECK(world.pod().text("/status/phase") == "Pending");
    REQUIRE(world.until_in_time([&] { return world.state().contains("ImagePullBackOff"); }));

    world.make_image("shop", "v1", "exec sleep 60");
    CHECK(world.until_in_time([&] { return is_ready(world.pod()); }));
    CHECK(world.events().contains("Failed x1"));
}

TEST_CASE("missing configuration is named, without values, and waited for") {
    World world;
    world.make_image("shop", "v1", "echo $KEY; exec sleep 60");
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "env": [{"name": "KEY",
        "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}])");

    REQUIRE(world.until([&] { return world.state().contains("CreateContainerConfigError"); }));
    CHECK(world.state().contains(R"(secret \"keys\" not found)"));

    world.apply(
        R"({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"other": "c2VjcmV0"}})");
    REQUIRE(world.until(
        [&] { return world.state().contains("couldn't find key token in Secret default/keys"); }));
    CHECK_FALSE(world.events().contains("c2VjcmV0"));

    REQUIRE(world.store.patch(
        {.type = &types::secret(), .ns = "default", .name = "keys"},
        PatchKind::merge,
        json::parse(R"({"data": {"token": "YWJj"}})").value()));
    CHECK(world.until([&] { return is_ready(world.pod()); }));
    CHECK(world.until([&] { return world.log() == "abc\n"; }));
}

TEST_CASE("a container that crashes is restarted at once, then with back-off") {
    World world;
    world.make_image("shop", "v1", "echo run; exit 3");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");

    REQUIRE(world.until([&] { return world.state().contains("CrashLoopBackOff"); }));
    Object pod = world.pod();
    CHECK(pod.integer("/status/containerStatuses/0/restartCount") == 1);
    CHECK(pod.integer("/status/containerStatuses/0/lastState/terminated/exitCode") == 3);
    CHECK(world.state().contains("back-off 10s restarting failed container=main"));
    CHECK(world.log({.ns = "default", .pod = "a", .is_previous = true}) == "run\n");

    world.loop.advance(std::chrono::seconds(9));
    world.settle();
    CHECK(world.pod().integer("/status/containerStatuses/0/restartCount") == 1);
    world.loop.advance(std::chrono::seconds(2));
    CHECK(world.until([&] { return world.state().contains("back-off 20s"); }));
    CHECK(world.pod().integer("/status/containerStatuses/0/restartCount") == 2);
}

TEST_CASE("restart policies end pods as Succeeded or Failed") {
    World world;
    world.make_image("good", "v1", "exit 0");
    world.make_image("bad", "v1", "exit 1");
    world.start_node();
    SUBCASE("Never, success") {
        world.make_pod(R"("image": "good:v1")", R"(, "restartPolicy": "Never")");
        CHECK(world.until([&] { return world.pod().text("/status/phase") == "Succeeded"; }));
    }
    SUBCASE("Never, failure") {
        world.make_pod(R"("image": "bad:v1")", R"(, "restartPolicy": "Never")");
        CHECK(world.until([&] { return world.pod().text("/status/phase") == "Failed"; }));
    }
    SUBCASE("OnFailure, success") {
        world.make_pod(R"("image": "good:v1")", R"(, "restartPolicy": "OnFailure")");
        CHECK(world.until([&] { return world.pod().text("/status/phase") == "Succeeded"; }));
    }
    SUBCASE("OnFailure, failure") {
        world.make_pod(R"("image": "bad:v1")", R"(, "restartPolicy": "OnFailure")");
        CHECK(world.until([&] { return world.state().contains("CrashLoopBackOff"); }));
    }
    CHECK_FALSE(is_ready(world.pod()));
}

TEST_CASE("a program that cannot be executed is told so") {
    World world;
    world.make_image("shop", "v1", "");
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "command": ["./absent"])");
    REQUIRE(world.until([&] { return world.state().contains("CrashLoopBackOff"); }));
    const Object pod = world.pod();
    CHECK(pod.text("/status/containerStatuses/0/lastState/terminated/reason") == "StartError");
    CHECK(pod.text("/status/containerStatuses/0/lastState/terminated/message")
              .contains("cannot execute ./absent: No such file"));
}

TEST_CASE("init containers run first, one after the other") {
    World world;
    world.make_image("shop", "v1", "echo main >> ../order; exec sleep 60");
    world.make_image("init", "v1", "echo $1 >> ../../shop/order");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")", R"(, "initContainers": [
        {"name": "one", "image": "init:v1", "args": ["one"]},
        {"name": "two", "image": "init:v1", "args": ["two"]}])");
    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
    REQUIRE(world.until([&] {
        std::ifstream file(world.folder + "/images/shop/order");
        return std::string(std::istreambuf_iterator<char>(file), {}) == "one\ntwo\nmain\n";
    }));
    CHECK(
        world.pod().text("/status/initContainerStatuses/1/state/terminated/reason") == "Completed");
}

TEST_CASE("a readiness probe decides, and its port is the one that was allocated") {
    World world;
    world.make_image(
        "shop", "v1", fmt::format("while [ ! -e go ]; do sleep 0.02; done; exec {}", server));
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1})");
    REQUIRE(world.until([&] { return world.state().contains("running"); }));
    world.loop.advance(std::chrono::seconds(5));
    world.settle();
    CHECK_FALSE(is_ready(world.pod()));
    CHECK(world.events().contains("Unhealthy x1: Readiness probe failed: dial tcp"));

    std::ofstream(world.folder + "/images/shop/v1/go") << "";
    CHECK(world.until_in_time([&] { return is_ready(world.pod()); }));
}

TEST_CASE("a failing liveness probe restarts the container") {
    World world;
    world.make_image("shop", "v1", "trap '' TERM; echo run; while :; do sleep 0.02; done");
    world.start_node();
    world.make_pod(
        R"("image": "shop:v1", "livenessProbe": {"exec": {"command": ["test", "-e", "ok"]},
        "periodSeconds": 2, "failureThreshold": 2, "terminationGracePeriodSeconds": 3})");
    std::ofstream(world.folder + "/images/shop/v1/ok") << "";
    REQUIRE(world.until([&] { return world.pid() != 0; }));
    const pid_t first = world.pid();
    REQUIRE(world.until([&] { return world.log() == "run\n"; }));  // The trap is set.
    world.loop.advance(std::chrono::seconds(2));
    world.settle();
    CHECK(world.pid() == first);

    std::filesystem::remove(world.folder + "/images/shop/v1/ok");
    CHECK(world.until_in_time(
        [&] { return world.pod().integer("/status/containerStatuses/0/restartCount") == 1; }));
    CHECK_FALSE(is_alive(first));
    CHECK(world.events().contains("Container main failed liveness probe, will be restarted"));
    CHECK(world.pod().integer("/status/containerStatuses/0/lastState/terminated/exitCode") == 137);
}

TEST_CASE("a new image in a running pod restarts its container") {
    World world;
    world.make_image("shop", "v1", "exec sleep 60");
    world.make_image("shop", "v2", "echo two; exec sleep 60");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");
    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
    Object changed = world.pod();
    changed.put(
        "/spec/containers", json::parse(R"([{"name": "main", "image": "shop:v2"}])").value());
    REQUIRE(world.store.update(changed));
    CHECK(world.until([&] { return world.log() == "two\n"; }));
    CHECK(world.until([&] { return is_ready(world.pod()); }));
    CHECK(world.pod().integer("/status/containerStatuses/0/restartCount") == 1);
}

TEST_CASE("until the startup probe passes, the others wait") {
    World world;
    world.make_image("shop", "v1", "exec sleep 60");
    world.start_node();
    world.make_pod(R"("image": "shop:v1",
        "startupProbe": {"exec": {"command": ["test", "-e", "up"]}, "periodSeconds": 1, "failureThreshold": 30},
        "livenessProbe": {"exec": {"command": ["test", "-e", "up"]}, "periodSeconds": 1, "failureThreshold": 1})");
    REQUIRE(world.until([&] { return world.pid() != 0; }));
    for (int i = 0; i < 5; ++i) {
        world.loop.advance(std::chrono::seconds(1));
        world.settle();
    }
    CHECK_FALSE(is_ready(world.pod()));
    CHECK(world.pod().integer("/status/containerStatuses/0/restartCount", -1) == 0);
    std::ofstream(world.folder + "/images/shop/v1/up") << "";
    CHECK(world.until_in_time([&] { return is_ready(world.pod()); }));
}

TEST_CASE("an exec probe that hangs is killed and counts as a failure") {
    World world;
    world.make_image("shop", "v1", "exec sleep 60");
    world.start_node();
    world.make_pod(
        R"("image": "shop:v1", "readinessProbe": {"exec": {"command": ["sleep", "61"]}, "timeoutSeconds": 2})");
    CHECK(world.until_in_time([&] {
        return world.events().contains("Readiness probe failed: command timed out after 2s");
    }));
}

TEST_CASE("what a process forks ends with it") {
    World world;
    world.make_image("shop", "v1", "sleep 300 & echo $!; wait");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");
    REQUIRE(world.until([&] { return world.log().contains("\n"); }));
    const pid_t grandchild = std::stoi(world.log());
    CHECK(is_alive(grandchild));
    kill(world.pid(), SIGKILL);
    CHECK(world.until([&] { return !is_alive(grandchild); }));
    CHECK(world.until(
        [&] { return world.pod().integer("/status/containerStatuses/0/restartCount") == 1; }));
    CHECK(world.pod().integer("/status/containerStatuses/0/lastState/terminated/signal") == 9);
}

TEST_CASE("a port that another process took meanwhile is replaced") {
    World world;
    world.make_image(
        "shop",
        "v1",
        "[ -e again ] && exec " + server +
            "; touch again; while [ ! -e die ]; do sleep 0.02; done; exit 1");
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "ports": [{"containerPort": 8080}])");
    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
    const std::string before(*world.pod().annotation("serin.dev/ports"));
    const std::string port =
        std::to_string(*json::integer(json::find(json::parse(before).value(), "/8080")));

    const auto squatter =
        launch({.argv = {server, "0.0.0.0", port}, .directory = "/", .dies_with_parent = true});
    REQUIRE(squatter);
    REQUIRE(world.until([&] { return !is_port_free(std::stoi(port)); }));
    std::ofstream(world.folder + "/images/shop/v1/die") << "";
    CHECK(world.until([&] { return world.pod().annotation("serin.dev/ports") != before; }));
    CHECK(world.until([&] { return world.log().contains("listening on"); }));
    CHECK(world.events().contains("PortInUse"));
    signal_group(*squatter, SIGKILL);
    CHECK(world.until([&] { return collect(*squatter).has_value(); }));
}

TEST_CASE("a state folder that cannot be written keeps the pod from running and says so") {
    World world;
    world.make_image("shop", "v1", "exec sleep 60");
    // In the way of the pod's folder.
    const std::string pods = world.settings.state_dir + "/pods";
    const std::string uid(world.make_pod(R"("image": "shop:v1")").uid());
    world.start_node();
    std::filesystem::remove_all(pods + "/" + uid);
    world.drop_node();
    for (const ProcessId& process : processes_with(std::string(pod_variable), uid)) {
        kill(process.pid, SIGKILL);
    }
    std::ofstream(pods + "/" + uid) << "";

    world.start_node();
    REQUIRE(world.until([&] { return world.state().contains("CreateContainerError"); }));
    CHECK(world.state().contains("create " + pods));
    // A killed process takes a moment to be gone; one started now would stay.
    CHECK(world.until([&] { return processes_with(std::string(pod_variable), uid).empty(); }));
    std::filesystem::remove(pods + "/" + uid);
    CHECK(world.until_in_time([&] { return is_ready(world.pod()); }));
}

TEST_CASE("what this node cannot give is refused") {
    World world;
    world.make_image("shop", "v1", "exec sleep 60");
    world.start_node();
    world.make_pod(R"("image": "shop:v1", "volumeMounts": [{"name": "x", "mountPath": "/x"}])");
    CHECK(world.until([&] { return world.state().contains("volumeMounts are not supported"); }));
}

TEST_CASE("resource use is seen") {
    World world;
    world.make_image("shop", "v1", "while :; do :; done");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");
    REQUIRE(world.until([&] { return is_ready(world.pod()); }));
    REQUIRE(world.until_in_time(
        [&] {
            const PodUsage* usage = world.node().usage("default", "a");
            return usage != nullptr && usage->cpu_cores > 0;
        },
        std::chrono::seconds(1)));
    CHECK(world.node().usage("default", "a")->memory_bytes > 100'000);
    CHECK(world.node().usage("default", "b") == nullptr);
}

}  // namespace serin::node
