// A canary that closes connections instead of answering, and clients that keep theirs.

#include <doctest/doctest.h>

#include "machine.h"
#include <cstdlib>
#include <sstream>

namespace serin::e2e {

namespace {

// Requests that the gateway has seen fail without an answer of a pod.
double failed_requests(const std::string& metrics) {
    double sum = 0;
    std::istringstream lines(metrics);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("serin_gateway_requests_total{")) continue;
        if (!line.contains("code=\"502\"") && !line.contains("code=\"503\"")) continue;
        sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
    }
    return sum;
}

}  // namespace

TEST_CASE("a canary that closes kept connections is taken back, and each of its failures is seen") {
    Machine machine;
    machine.add_image("deaf", {{"SHOP_DROP_PERCENT", "60"}});
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:deaf"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(machine.phase().contains("success-rate"));
    const json::Value report = machine.stop_load("deaf");
    INFO(json::print(report));
    const auto lost = json::integer(json::find(report, "/requests_lost"));
    REQUIRE(lost.has_value());
    CHECK(*lost > 0);
    const Ran metrics = run({"curl", "-sf", machine.api_url() + "/metrics"});
    INFO(metrics.out);
    CHECK(failed_requests(metrics.out) >= static_cast<double>(*lost));
}

}  // namespace serin::e2e
