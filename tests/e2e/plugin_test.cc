// A program of the user's own as a step and as a source of metrics.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <filesystem>

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

constexpr const char* registration = R"(apiVersion: v1
kind: ConfigMap
metadata:
  name: argo-rollouts-config
data:
  stepPlugins: |
    - name: acme/smoke
      location: file://{0}/plugins/smoke.sh
  metricProviderPlugins: |
    - name: acme/errors
      location: file://{1}/errors.sh
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: shop-health
spec:
  metrics:
    - name: errors
      successCondition: result < 0.05
      provider: {{plugin: {{acme/errors: {{share: 0.01}}}}}}
)";

}  // namespace

TEST_CASE("a release asks a program before it goes on, and goes back when that fails") {
    Machine machine;
    const std::string page = machine.url() + "/health";
    machine.edit(
        "3-rollout.yaml",
        "        - setWeight: 10\n",
        fmt::format(
            "        - plugin:\n            name: acme/smoke\n            config: {{url: {}}}\n",
            page));
    const std::string errors = machine.folder() + "/errors.sh";
    write_file(
        errors,
        "#!/bin/sh\nread -r question\necho \"$question\" >> \"$0.asked\"\n"
        "echo '{\"result\": 0.01, \"message\": \"1 of 100\"}'\n");
    std::filesystem::permissions(errors, std::filesystem::perms::owner_all);
    write_file(
        machine.manifests() + "/4-analysis.yaml",
        fmt::format(fmt::runtime(registration), EXAMPLES_FOLDER, machine.folder()));
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    const Ran promoted = machine.serin({"status", "shop", "--timeout", "2m"});
    INFO(promoted.out, promoted.err, machine.log());
    CHECK(promoted.code == 0);
    const json::Value rollout = machine.get("rollout", "shop");
    CHECK(
        json::text(json::find(rollout, "/status/canary/stepPluginStatuses/0/phase")) ==
        "Successful");
    CHECK(read_file(errors + ".asked").contains(R"("method":"Measure")"));

    // Without an address the example has nothing to ask, and says so.
    machine.edit("3-rollout.yaml", fmt::format("config: {{url: {}}}", page), "config: {}");
    machine.edit("3-rollout.yaml", "image: shop:v1", "image: shop:v3");
    REQUIRE(machine.serin({"apply", "-f", machine.manifests() + "/3-rollout.yaml"}).code == 0);
    CHECK(machine.wait_for_phase("Degraded", 60s, "config.url is missing"));
}

}  // namespace serin::e2e
