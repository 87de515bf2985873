#include "manifest/argo/routers.h"

#include "manifest/argo/lower.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace serin;

namespace {

using Texts = std::vector<std::string>;

argo::Lowered lower(const std::string& routing, const std::string& more = "") {
    auto canary = json::parse(
        R"({"stableService": "s", "canaryService": "c", "trafficRouting": )" + routing + more +
        "}");
    REQUIRE_MESSAGE(canary, (canary ? "" : canary.error().message));
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec/strategy/canary", *std::move(canary));
    return argo::lower(rollout);
}

Texts problems(const argo::Lowered& lowered) {
    Texts texts;
    const std::string_view prefix = "spec.strategy.canary.";
    for (const Diagnostic& one : lowered.diagnostics) {
        CHECK(one.path.starts_with(prefix));
        texts.push_back(one.path.substr(prefix.size()) + ": " + one.message);
    }
    return texts;
}

}  // namespace

TEST_CASE("each router's part of the manifest is taken as it is written") {
    for (const char* routing :
         {R"({"nginx": {"stableIngress": "web", "annotationPrefix": "a.io",
              "additionalIngressAnnotations": {"a": "b"}}, "maxTrafficWeight": 1000})",
          R"({"nginx": {"stableIngresses": ["web", "admin"]}})",
          R"({"traefik": {"weightedTraefikServiceName": "web"}})",
          R"({"smi": {}})",
          R"({"istio": {"virtualService": {"name": "web", "routes": ["a"]}}})",
          R"({"istio": {"virtualServices": [{"name": "a.b"}], "destinationRule": {"name": "web",
              "canarySubsetName": "c", "stableSubsetName": "s"}}})",
          R"({"ambassador": {"mappings": ["web"]}})",
          R"({"apisix": {"route": {"name": "web", "rules": ["a"]}}})",
          R"({"alb": {"ingress": "web", "servicePort": 80}})"}) {
        CAPTURE(routing);
        const auto lowered = lower(routing);
        CHECK(problems(lowered) == Texts{});
        const json::Value written = *json::parse(routing);
        REQUIRE(lowered.route);
        CHECK(lowered.route->router == written.as_object().begin()->key());
        CHECK(json::same(json::Value(lowered.route->config), written.as_object().begin()->value()));
        CHECK(lowered.route->release == "shop");
        CHECK(lowered.route->candidate_service == "c");
    }
}

TEST_CASE("what a router lacks, or does not have, is refused with its place") {
    const struct {
        const char* routing;
        Texts problems;
    } rows[] = {
        {R"({"nginx": {}})", {"trafficRouting.nginx.stableIngress: missing"}},
        {R"({"nginx": {"stableIngress": "a", "stableIngresses": ["b"], "tide": 1}})",
         {"trafficRouting.nginx.tide: not supported yet",
          "trafficRouting.nginx.stableIngresses: cannot be used with stableIngress"}},
        {R"({"nginx": {"stableIngress": "a", "canaryIngressAnnotations": {"x": 1}}})",
         {"trafficRouting.nginx.canaryIngressAnnotations.x: expected text"}},
        {R"({"nginx": {"stableIngress": "a"}, "smi": {}})",
         {"trafficRouting.smi: is a second router beside nginx"}},
        {R"({"traefik": {}})", {"trafficRouting.traefik.weightedTraefikServiceName: missing"}},
        {R"({"smi": {}, "maxTrafficWeight": 1000})",
         {"trafficRouting.maxTrafficWeight: is only possible with nginx or plugins"}},
        {R"({"ambassador": {"mappings": []}})", {"trafficRouting.ambassador.mappings: names none"}},
        {R"({"apisix": {}})", {"trafficRouting.apisix.route: missing"}},
        {R"({"alb": {"ingress": "a", "stickinessConfig": {"durationSeconds": 700000}}})",
         {"trafficRouting.alb.servicePort: expected a port",
          "trafficRouting.alb.stickinessConfig.durationSeconds: must be from 1 to 604800"}},
        {R"({"istio": {"virtualService": {"routes": []}, "virtualServices": [1]}})",
         {"trafficRouting.istio.virtualServices: cannot be used with virtualService",
          "trafficRouting.istio.virtualService.name: missing",
          "trafficRouting.istio.virtualServices[0]: expected an object"}},
        {R"({"istio": {"virtualService": {"name": "a"}, "destinationRule": {"name": "r",
             "canarySubsetName": "x", "stableSubsetName": "x"}}})",
         {"trafficRouting.istio.destinationRule.canarySubsetName: must differ from "
          "stableSubsetName"}},
        {R"({"appMesh": {}})", {"trafficRouting.appMesh: not supported yet"}},
        {R"({})", {"trafficRouting.plugins: missing"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.routing);
        CHECK(problems(lower(row.routing)) == row.problems);
    }
}

TEST_CASE("a step that the router cannot carry out is refused before the release begins") {
    const std::string nginx =
        R"({"nginx": {"stableIngress": "web"}, "managedRoutes": [{"name": "r"}]})";
    const auto lowered = lower(
        nginx,
        R"(, "steps": [{"setHeaderRoute": {"name": "r", "match": [{"headerName": "a",
            "headerValue": {"exact": "b"}}]}}, {"setMirrorRoute": {"name": "r", "match":
            [{"method": {"exact": "GET"}}]}}])");
    CHECK(
        problems(lowered) == Texts{
                                 "steps[0].setHeaderRoute: nginx has no such routes",
                                 "steps[1].setMirrorRoute: nginx has no such routes"});
}

TEST_CASE("services that alternate need a router that can follow them") {
    const std::string ping_pong = R"(, "pingPong": {"pingService": "s", "pongService": "c"})";
    CHECK(
        problems(lower(R"({"smi": {}})", ping_pong)) ==
        Texts{"pingPong: needs trafficRouting with alb, istio or plugins"});
    const std::string alb = R"({"alb": {"ingress": "web", "servicePort": 80)";
    CHECK(
        problems(lower(alb + "}}", ping_pong)) == Texts{"trafficRouting.alb.rootService: missing"});
    CHECK(problems(lower(alb + R"(, "rootService": "root"}})", ping_pong)) == Texts{});
}

TEST_CASE("one machine has no ingress controllers") {
    const auto refused = [](const std::string& routing) {
        const auto rollout = json::parse(
            R"({"spec": {"strategy": {"canary": {"trafficRouting": )" + routing + "}}}}");
        const auto found = argo::refuse_on_one_machine(rollout->as_object());
        return found ? found->path + ": " + found->message : "";
    };
    CHECK(
        refused(R"({"nginx": {"stableIngress": "web"}})") ==
        "spec.strategy.canary.trafficRouting.nginx: there is no such controller on one machine");
    CHECK(refused(R"({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "web"}}})") == "");
    CHECK(refused(R"({"plugins": {"argoproj-labs/gatewayAPI": {"grpcRoute": "web"}}})")
              .ends_with("grpcRoute: GRPCRoutes are not served on one machine"));
}
