#include "manifest/argo/lower.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace serin;
using namespace std::chrono_literals;

namespace {

argo::Lowered lower(std::string_view spec) {
    auto value = json::parse(spec);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec", *std::move(value));
    return argo::lower(rollout);
}

argo::Lowered lower_canary(const std::string& canary) {
    return lower(R"({"strategy": {"canary": )" + canary + "}}");
}

constexpr const char* routed = R"("stableService": "s", "canaryService": "c", "trafficRouting":
    {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}})";

argo::Lowered lower_steps(const std::string& steps) {
    return lower_canary(std::string("{") + routed + R"(, "steps": )" + steps + "}");
}

std::vector<std::string> problems(const argo::Lowered& lowered) {
    std::vector<std::string> texts;
    for (const Diagnostic& diagnostic : lowered.diagnostics) {
        texts.push_back(diagnostic.path + ": " + diagnostic.message);
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a Rollout becomes a plan, with the dialect's defaults") {
    const auto lowered = lower_canary("{}");
    CHECK(problems(lowered).empty());
    CHECK(lowered.replicas == 1);
    CHECK(lowered.plan.surge == Amount{25, true});
    CHECK(lowered.plan.progress_deadline == 600s);
    CHECK_FALSE(lowered.plan.routing);
    CHECK_FALSE(lowered.route);
}

TEST_CASE("steps are lowered one to one") {
    const auto lowered = lower_steps(R"([{"setWeight": 5}, {"pause": {}},
        {"pause": {"duration": "90s"}}, {"setCanaryScale": {"replicas": 3}},
        {"setCanaryScale": {"matchTrafficWeight": true}},
        {"analysis": {"templates": [{"templateName": "x"}]}}])");
    CHECK(problems(lowered) == Texts{});
    CHECK(
        lowered.plan.steps ==
        std::vector<Step>{
            Expose{5}, Pause{}, Pause{90s}, Provision{.replicas = 3}, Provision{}, Judge{}});
    CHECK(lowered.route->config.size() == 1);
    CHECK(lowered.route->candidate_service == "c");
}

TEST_CASE("a pause is seconds, quoted or not, or a duration cut to whole seconds") {
    const auto pause = [](const std::string& duration) {
        const auto lowered = lower_steps(R"([{"pause": {"duration": )" + duration + "}}]");
        REQUIRE(problems(lowered) == Texts{});
        return std::get<Pause>(lowered.plan.steps.front()).duration;
    };
    CHECK(pause("30") == 30s);
    CHECK(pause("\"30\"") == 30s);
    CHECK(pause("\"1h30m\"") == 90min);
    CHECK(pause("\"1500ms\"") == 1s);
    CHECK(pause("0") == 0s);
    for (const char* wrong : {"-1", "\"-1s\"", "\"soon\"", "\"\"", "1.5", "true"}) {
        CAPTURE(wrong);
        const auto lowered =
            lower_steps(R"([{"pause": {"duration": )" + std::string(wrong) + "}}]");
        CHECK(
            problems(lowered) == Texts{"spec.strategy.canary.steps[0].pause.duration: expected "
                                       "seconds or a duration"});
    }
}

TEST_CASE("any text is a percentage, with or without its sign") {
    const auto surge = [](const std::string& value) {
        return lower_canary(R"({"maxSurge": )" + value + "}").plan.surge;
    };
    CHECK(surge("3") == Amount{3, false});
    CHECK(surge("\"3\"") == Amount{3, true});
    CHECK(surge("\"30%\"") == Amount{30, true});
}

TEST_CASE("what Serin does not act on is refused by name, all at once") {
    const auto lowered = lower(R"({"strategy": {"canary": {
        "stableService": "s", "canaryService": "c", "surprise": {},
        "trafficRouting": {"appMesh": {}, "plugins": {"argoproj-labs/gatewayAPI": {}}},
        "steps": [{"surprise": {}}, {"experiment": {}}, {"setWeight": 101}, {}]}}})");
    const std::string canary = "spec.strategy.canary.";
    CHECK(
        problems(lowered) == Texts{
                                 canary + "surprise: not supported yet",
                                 canary + "trafficRouting.appMesh: not supported yet",
                                 canary + "steps[0].surprise: not supported yet",
                                 canary + "steps[1].experiment.templates: must not be empty",
                                 canary + "steps[2].setWeight: must be at most 100",
                                 canary + "steps[3]: a step has exactly one key",
                             });
    CHECK(
        problems(lower(R"({"strategy": {"blueGreen": {"surprise": {}}}})")) ==
        Texts{
            "spec.strategy.blueGreen.surprise: not supported yet",
            "spec.strategy.blueGreen.activeService: missing"});
}

TEST_CASE("a stable side that shrinks, and how many replicas suffice") {
    const auto lowered = lower_canary(std::string("{") + routed + R"(, "dynamicStableScale": true,
            "replicaProgressThreshold": {"type": "Percent", "value": 80}})");
    CHECK(problems(lowered) == Texts{});
    CHECK(lowered.plan.routing->scales_stable);
    CHECK(lowered.plan.routing->retire_delay == 0s);
    CHECK(lowered.plan.enough == Amount{80, true});

    const std::string canary = "spec.strategy.canary.";
    CHECK(
        problems(lower_canary(std::string("{") + routed + R"(, "dynamicStableScale": true,
            "scaleDownDelaySeconds": 30, "replicaProgressThreshold": {"type": "Some"}})")) ==
        Texts{
            canary + "replicaProgressThreshold.type: expected Percent or Pods",
            canary + "scaleDownDelaySeconds: cannot be used with dynamicStableScale"});
    CHECK(
        problems(lower_canary(R"({"dynamicStableScale": true})")) ==
        Texts{canary + "dynamicStableScale: needs trafficRouting"});
}

namespace {

argo::Lowered lower_managed(const std::string& steps) {
    return lower_canary(
        R"({"stableService": "s", "canaryService": "c", "trafficRouting":
        {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}},
         "managedRoutes": [{"name": "insiders"}, {"name": "shadow"}]}, "steps": )" +
        steps + "}");
}

}  // namespace

TEST_CASE("header and mirror routes are steps, and what they match stays with the router") {
    const auto lowered = lower_managed(R"([
        {"setHeaderRoute": {"name": "insiders", "match": [
            {"headerName": "X-Group", "headerValue": {"exact": "insider"}},
            {"headerName": "user-agent", "headerValue": {"prefix": "Mozilla"}}]}},
        {"setMirrorRoute": {"name": "shadow", "percentage": 30, "match": [
            {"method": {"exact": "GET"}, "path": {"prefix": "/api"}},
            {"headers": {"x-shadow": {"regex": "y.*"}}}]}},
        {"setHeaderRoute": {"name": "insiders"}},
        {"setHeaderRoute": {"name": "insiders", "match": [
            {"headerName": "user-agent", "headerValue": {"prefix": "Mozilla"}},
            {"headerName": "x-group", "headerValue": {"exact": "insider"}}]}}])");
    REQUIRE(problems(lowered) == Texts{});
    CHECK(
        lowered.plan.steps == std::vector<Step>{
                                  SetSideRoute{"insiders", 0},
                                  SetSideRoute{"shadow", 1},
                                  SetSideRoute{"insiders", 2, true},
                                  SetSideRoute{"insiders", 0}});
    CHECK(lowered.route->managed_routes == Texts{"insiders", "shadow"});
    REQUIRE(lowered.route->side_routes.size() == 2);
    const SideRouteShape& insiders = lowered.route->side_routes[0];
    REQUIRE(insiders.matches.size() == 1);
    CHECK(insiders.matches[0].headers.at("x-group").value == "insider");
    CHECK(insiders.matches[0].headers.at("user-agent").kind == TextMatch::Kind::prefix);
    const SideRouteShape& shadow = lowered.route->side_routes[1];
    CHECK(shadow.percent == 30);
    REQUIRE(shadow.matches.size() == 2);
    CHECK(shadow.matches[0].method == "GET");
    CHECK(shadow.matches[0].path->value == "/api");
}

TEST_CASE("a route that could not be told apart or made is refused with its place") {
    const std::string steps = "spec.strategy.canary.steps";
    CHECK(
        problems(lower_managed(R"([{"setHeaderRoute": {"name": "other", "match": [
            {"headerName": "a", "headerValue": {}}]}},
            {"setMirrorRoute": {"name": "shadow", "percentage": 101, "match": [
                {"method": {"prefix": "G"}, "path": {"exact": "api"}}]}}])")) ==
        Texts{
            steps + "[0].setHeaderRoute.name: \"other\" is not in trafficRouting.managedRoutes",
            steps +
                "[0].setHeaderRoute.match[0].headerValue: expected exactly one of exact, prefix, "
                "regex",
            steps + "[1].setMirrorRoute.match[0].method: a method is matched by exact only",
            steps + "[1].setMirrorRoute.match[0].path: must begin with '/'",
            steps + "[1].setMirrorRoute.percentage: must be from 0 to 100"});
    CHECK(
        problems(lower_canary(R"({"steps": [{"setHeaderRoute": {"name": "a"}}]})")) ==
        Texts{steps + "[0].setHeaderRoute: needs trafficRouting"});
}

TEST_CASE("of two services that alternate the status tells which is the stable one") {
    auto value = json::parse(R"({"strategy": {"canary": {
        "pingPong": {"pingService": "a", "pongService": "b"}, "trafficRouting":
        {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}}}}})");
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec", *value);
    const auto first = argo::lower(rollout);
    CHECK(problems(first) == Texts{});
    CHECK(first.plan.routing->alternates);
    CHECK(first.stable_service == "b");
    CHECK(first.route->candidate_service == "a");
    rollout.put("/status/canary/stablePingPong", "ping");
    const auto swapped = argo::lower(rollout);
    CHECK(swapped.stable_service == "a");
    CHECK(swapped.route->candidate_service == "b");

    const std::string canary = "spec.strategy.canary.";
    CHECK(
        problems(lower_canary(R"({"pingPong": {"pingService": "a", "pongService": "a"}})")) ==
        Texts{
            canary + "pingPong.pongService: must differ from pingService",
            canary + "pingPong: needs trafficRouting",
            canary + "canaryService: must differ from stableService"});
}

TEST_CASE("what a role adds to pods is not what their template says already") {
    auto value = json::parse(R"({"template": {"metadata": {"labels": {"app": "shop"}}},
        "strategy": {"canary": {"canaryMetadata": {"labels": {"role": "canary", "app": "x"}},
        "stableMetadata": {"annotations": {"role": "stable"}}}}})");
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec", *value);
    const auto lowered = argo::lower(rollout);
    CHECK(
        problems(lowered) ==
        Texts{"spec.strategy.canary.canaryMetadata.labels.app: the pod template has it already"});
    CHECK(lowered.candidate_metadata.labels.at("role") == "canary");
    CHECK(lowered.stable_metadata.annotations.at("role") == "stable");
}

TEST_CASE("a router may be a program, and there is one of them") {
    const auto lowered = lower_canary(R"({"stableService": "s", "canaryService": "c",
        "steps": [{"setHeaderRoute": {"name": "a", "match": [
            {"headerName": "x", "headerValue": {"exact": "y"}}]}}],
        "trafficRouting": {"managedRoutes": [{"name": "a"}],
                           "plugins": {"acme/edge": {"zone": "a"}}}})");
    CHECK(problems(lowered).empty());
    REQUIRE(lowered.route);
    CHECK(lowered.route->plugin == "acme/edge");
    CHECK(json::text(lowered.route->config.if_contains("zone")) == "a");
    CHECK(lowered.route->side_routes.size() == 1);
    const auto several = lower_canary(R"({"stableService": "s", "canaryService": "c",
        "trafficRouting": {"plugins": {"acme/edge": {}, "argoproj-labs/gatewayAPI": {}}}})");
    REQUIRE(problems(several).size() == 1);
    CHECK(problems(several)[0].contains("names several routers"));
}

TEST_CASE("a router needs both services") {
    const auto lowered =
        lower_canary(R"({"trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {}}}})");
    CHECK(lowered.diagnostics.size() == 2);
}

TEST_CASE("nothing makes lowering fail") {
    for (const char* spec :
         {"null",
          "3",
          "{}",
          R"({"strategy": 4})",
          R"({"strategy": {"canary": []}})",
          R"({"replicas": -1, "strategy": {"canary": {"steps": [1, [], {"pause": 4},
              {"setWeight": "x"}, {"setCanaryScale": []}], "trafficRouting": {"plugins": 3}}}})",
          R"({"restartAt": "noon", "minReadySeconds": 1e300, "strategy": {"canary": null}})"}) {
        CAPTURE(spec);
        lower(spec);
    }
}
