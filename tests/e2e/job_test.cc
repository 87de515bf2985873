// A program that gates a release: it tries the canary before anybody else does.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <filesystem>

namespace serin::e2e {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

void add_smoke_test(Machine& machine) {
    fs::copy(
        EXAMPLES_FOLDER "/shop/smoke/smoke-test.yaml", machine.manifests() + "/5-smoke-test.yaml");
    machine.edit("5-smoke-test.yaml", "http://127.0.0.1:8080", machine.url());
    const std::string image = machine.folder() + "/images/shop-smoke/v1";
    fs::create_directories(image);
    fs::copy(EXAMPLES_FOLDER "/shop/smoke/run", image + "/run");
    machine.edit(
        "3-rollout.yaml",
        "      steps:\n",
        "      steps:\n"
        "        - setCanaryScale: {replicas: 1}\n"
        "        - analysis:\n"
        "            templates: [{templateName: shop-smoke}]\n"
        "        - setCanaryScale: {matchTrafficWeight: true}\n");
}

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

}  // namespace

TEST_CASE(
    "a failing smoke test keeps every request from the new version, a passing one lets it go") {
    Machine machine;
    add_smoke_test(machine);
    machine.add_image("broken", {{"SHOP_ERROR_PERCENT", "100"}});
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:broken"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "60s"}).code == 2);
    INFO(machine.phase());
    CHECK(machine.phase().contains("smoke"));
    CHECK(machine.phase().contains("exited with code 1"));
    const json::Value report = machine.stop_load("broken");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") == 0);
    CHECK(count(report, "/requests_lost") == 0);
    CHECK(count(report, "/requests_total") > 0);

    const auto jobs = json::parse(machine.serin({"get", "jobs", "-o", "json"}).out);
    REQUIRE(jobs.has_value());
    CHECK(
        json::text(json::find(*jobs, "/items/0/status/conditions/0/reason")) ==
        "BackoffLimitExceeded");

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    machine.start_load(200);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(machine.phase() == "Healthy ");
    static_cast<void>(machine.stop_load("v2"));
}

}  // namespace serin::e2e
