// What breaks around Serin: each thing gives a clear message and the safe outcome.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <filesystem>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

namespace serin::e2e {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

void check_nothing_lost(const json::Value& report) {
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
}

// The pods of the newest revision.
json::Array canary_pods(const Machine& machine) {
    const std::string hash(
        json::text(json::find(machine.get("rollout", "shop"), "/status/currentPodHash"))
            .value_or(""));
    const Ran ran =
        machine.serin({"get", "pods", "-o", "json", "-l", "rollouts-pod-template-hash=" + hash});
    const auto list = json::parse(ran.out);
    const json::Array* items = list ? json::array(json::find(*list, "/items")) : nullptr;
    return items == nullptr ? json::Array() : *items;
}

std::string waiting_reason(const Machine& machine) {
    for (const json::Value& pod : canary_pods(machine)) {
        const auto reason =
            json::text(json::find(pod, "/status/containerStatuses/0/state/waiting/reason"));
        if (reason) return std::string(*reason);
    }
    return "";
}

pid_t process_of(const Machine& machine, const json::Value& pod) {
    const std::string uid(json::text(json::find(pod, "/metadata/uid")).value_or(""));
    const auto record = json::parse(read_file(machine.state() + "/pods/" + uid + "/pod.json"));
    REQUIRE(record.has_value());
    const json::Value* pid = json::find(*record, "/containers/0/pid");
    REQUIRE_MESSAGE(pid != nullptr, json::print(*record));
    return static_cast<pid_t>(*json::integer(pid));
}

}  // namespace

TEST_CASE("a version that crashes never gets a request and is taken back at its deadline") {
    Machine machine;
    machine.add_image("crash", {});
    write_file(machine.folder() + "/images/shop/crash/image.json", R"({"command":["/bin/false"]})");
    machine.edit(
        "3-rollout.yaml",
        "progressDeadlineSeconds: 60",
        "progressDeadlineSeconds: 8\n  progressDeadlineAbort: true");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(100);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:crash"}).code == 0);
    CHECK(wait_until(20s, [&] { return waiting_reason(machine) == "CrashLoopBackOff"; }));
    CHECK(machine.serin({"status", "shop", "--timeout", "60s"}).code == 2);
    CHECK(machine.phase().contains("timed out"));
    const json::Value report = machine.stop_load("crash");
    check_nothing_lost(report);
    CHECK(json::integer(json::find(report, "/requests_canary")) == 0);
}

TEST_CASE("a missing release folder is named, and its arrival heals the release") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:later"}).code == 0);
    CHECK(wait_until(20s, [&] { return waiting_reason(machine).contains("Image"); }));
    const Ran events = machine.serin({"events", "shop"});
    CHECK(events.out.contains("images/shop/later"));
    CHECK(machine.phase().starts_with("Progressing"));

    machine.start_load(200);
    machine.add_image("later", {});
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    check_nothing_lost(machine.stop_load("later"));
}

TEST_CASE("a canary that hangs costs no request of others and is taken back") {
    Machine machine;
    machine.edit("3-rollout.yaml", "replicas: 3", "replicas: 2");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(150);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(wait_until(30s, [&] {
        const json::Value rollout = machine.get("rollout", "shop");
        return json::integer(json::find(rollout, "/status/canary/weights/canary/weight")) == 5;
    }));
    const json::Array pods = canary_pods(machine);
    REQUIRE(!pods.empty());
    const pid_t pid = process_of(machine, pods[0]);
    kill(pid, SIGSTOP);
    // Its probes fail, so it leaves the rotation, and liveness replaces the process.
    CHECK(wait_until(60s, [&] {
        const json::Array now = canary_pods(machine);
        return !now.empty() &&
               json::integer(json::find(now[0], "/status/containerStatuses/0/restartCount"))
                       .value_or(0) > 0;
    }));
    machine.stop_load("v2");
    CHECK(machine.serin({"abort", "shop"}).code == 0);
    CHECK(machine.wait_for_phase("Degraded"));
}

TEST_CASE("HAProxy's death is survived: ports stay bound, weights come back") {
    Machine machine;
    machine.edit(
        "3-rollout.yaml",
        "        - analysis:\n            templates:\n              - templateName: shop-health\n",
        "        - pause: {}\n");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));

    const Ran killed = run({"pkill", "-KILL", "-f", "haproxy.*" + machine.state()});
    REQUIRE(killed.code == 0);
    CHECK(wait_until(20s, [&] {
        return run({"curl", "-sf", "-m", "2", machine.url() + "/version"}).code == 0;
    }));
    machine.start_load(200);
    CHECK(wait_until(30s, [&] {
        const json::Value report = machine.report("v2");
        return json::integer(json::find(report, "/requests_canary")).value_or(0) > 10;
    }));
    const json::Value report = machine.stop_load("v2");
    check_nothing_lost(report);
    CHECK(*json::number(json::find(report, "/canary_share")) < 0.15);
    CHECK(machine.phase().starts_with("Paused"));
}

TEST_CASE("a port in use is named, and the rest works") {
    Machine machine;
    Machine other;
    other.edit(
        "1-gateway.yaml",
        fmt::format("port: {}", other.gateway_port()),
        fmt::format("port: {}", machine.gateway_port()));
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    other.up();
    CHECK(wait_until(20s, [&] {
        const Ran gateway = other.serin({"describe", "gateway", "edge"});
        return gateway.out.contains(std::to_string(machine.gateway_port())) &&
               (gateway.out.contains("in use") || gateway.out.contains("PortUnavailable"));
    }));
    CHECK(run({"curl", "-sf", "-m", "2", machine.url() + "/version"}).code == 0);

    const std::string api = machine.api_url();
    const std::string port = api.substr(api.rfind(':') + 1);
    Machine third;
    const Ran refused =
        run({"timeout", "20", SERIN_PROGRAM, "up", "--state", third.state(), "--port", port});
    CHECK(refused.code == 1);
    CHECK(refused.err.contains(port));
}

TEST_CASE("a manifest named without its folder is found, and refused with its place") {
    Machine machine;
    write_file(machine.folder() + "/bad.yaml", "kind: Rollout\n  name: x\n");
    const Ran refused = run(
        {"sh",
         "-c",
         "cd " + machine.folder() + " && timeout 20 " SERIN_PROGRAM " up -f bad.yaml --port 0 " +
             "--state " + machine.state()});
    CHECK(refused.code == 1);
    CHECK(refused.err.contains("bad.yaml:2:"));
}

TEST_CASE(
    "started without standard streams and with few files, pods have theirs and so has Serin") {
    Machine machine;
    machine.add_image("curious", {});
    write_file(
        machine.folder() + "/images/shop/curious/image.json",
        R"({"command": ["sh", "-c", "echo files: $(ulimit -Sn); echo err >&2; exec sleep 600"]})");
    const std::string limit = run({"sh", "-c", "ulimit -Hn"}).out;
    // As a supervisor may start it. The server ends with the machine.
    machine.up_by({"sh", "-c", "ulimit -Sn 200; exec \"$@\" <&- >&- 2>&-", "sh"});
    REQUIRE(machine.wait_for_phase("Healthy"));
    CHECK(run({"curl", "-sf", "-m", "2", machine.url() + "/version"}).code == 0);
    CHECK(read_file(fmt::format("/proc/{}/limits", machine.serin_pid()))
              .contains("Max open files            " + limit.substr(0, limit.find('\n'))));

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:curious"}).code == 0);
    CHECK(wait_until(20s, [&] {
        const json::Array pods = canary_pods(machine);
        if (pods.empty()) return false;
        const std::string name(json::text(json::find(pods[0], "/metadata/name")).value_or(""));
        const Ran logs = machine.serin({"logs", name});
        return logs.out == "files: 200\nerr\n";
    }));
}

TEST_CASE("a second server on the same state is refused and told who has it") {
    Machine machine;
    machine.up();
    const Ran second = machine.up_and_fail();
    CHECK(second.code == 1);
    CHECK(second.err.contains("in use by process"));
}

TEST_CASE("a damaged state file is refused, named and left alone") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.stop_serin();  // Ended properly, all is in the one file.
    const std::string file = machine.state() + "/serin.db";
    std::string bytes = read_file(file);
    const std::string whole = bytes;
    for (size_t i = 0; i < bytes.size() && i < 40960; i += 7) bytes[i] = 'x';
    write_file(file, bytes);
    const Ran refused = machine.up_and_fail();
    CHECK(refused.code == 1);
    CHECK(refused.err.contains("serin.db"));
    CHECK(read_file(file) == bytes);
    // Pods and gateway have gone on all the time.
    CHECK(run({"curl", "-sf", "-m", "2", machine.url() + "/version"}).code == 0);
    write_file(file, whole);
}

TEST_CASE(
    "manifests with errors are refused before anything changes, all errors with their places") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    const auto generation = [&] {  // Of the spec: the status may still be on its way.
        return json::integer(json::find(machine.get("rollout", "shop"), "/metadata/generation"));
    };
    const auto before = generation();

    const std::string bad = machine.folder() + "/bad.yaml";
    write_file(bad, R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  replicas: "three"
  selector:
    matchLabels:
      app: shop
  strategy:
    canary:
      stableService: shop-stable
      canaryService: nowhere
      trafficRouting:
        plugins:
          argoproj-labs/gatewayAPI:
            httpRoute: shop
      steps:
        - setWieght: 5
        - setWeight: 10
          pause: {}
        - pause:
            duration: -5s
        - analysis:
            templates:
              - templateName: missing
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: shop
          image: shop:v2
)");
    const Ran refused = machine.serin({"apply", "-f", bad});
    INFO(refused.err);
    CHECK(refused.code == 1);
    for (const char* place :
         {"bad.yaml:6:",
          "spec.replicas",
          "bad.yaml:19:",
          "setWieght",
          "setWeight",
          "bad.yaml:21:",
          "spec.strategy.canary.steps[1]",
          "bad.yaml:23:",
          "nowhere",
          "missing",
          "nothing was applied"}) {
        CAPTURE(place);
        CHECK(refused.err.contains(place));
    }
    write_file(bad, "kind: Rollout\n  name: x\n");
    CHECK(machine.serin({"apply", "-f", bad}).err.contains("bad.yaml:2:"));
    CHECK(generation() == before);

    // The folder of `serin up` is held to the same.
    machine.edit("3-rollout.yaml", "setWeight: 10", "setWeight: 101");
    CHECK(wait_until(20s, [&] { return machine.log().contains("3-rollout.yaml:"); }));
    CHECK(generation() == before);
}

TEST_CASE("a full disk changes nothing and is survived") {
    Machine machine;
    fs::create_directories(machine.state());
    if (geteuid() != 0 ||
        mount("none", machine.state().c_str(), "tmpfs", 0, "size=16m,mode=0700") != 0) {
        MESSAGE("needs root to mount a small file system; left out");
        return;
    }
    machine.edit(
        "3-rollout.yaml",
        "        - analysis:\n            templates:\n              - templateName: shop-health\n",
        "        - pause: {}\n");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(100);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));

    // Fill it to the last byte.
    run({"dd", "if=/dev/zero", "of=" + machine.state() + "/ballast", "bs=4k"});
    const Ran refused = machine.serin({"promote", "shop"});
    CHECK(refused.code != 0);
    CHECK(refused.err.contains("full"));
    CHECK(machine.phase().starts_with("Paused"));
    // Requests go on all the while, to both versions.
    CHECK(wait_until(20s, [&] {
        const json::Value now = machine.report("v2");
        return json::integer(json::find(now, "/requests_total")).value_or(0) >= 300 &&
               json::integer(json::find(now, "/requests_canary")).value_or(0) > 0;
    }));

    fs::remove(machine.state() + "/ballast");
    CHECK(machine.serin({"promote", "shop"}).code == 0);
    CHECK(wait_until(30s, [&] {
        const json::Value rollout = machine.get("rollout", "shop");
        return json::integer(json::find(rollout, "/status/canary/weights/canary/weight")) == 10;
    }));
    check_nothing_lost(machine.stop_load("v2"));
    machine.stop_serin();
    run({SERIN_PROGRAM, "down", "--state", machine.state()});
    umount2(machine.state().c_str(), MNT_DETACH);
}

}  // namespace serin::e2e
