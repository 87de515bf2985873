#include "ports/retry_on_stable.h"

#include <doctest/doctest.h>

namespace serin {

namespace {

std::optional<RetryOnStable> read(
    const json::Object& annotations, std::vector<AnnotationProblem>& problems) {
    problems.clear();
    return read_retry_on_stable(&annotations, problems);
}

}  // namespace

TEST_CASE("nothing is retried on stable unless a route names the stable Service") {
    std::vector<AnnotationProblem> problems;
    CHECK_FALSE(read_retry_on_stable(nullptr, problems));
    CHECK_FALSE(read({{"other", "x"}}, problems));
    CHECK(problems.empty());

    const auto wanted = read({{"serin.dev/retry-on-stable", "shop-stable"}}, problems);
    REQUIRE(wanted);
    CHECK(wanted->service == "shop-stable");
    CHECK(wanted->budget_percent == 20);
    CHECK(wanted->methods == std::vector<std::string>{"GET", "HEAD", "OPTIONS"});
}

TEST_CASE("budget and methods are the route's, and what is wrong is named") {
    std::vector<AnnotationProblem> problems;
    const auto wanted = read(
        {{"serin.dev/retry-on-stable", "shop-stable"},
         {"serin.dev/retry-on-stable-budget", "5%"},
         {"serin.dev/retry-on-stable-methods", "GET, PUT,GET"}},
        problems);
    REQUIRE(wanted);
    CHECK(wanted->budget_percent == 5);
    CHECK(wanted->methods == std::vector<std::string>{"GET", "PUT"});

    for (const char* budget : {"", "%", "20", "0%", "101%", "5 %", "-1%", "1e1%"}) {
        CAPTURE(budget);
        CHECK_FALSE(read(
            {{"serin.dev/retry-on-stable", "shop-stable"},
             {"serin.dev/retry-on-stable-budget", budget}},
            problems));
        REQUIRE(problems.size() == 1);
        CHECK(problems[0].annotation == RetryOnStable::budget_annotation);
    }
    for (const char* methods : {"", "get", "GET,", "GET;HEAD", "GET HEAD"}) {
        CAPTURE(methods);
        CHECK_FALSE(read(
            {{"serin.dev/retry-on-stable", "shop-stable"},
             {"serin.dev/retry-on-stable-methods", methods}},
            problems));
        CHECK(problems.size() == 1);
    }
    CHECK_FALSE(read({{"serin.dev/retry-on-stable", "Shop Stable"}}, problems));
    CHECK(problems.size() == 1);
    CHECK_FALSE(read({{"serin.dev/retry-on-stable-budget", "5%"}}, problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].message.contains("no effect"));
}

}  // namespace serin
