// Deployments under load, driven by kubectl, and handed over to a Rollout.

#include <doctest/doctest.h>

#include "machine.h"
#include <filesystem>

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

constexpr const char* deployment = R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: shop
          image: shop:v1
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            httpGet:
              path: /ready
              port: http
            periodSeconds: 1
)";

constexpr const char* takeover = R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  replicas: 3
  workloadRef:
    apiVersion: apps/v1
    kind: Deployment
    name: shop
    scaleDown: progressively
  strategy:
    canary:
      stableService: shop-stable
      canaryService: shop-canary
      scaleDownDelaySeconds: 1
      trafficRouting:
        plugins:
          argoproj-labs/gatewayAPI:
            httpRoute: shop
      steps:
        - setWeight: 20
        - pause: {duration: 1}
)";

// A machine whose shop is a Deployment.
struct Shop : Machine {
    Shop() {
        std::filesystem::remove(manifests() + "/3-rollout.yaml");
        std::filesystem::remove(manifests() + "/4-analysis.yaml");
        write_file(manifests() + "/5-deployment.yaml", deployment);
        up();
    }

    Ran kubectl(std::vector<std::string> words) const {
        words.insert(words.begin(), {"kubectl", "--server", api_url()});
        return run(words);
    }

    void roll() const {
        const Ran rolled = kubectl({"rollout", "status", "deployment/shop", "--timeout", "60s"});
        INFO(rolled.out, rolled.err);
        CHECK(rolled.code == 0);
    }

    std::int64_t number(const std::string& type, const char* pointer) const {
        const json::Value object = get(type, "shop");
        return json::integer(json::find(object, pointer)).value_or(0);
    }
};

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

}  // namespace

TEST_CASE("a Deployment rolls, goes back, restarts and scales under load without a lost request") {
    Shop shop;
    shop.roll();
    shop.start_load(200);

    REQUIRE(shop.kubectl({"set", "image", "deployment/shop", "shop=shop:v2"}).code == 0);
    shop.roll();
    const Ran history = shop.kubectl({"rollout", "history", "deployment/shop"});
    INFO(history.out, history.err);
    CHECK(history.out.contains("1 "));
    CHECK(history.out.contains("2 "));

    REQUIRE(shop.kubectl({"rollout", "undo", "deployment/shop"}).code == 0);
    shop.roll();
    const json::Value back = shop.get("deployment", "shop");
    CHECK(json::text(json::find(back, "/spec/template/spec/containers/0/image")) == "shop:v1");
    CHECK(
        json::text(json::find(back, "/metadata/annotations/deployment.kubernetes.io~1revision")) ==
        "3");

    REQUIRE(shop.kubectl({"rollout", "restart", "deployment/shop"}).code == 0);
    shop.roll();
    REQUIRE(shop.kubectl({"scale", "deployment/shop", "--replicas", "2"}).code == 0);
    shop.roll();
    CHECK(wait_until(30s, [&] { return shop.number("deployment", "/status/replicas") == 2; }));

    const json::Value report = shop.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_total") > 0);
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
}

TEST_CASE("a Rollout takes a serving Deployment over without a lost request") {
    Shop shop;
    shop.roll();
    shop.start_load(200);

    write_file(shop.manifests() + "/6-rollout.yaml", takeover);
    REQUIRE(shop.serin({"apply", "-f", shop.manifests() + "/6-rollout.yaml"}).code == 0);
    REQUIRE(shop.wait_for_phase("Healthy"));
    CHECK(wait_until(30s, [&] { return shop.number("deployment", "/spec/replicas") == 0; }));
    CHECK(wait_until(30s, [&] { return shop.number("deployment", "/status/replicas") == 0; }));

    REQUIRE(shop.kubectl({"set", "image", "deployment/shop", "shop=shop:v2"}).code == 0);
    CHECK(wait_until(60s, [&] {
        const json::Value rollout = shop.get("rollout", "shop");
        const auto generation =
            json::text(json::find(rollout, "/status/workloadObservedGeneration"));
        return generation && *generation != "1" && shop.phase() == "Healthy " &&
               json::text(json::find(rollout, "/status/stableRS")) ==
                   json::text(json::find(rollout, "/status/currentPodHash")) &&
               json::text(json::find(
                   rollout, "/metadata/annotations/rollout.argoproj.io~1revision")) == "2";
    }));
    CHECK(shop.number("deployment", "/status/replicas") == 0);

    const json::Value report = shop.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
}

}  // namespace serin::e2e
