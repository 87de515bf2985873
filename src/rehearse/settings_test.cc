#include "rehearse/settings.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::rehearse;
using namespace std::chrono_literals;

TEST_CASE("traffic is requests a second, or a minute") {
    CHECK(read_traffic("500rps") == 500);
    CHECK(read_traffic("30") == 30);
    CHECK(read_traffic("8.64M/day") == 100);
    CHECK(read_traffic("864k/day") == 10);
    CHECK_FALSE(read_traffic("8m/day").has_value());
    CHECK(read_traffic("90rpm") == 1.5);
    for (const char* wrong : {"", "many", "-1rps", "5rph", "1e9"}) {
        CHECK_MESSAGE(!read_traffic(wrong), wrong);
    }
}

TEST_CASE("a behaviour changes what it names, and a p95 alone keeps the spread") {
    const Behaviour usual{.error_share = 0.001, .p50_ms = 40, .p95_ms = 120};
    const auto changed = read_behaviour("error=5%,p95=240ms", usual);
    REQUIRE(changed);
    CHECK(changed->error_share == doctest::Approx(0.05));
    CHECK(changed->p50_ms == doctest::Approx(80));
    CHECK(changed->p95_ms == 240);
    CHECK(read_behaviour("", usual)->p95_ms == 120);

    for (const char* wrong : {"error", "error=150%", "p99=1s", "p50=1s,p95=1ms", "p95=0s"}) {
        CHECK_MESSAGE(!read_behaviour(wrong, usual), wrong);
    }
}

TEST_CASE("a fault has what its kind takes and goes on when it says") {
    const auto crash = read_fault("pods-crash=5m@2m+30s");
    REQUIRE(crash);
    CHECK(crash->kind == Fault::Kind::pods_crash);
    CHECK(crash->time == 5min);
    CHECK(!crash->goes_on(119s));
    CHECK(crash->goes_on(120s));
    CHECK(!crash->goes_on(150s));

    const auto overload = read_fault("overload=40:10%");
    REQUIRE(overload);
    CHECK(overload->weight == 40);
    CHECK(overload->share == doctest::Approx(0.1));
    CHECK(overload->goes_on(24h));

    for (const char* wrong :
         {"fire", "pods-crash", "pods-never-ready=1s", "overload=40", "leak=x:1%", "leak=1m@"}) {
        CHECK_MESSAGE(!read_fault(wrong), wrong);
    }
    CHECK(read_fault("fire").error().message.contains("leak=10m:2%"));
}

TEST_CASE("a metric's answer is JSON, or no data") {
    CHECK(read_metric_value("ready=1")->second == json::Value(1));
    CHECK(read_metric_value("list=[0.5]")->second.is_array());
    CHECK(read_metric_value("gone=nodata")->second.is_null());
    for (const char* wrong : {"ready", "=1", "ready=", "ready={"}) {
        CHECK_MESSAGE(!read_metric_value(wrong), wrong);
    }
}
