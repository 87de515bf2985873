// The commands a person and a pipeline use, and their exit codes.

#include <doctest/doctest.h>

#include "machine.h"
#include <filesystem>

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

// 25 %, then a person decides.
void pause_once(Machine& machine) {
    const std::string path = machine.manifests() + "/3-rollout.yaml";
    std::string text = read_file(path);
    const size_t from = text.find("      steps:\n");
    const size_t to = text.find("  template:\n");
    REQUIRE(from != std::string::npos);
    text.replace(from, to - from, "      steps:\n        - setWeight: 25\n        - pause: {}\n");
    write_file(path, text);
}

}  // namespace

TEST_CASE("a release is held, promoted, aborted, retried and undone from the command line") {
    Machine machine;
    pause_once(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    CHECK(machine.serin({"status", "nothing", "--no-watch"}).code == 5);
    CHECK(machine.serin({"status", "shop", "--no-watch"}).code == 0);

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(machine.serin({"status", "shop", "--no-watch"}).code == 3);
    CHECK(machine.serin({"status", "shop", "--timeout", "1s"}).code == 3);
    const Ran tree = machine.serin({"get", "rollout", "shop"});
    CHECK(tree.out.contains("SetWeight:     25"));
    CHECK(tree.out.contains("├──# revision:2"));
    CHECK(tree.out.contains("canary"));

    CHECK(machine.serin({"abort", "shop"}).out == "rollout 'shop' aborted\n");
    REQUIRE(machine.wait_for_phase("Degraded"));
    CHECK(machine.serin({"status", "shop", "--no-watch"}).code == 2);

    CHECK(machine.serin({"retry", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(machine.serin({"promote", "shop"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "60s"}).code == 0);

    CHECK(machine.serin({"undo", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(machine.serin({"promote", "shop", "--full"}).out == "rollout 'shop' fully promoted\n");
    CHECK(machine.serin({"status", "shop", "--timeout", "60s"}).code == 0);
    const Ran served = run({"curl", "-sf", machine.url() + "/version"});
    CHECK(served.out.contains("v1"));

    CHECK(machine.serin({"undo", "shop", "--to-revision", "99"}).code == 5);
}

TEST_CASE("pause holds a rollout, restart replaces its pods") {
    Machine machine;
    pause_once(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    CHECK(machine.serin({"pause", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused", 20s, "manually paused"));
    CHECK(machine.serin({"promote", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Healthy"));

    const std::string before = machine.serin({"get", "pods", "-o", "name"}).out;
    machine.start_load(100);
    REQUIRE(machine.serin({"restart", "shop"}).code == 0);
    CHECK(wait_until(90s, [&] {
        const std::string now = machine.serin({"get", "pods", "-o", "name"}).out;
        const std::string first = before.substr(0, before.find('\n'));
        return machine.phase() == "Healthy " && !now.contains(first);
    }));
    const json::Value report = machine.stop_load("none");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
}

TEST_CASE("objects are shown, described, logged and deleted") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    CHECK(machine.serin({"list", "rollouts"}).out.contains("UP-TO-DATE"));
    CHECK(machine.serin({"get", "rollouts", "-o", "yaml"}).out.contains("kind: Rollout"));
    CHECK(machine.serin({"get", "ro", "-o", "name"}).out == "rollout.argoproj.io/shop\n");
    CHECK(machine.serin({"describe", "rollout", "shop"}).out.contains("RolloutCompleted"));
    CHECK(machine.serin({"events", "shop"}).out.contains("NewReplicaSetCreated"));
    CHECK(wait_until(10s, [&] {
        return machine.serin({"logs", "rollout/shop"}).out.contains("shop v1 listens");
    }));
    CHECK(json::parse(machine.serin({"describe", "rollout", "shop", "-o", "json"}).out));
    CHECK(machine.serin({"get", "unicorns"}).code == 1);
    CHECK(machine.serin({"completion", "bash"}).out.contains("complete -F"));
    CHECK(machine.serin({"apply", "-f", machine.manifests()}).out.contains("unchanged"));

    CHECK(machine.serin({"delete", "rollout", "shop"}).code == 0);
    CHECK(
        wait_until(30s, [&] { return machine.serin({"get", "pods", "-o", "name"}).out.empty(); }));
    CHECK(machine.serin({"delete", "rollout", "shop"}).code == 5);
}

TEST_CASE("a manifest goes into the namespace it names, whatever the command's is") {
    Machine machine;
    machine.up();
    const std::string file = machine.folder() + "/elsewhere.yaml";
    write_file(
        file,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far, namespace: elsewhere}\n"
        "data: {a: b}\n");
    CHECK(machine.serin({"apply", "-f", file}).out == "configmap/far created\n");
    CHECK(machine.serin({"get", "configmap", "far"}).code == 5);
    CHECK(machine.serin({"get", "configmap", "far", "-n", "elsewhere"}).code == 0);
    CHECK(machine.serin({"apply", "-f", file}).out == "configmap/far unchanged\n");
}

TEST_CASE("kubectl works on the same objects") {
    Machine machine;
    pause_once(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    const auto kubectl = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"kubectl", "--server", machine.api_url()});
        return run(words);
    };
    const Ran got = kubectl({"get", "rollouts,replicasets,pods,services"});
    INFO(got.out, got.err);
    CHECK(got.code == 0);
    CHECK(got.out.contains("rollout.argoproj.io/shop"));
    CHECK(kubectl({"apply", "-f", machine.manifests()}).code == 0);
    CHECK(
        kubectl({"patch",
                 "rollout",
                 "shop",
                 "--type",
                 "merge",
                 "-p",
                 R"({"spec":{"template":{"spec":{"containers":[{"name":"shop","image":"shop:v2",
                 "ports":[{"name":"http","containerPort":8080}]}]}}}})"})
            .code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    // What `kubectl argo rollouts promote` sends.
    CHECK(kubectl({"get", "--raw", "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/shop"})
              .out.contains("controllerPause"));
    CHECK(machine.serin({"promote", "shop"}).code == 0);
    CHECK(machine.wait_for_phase("Healthy"));
    const Ran refused = kubectl(
        {"patch", "rollout", "shop", "--type", "merge", "-p", R"({"spec":{"replicaz":3}})"});
    CHECK(refused.code != 0);
    CHECK(refused.err.contains("replicaz"));
    const Ran logs = kubectl({"logs", "-l", "app=shop"});
    CHECK(logs.out.contains("listens"));
    CHECK(kubectl({"delete", "rollout", "shop"}).code == 0);
}

}  // namespace serin::e2e
