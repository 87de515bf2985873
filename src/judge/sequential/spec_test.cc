#include "judge/sequential/spec.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace serin;
using namespace serin::judge::sequential;

namespace {

std::string error_of(const char* text) {
    const auto spec = parse_spec(*json::parse(text));
    return spec ? "" : spec.error().message;
}

}  // namespace

TEST_CASE("an empty specification judges failures and latency") {
    const auto spec = parse_spec(*json::parse("{}"));
    REQUIRE(spec.has_value());
    CHECK(spec->alpha == 0.01);
    REQUIRE(spec->metrics.size() == 2);
    CHECK(spec->metrics[0].name == "error-rate");
    CHECK(spec->metrics[0].share == 0.5);
    CHECK(spec->metrics[1].subject == Subject::latency);
    CHECK(spec->metrics[1].share == 0.5);
    CHECK(spec->timeout_s == 3600);
    CHECK(fingerprint(*spec) == fingerprint(*parse_spec(json::Value(nullptr))));
}

TEST_CASE("fields are read, numbers also as text") {
    const auto spec = parse_spec(*json::parse(R"({"alpha": "0.05", "warmup": "30s", "timeout": "0s",
        "metrics": [{"metric": "success-rate", "atLeast": 0.99, "share": 0.7},
                    {"metric": "latency", "quantile": 0.9, "atMost": "300ms"},
                    {"metric": "business"}]})"));
    REQUIRE(spec.has_value());
    CHECK(spec->alpha == 0.05);
    CHECK(spec->warmup_s == 30);
    CHECK(!spec->timeout_s);
    CHECK(*spec->metrics[0].bound == doctest::Approx(0.01));
    CHECK(spec->metrics[1].limit_ms == 300);
    CHECK(*spec->metrics[1].bound == doctest::Approx(0.1));
    CHECK(spec->metrics[1].share == doctest::Approx(0.15));
    CHECK(spec->metrics[2].margin.ratio == 0.9);
}

TEST_CASE("what makes no sense is named by its field") {
    CHECK(error_of("[]") == "expected an object");
    CHECK(error_of(R"({"alpha": 2})") == "alpha: must be between 0 and 0.5, both excluded");
    CHECK(error_of(R"({"alhpa": 0.1})").starts_with("alhpa: unknown field (known are alpha, "));
    CHECK(error_of(R"({"warmup": 30})").starts_with("warmup: expected a duration"));
    CHECK(
        error_of(R"({"metrics": [{"metric": "success-rate"}]})") ==
        "metrics[0].atLeast: missing: the lowest success rate, such as 0.99");
    CHECK(
        error_of(R"({"metrics": [{"metric": "cpu"}]})") ==
        "metrics[0].metric: expected error-rate, success-rate, latency or business");
    CHECK(
        error_of(R"({"metrics": [{"metric": "latency", "passMargin": {"ratio": 1.05}}]})") ==
        "metrics[0].passMargin: its ratio must be more than that of margin");
    CHECK(
        error_of(R"({"metrics": [{"metric": "error-rate", "margin": {"ratio": 0.5}}]})") ==
        "metrics[0].margin.ratio: must be from 1 to 100");
    CHECK(
        error_of(R"({"metrics": [{"metric": "latency"}, {"metric": "latency"}]})") ==
        "metrics[1].name: another metric is called 'latency' too");
    CHECK(
        error_of(R"({"metrics": [{"metric": "latency", "share": 0.4}]})") ==
        "metrics: the shares must sum to 1");
}

TEST_CASE("all problems are found at once, and fields of the caller are let pass") {
    const SpecRead read = read_spec(*json::parse(R"({"alpha": 2, "beta": 0, "service": "shop"})"));
    CHECK(read.problems.size() == 3);
    constexpr std::array<std::string_view, 1> foreign{"service"};
    CHECK(parse_spec(*json::parse(R"({"service": "shop"})"), foreign).has_value());
}
