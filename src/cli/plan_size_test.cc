#include "cli/plan_size.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::cli;

namespace {

double number_at(const json::Object& plan, std::string_view pointer) {
    const auto number = json::number(json::find(plan, pointer));
    REQUIRE(number);
    return *number;
}

SizeOptions question(std::string base, std::string bad) {
    SizeOptions options;
    options.base = std::move(base);
    options.bad = std::move(bad);
    options.power = "80%";
    return options;
}

}  // namespace

TEST_CASE("two equal arms from 1 to 1.5 % need 7,750 requests each") {
    SizeOptions options = question("1%", "1.5%");
    options.weight = "50%";
    const auto plan = plan_size(options);
    REQUIRE(plan.has_value());
    CHECK(number_at(*plan, "/weights/0/fixedCanaryRequests") == 7750);
    CHECK(number_at(*plan, "/weights/0/fixedStableRequests") == 7750);
    CHECK(to_text_of_size(*plan).contains("7750"));
}

TEST_CASE("at 100 requests a minute a tenth is too little, and the plan says so") {
    SizeOptions options = question("1%", "1.5%");
    options.weight = "10%";
    options.traffic = "100rpm";
    const auto plan = plan_size(options);
    REQUIRE(plan.has_value());
    CHECK(number_at(*plan, "/weights/0/canaryRequestsPerMinute") == doctest::Approx(10));
    CHECK(number_at(*plan, "/weights/0/fixedSeconds") == doctest::Approx(6 * 4985).epsilon(0.001));
    CHECK(json::boolean(json::find(*plan, "/firstStep/isEnough")) == false);
    const std::string text = to_text_of_size(*plan);
    CHECK(text.contains("low traffic: 10 canary requests a minute"));
    CHECK(text.contains("a step has 100 canary requests"));
}

TEST_CASE("the first step follows the daily traffic, between 5 and 25 %") {
    SizeOptions options = question("1%", "5%");
    const auto first = [&](const char* traffic) {
        options.traffic = traffic;
        const auto plan = plan_size(options);
        REQUIRE(plan.has_value());
        return number_at(*plan, "/firstStep/weight");
    };
    CHECK(first("100M/day") == 0.05);
    CHECK(first("10k/day") == 0.25);
    const double middle = first("500k/day");
    CHECK(middle > 0.05);
    CHECK(middle < 0.25);
}

TEST_CASE("an effect within the margin is never found, unless strict") {
    SizeOptions options = question("1%", "1.1%");
    const auto plan = plan_size(options);
    CHECK(json::find(*plan, "/weights/0/sequentialCanaryRequests")->is_null());
    CHECK(to_text_of_size(*plan).contains("--strict"));
    options.is_strict = true;
    CHECK(number_at(*plan_size(options), "/weights/0/sequentialCanaryRequests") > 1000);
}

TEST_CASE("options that make no sense are named") {
    CHECK(plan_size(question("2%", "1%")).error().message.starts_with("--bad"));
    CHECK(plan_size(question("x", "1%")).error().message.starts_with("--base"));
    SizeOptions options = question("1%", "2%");
    options.traffic = "fast";
    CHECK(plan_size(options).error().message.starts_with("--traffic"));
    options.traffic = "10rps";
    options.step = "soon";
    CHECK(plan_size(options).error().message.starts_with("--step"));
}
