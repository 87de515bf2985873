// A program of the user's own moves the traffic.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

constexpr const char* registration = R"(apiVersion: v1
kind: ConfigMap
metadata:
  name: argo-rollouts-config
data:
  trafficRouterPlugins: |
    - name: acme/edge
      location: file://{}/plugins/edge.sh
)";

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

}  // namespace

TEST_CASE("a router plugin moves the traffic of a release, there and back") {
    Machine machine;
    machine.edit(
        "3-rollout.yaml",
        "argoproj-labs/gatewayAPI:\n            httpRoute: shop\n",
        fmt::format(
            "acme/edge:\n            server: {}/server.json\n            route: shop\n",
            machine.state()));
    write_file(
        machine.manifests() + "/0-plugins.yaml",
        fmt::format(fmt::runtime(registration), EXAMPLES_FOLDER));
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    const Ran promoted = machine.serin({"status", "shop", "--timeout", "2m"});
    INFO(promoted.out, promoted.err, machine.log());
    CHECK(promoted.code == 0);

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(wait_until(20s, [&] {
        const json::Value route = machine.get("httproute", "shop");
        return json::integer(json::find(route, "/spec/rules/0/backendRefs/1/weight")) == 0;
    }));
    const json::Value report = machine.stop_load("v3");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
}

}  // namespace serin::e2e
