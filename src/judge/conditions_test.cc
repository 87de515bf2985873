#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace serin;
using namespace serin::judge;

namespace {

Verdict judged(std::string success, std::string failure, const json::Value& result) {
    return assess_value({std::move(success), std::move(failure)}, result, Instant{});
}

Phase phase(std::string success, std::string failure, const json::Value& result) {
    return judged(std::move(success), std::move(failure), result).phase;
}

const std::string high = "result[0] > 0.9";
const std::string low = "result[0] < 0.5";

}  // namespace

TEST_CASE("conditions decide as Argo's table has it") {
    const json::Value good = json::Array{0.95};
    const json::Value middling = json::Array{0.7};
    const json::Value bad = json::Array{0.3};

    CHECK(phase("", "", bad) == Phase::successful);
    CHECK(phase("", "", nullptr) == Phase::successful);
    CHECK(phase(high, "", good) == Phase::successful);
    CHECK(phase(high, "", middling) == Phase::failed);
    CHECK(phase("", low, bad) == Phase::failed);
    CHECK(phase("", low, middling) == Phase::successful);
    CHECK(phase(high, low, good) == Phase::successful);
    CHECK(phase(high, low, middling) == Phase::inconclusive);
    CHECK(phase(high, low, bad) == Phase::failed);
    CHECK(phase("true", "true", good) == Phase::failed);
}

TEST_CASE("NaN holds no comparison") {
    const json::Value result = json::Array{std::nan("")};
    CHECK(phase(high, "", result) == Phase::failed);
    CHECK(phase("", low, result) == Phase::successful);
}

TEST_CASE("a condition that cannot be evaluated is an error, whatever the other one says") {
    const Verdict empty = judged("result[0] > 1", "", json::Array());
    CHECK(empty.phase == Phase::error);
    CHECK(
        empty.reason ==
        "could not evaluate successCondition \"result[0] > 1\": metric result is nil or empty: "
        "no data returned from the metric provider");
    CHECK(phase("true", "result[0] > 1", json::Array()) == Phase::error);
    CHECK(phase("result[", "true", json::Array{1.0}) == Phase::error);
    const Verdict number = judged("result[0]", "", json::Array{1.0});
    CHECK(number.phase == Phase::error);
    CHECK(number.reason.contains("expected bool, but got float64"));
    CHECK(phase("len(result) == 0 || result[0] > 1", "", json::Array()) == Phase::successful);
}

TEST_CASE("a verdict names the condition that decided") {
    const Verdict verdict = judged(high, "", json::Array{0.7});
    CHECK(verdict.rule == "successCondition");
    CHECK(verdict.reason == "successCondition \"result[0] > 0.9\" is false");
}
