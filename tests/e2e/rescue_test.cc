// A canary that fails while stable answers for it: nobody notices but the judge.

#include <doctest/doctest.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

// Stable may answer up to half of all requests in place of another version.
void ask_for_retries(Machine& machine) {
    machine.edit(
        "1-gateway.yaml",
        "kind: HTTPRoute\nmetadata:\n  name: shop\n",
        "kind: HTTPRoute\nmetadata:\n  name: shop\n  annotations:\n"
        "    serin.dev/retry-on-stable: shop-stable\n"
        "    serin.dev/retry-on-stable-budget: 50%\n"
        // An order that comes twice is one order here.
        "    serin.dev/retry-on-stable-methods: GET, POST\n");
}

}  // namespace

TEST_CASE("a canary that answers 503 is judged and taken back, and no user sees a failure") {
    Machine machine;
    ask_for_retries(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3"}).code == 0);
    const Ran aborted = machine.serin({"status", "shop", "--timeout", "2m"});
    CHECK(aborted.code == 2);
    CHECK(aborted.out.contains("success-rate"));
    const json::Value report = machine.stop_load("v3");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/canary_failures") == 0);
    CHECK(count(report, "/requests_lost") == 0);

    // The metrics tell the canary's failures and who answered instead.
    const Ran metrics = run({"curl", "-sf", machine.api_url() + "/metrics"});
    CHECK(metrics.out.contains("serin_gateway_retries_on_stable_total{"));
    CHECK(metrics.out.contains("code=\"503\""));
}

TEST_CASE("a canary that closes its connections is seen and taken back, and no user notices") {
    Machine machine;
    ask_for_retries(machine);
    machine.add_image("deaf", {{"SHOP_DROP_PERCENT", "30"}});
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:deaf"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(machine.phase().contains("success-rate"));
    const json::Value report = machine.stop_load("deaf");
    INFO(json::print(report));
    CHECK(count(report, "/requests_lost") == 0);
    CHECK(count(report, "/canary_failures") == 0);
}

}  // namespace serin::e2e
