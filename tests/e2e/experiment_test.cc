// Experiments: versions side by side, with real processes and real load.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view side_by_side = R"(apiVersion: argoproj.io/v1alpha1
kind: Experiment
metadata: {name: ab}
spec:
  duration: 3s
  scaleDownDelaySeconds: 1
  templates:
    - name: one
      service: {}
      selector: {matchLabels: {app: ab-one}}
      template: &pods
        metadata: {labels: {app: ab-one}}
        spec:
          containers:
            - name: shop
              image: shop:v1
              ports: [{name: http, containerPort: 8080}]
              readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
    - name: two
      replicas: 2
      selector: {matchLabels: {app: ab-two}}
      template:
        metadata: {labels: {app: ab-two}}
        spec:
          containers:
            - name: shop
              image: shop:v2
              ports: [{name: http, containerPort: 8080}]
              readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
  analyses:
    - name: alive
      templateName: alive
      requiredForCompletion: true
      args:
        - {name: hash, value: "{{templates.two.podTemplateHash}}"}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: alive}
spec:
  args: [{name: hash}]
  metrics:
    - name: alive
      provider:
        job:
          spec:
            backoffLimit: 0
            template:
              spec:
                restartPolicy: Never
                containers:
                  - name: alive
                    image: check:v1
                    env: [{name: HASH, value: "{{args.hash}}"}]
)";

std::string phase_of(const Machine& machine, const std::string& name) {
    return std::string(
        json::text(json::find(machine.get("experiment", name), "/status/phase")).value_or(""));
}

std::int64_t count_pods(const Machine& machine, const std::string& selector) {
    const auto pods = json::parse(machine.serin({"get", "pods", "-o", "json", "-l", selector}).out);
    const json::Array* items = pods ? json::array(json::find(*pods, "/items")) : nullptr;
    return items == nullptr ? -1 : static_cast<std::int64_t>(items->size());
}

void add_check(const Machine& machine, const std::string& script) {
    REQUIRE(run({"mkdir", "-p", machine.folder() + "/images/check/v1"}).code == 0);
    const std::string path = machine.folder() + "/images/check/v1/run";
    write_file(path, "#!/bin/sh\n" + script + "\n");
    REQUIRE(run({"chmod", "+x", path}).code == 0);
}

}  // namespace

TEST_CASE("an experiment runs versions side by side until its judge is content, and cleans up") {
    Machine machine;
    std::string text(side_by_side);
    text.erase(text.find("&pods"), 5);
    write_file(machine.manifests() + "/7-experiment.yaml", text);
    add_check(machine, "sleep 1; test -n \"$HASH\"");
    machine.up();
    CHECK(wait_until(60s, [&] { return phase_of(machine, "ab") == "Running"; }));
    CHECK(count_pods(machine, "app=ab-one") == 1);
    CHECK(count_pods(machine, "app=ab-two") == 2);
    const Ran tree = machine.serin({"get", "experiment", "ab"});
    INFO(tree.out);
    CHECK(tree.out.contains("template:two"));
    CHECK(tree.out.contains("ab-alive"));
    CHECK(machine.serin({"list", "experiments"}).out.contains("DURATION"));
    CHECK(wait_until(60s, [&] { return phase_of(machine, "ab") == "Successful"; }));
    CHECK(wait_until(60s, [&] {
        return count_pods(machine, "app=ab-one") + count_pods(machine, "app=ab-two") == 0;
    }));
    CHECK(machine.serin({"get", "service", "ab-one"}).code == 5);

    add_check(machine, "exit 1");
    CHECK(machine.serin({"retry", "experiment", "ab"}).out == "experiment 'ab' retried\n");
    CHECK(wait_until(60s, [&] { return phase_of(machine, "ab") == "Failed"; }));
    CHECK(wait_until(60s, [&] { return count_pods(machine, "app=ab-two") == 0; }));
}

TEST_CASE("a release's experiment gets its share of real traffic, and its judge decides") {
    Machine machine;
    add_check(machine, "sleep 10; test ! -e " + machine.folder() + "/is-bad");
    const std::string text(side_by_side);
    write_file(machine.manifests() + "/7-alive.yaml", text.substr(text.find("---\n") + 4));
    machine.edit(
        "3-rollout.yaml",
        "      steps:\n",
        "      steps:\n"
        "        - experiment:\n"
        "            scaleDownDelaySeconds: 1\n"
        "            templates:\n"
        "              - {name: canary, specRef: canary, weight: 20}\n"
        "              - {name: baseline, specRef: stable}\n"
        "            analyses:\n"
        "              - name: alive\n"
        "                templateName: alive\n"
        "                requiredForCompletion: true\n"
        "                args: [{name: hash, value: '{{templates.canary.podTemplateHash}}'}]\n");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));

    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    CHECK(wait_until(30s, [&] {
        const json::Value rollout = machine.get("rollout", "shop");
        return json::integer(json::find(rollout, "/status/canary/weights/additional/0/weight")) ==
               20;
    }));
    const Ran tree = machine.serin({"get", "rollout", "shop"});
    INFO(tree.out);
    CHECK(tree.out.contains("Experiment"));
    CHECK(tree.out.contains("template:baseline"));
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
    CHECK(json::integer(json::find(report, "/requests_canary")).value_or(0) > 0);
    CHECK(wait_until(60s, [&] { return count_pods(machine, "app=shop") == 3; }));

    write_file(machine.folder() + "/is-bad", "");
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v1"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(machine.phase().contains("Experiment analysis phase is error/failed"));
    const json::Value bad = machine.stop_load("v1");
    INFO(json::print(bad));
    CHECK(json::integer(json::find(bad, "/requests_lost")) == 0);
    CHECK(wait_until(60s, [&] { return count_pods(machine, "app=shop") == 3; }));
}

}  // namespace serin::e2e
