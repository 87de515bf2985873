#include "judge/metric.h"

#include <doctest/doctest.h>

#include <string_view>

using namespace serin;
using namespace serin::judge;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{};

// s, f, i, e: successful, failed, inconclusive, error, one second apart.
MetricState measured(std::string_view phases) {
    MetricState state{.name = "m"};
    Instant at = t0;
    for (const char letter : phases) {
        Phase phase = Phase::successful;
        if (letter == 'f') phase = Phase::failed;
        if (letter == 'i') phase = Phase::inconclusive;
        if (letter == 'e') phase = Phase::error;
        at += 1s;
        record(state, {.phase = phase, .started_at = at, .finished_at = at});
    }
    return state;
}

const MetricRule endless{.name = "m", .interval = 10s};

}  // namespace

TEST_CASE("a metric with neither count nor interval is measured once, with an interval forever") {
    CHECK(effective_count({}) == 1);
    CHECK_FALSE(effective_count({.interval = 10s}));
    CHECK(effective_count({.interval = 10s, .count = 3}) == 3);
}

TEST_CASE("limits that contradict each other are refused") {
    CHECK(check({}));
    CHECK(check({.interval = 1s, .count = 5, .failure_limit = 2, .consecutive_success_limit = 3}));
    const auto message = [](const MetricRule& rule) {
        const auto result = check(rule);
        return result ? std::string() : result.error().message;
    };
    CHECK(message({.count = 2}) == "interval must be specified when count > 1");
    CHECK(message({.count = 1, .failure_limit = 2}).starts_with("count must be >="));
    CHECK(
        message({.interval = 1s, .count = 1, .inconclusive_limit = 2}) ==
        "count must be >= inconclusiveLimit");
    CHECK(message({.failure_limit = -2}) == "failureLimit must be >= -1");
    CHECK(message({.inconclusive_limit = -1}) == "inconclusiveLimit must be >= 0");
    CHECK(message({.consecutive_error_limit = -1}) == "consecutiveErrorLimit must be >= 0");
    CHECK(message({.consecutive_success_limit = -1}) == "consecutiveSuccessLimit must be >= 0");
    CHECK(message({.failure_limit = -1}).starts_with("failureLimit -1 needs"));
    CHECK(message({.interval = 0s}) == "interval must be > 0");
}

TEST_CASE("what the measurements say together") {
    struct Case {
        std::string_view measured;
        MetricRule rule;
        Phase phase;
        std::string_view reason;
    };
    const MetricRule once{.name = "m"};
    const MetricRule thrice{.name = "m", .interval = 10s, .count = 3};
    const std::vector<Case> cases = {
        {"", once, Phase::pending, ""},
        {"s", once, Phase::successful, ""},
        {"s", endless, Phase::running, ""},
        {"ss", thrice, Phase::running, ""},
        {"sss", thrice, Phase::successful, ""},
        {"f", endless, Phase::failed, "failed (1) > failureLimit (0)"},
        {"sf", endless, Phase::failed, "failed (1) > failureLimit (0)"},
        {"f", {.interval = 10s, .failure_limit = 1}, Phase::running, ""},
        {"fsf",
         {.interval = 10s, .failure_limit = 1},
         Phase::failed,
         "failed (2) > failureLimit (1)"},
        // Tolerated failures count towards the end.
        {"fss", {.interval = 10s, .count = 3, .failure_limit = 1}, Phase::successful, ""},
        {"ffffff",
         {.interval = 10s, .failure_limit = -1, .consecutive_success_limit = 2},
         Phase::running,
         ""},
        {"i", endless, Phase::inconclusive, "inconclusive (1) > inconclusiveLimit (0)"},
        {"i", {.interval = 10s, .inconclusive_limit = 1}, Phase::running, ""},
        // Several limits at once: inconclusive beats failed, errors beat both.
        {"fi", endless, Phase::inconclusive, "inconclusive (1) > inconclusiveLimit (0)"},
        {"fie",
         {.interval = 10s, .consecutive_error_limit = 0},
         Phase::error,
         "consecutiveErrors (1) > consecutiveErrorLimit (0)"},
        // An error is no count: four are retried, the fifth ends it.
        {"e", once, Phase::running, ""},
        {"eeee", once, Phase::running, ""},
        {"eeeee", once, Phase::error, "consecutiveErrors (5) > consecutiveErrorLimit (4)"},
        {"eeeesee", endless, Phase::running, ""},
        {"eeees", once, Phase::successful, ""},
        // Consecutive successes as the aim.
        {"fss",
         {.interval = 10s, .failure_limit = 5, .consecutive_success_limit = 2},
         Phase::successful,
         ""},
        {"sfs",
         {.interval = 10s, .failure_limit = 5, .consecutive_success_limit = 2},
         Phase::running,
         ""},
        {"ses", {.interval = 10s, .consecutive_success_limit = 2}, Phase::running, ""},
        {"sfs",
         {.interval = 10s, .count = 3, .failure_limit = 1, .consecutive_success_limit = 2},
         Phase::inconclusive,
         "consecutiveSuccess (1) < consecutiveSuccessLimit (2)"},
        {"sfs",
         {.interval = 10s, .count = 3, .failure_limit = -1, .consecutive_success_limit = 2},
         Phase::failed,
         "consecutiveSuccess (1) < consecutiveSuccessLimit (2)"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.measured);
        const Verdict verdict = assess(one.rule, measured(one.measured), false);
        CHECK(to_string(verdict.phase) == to_string(one.phase));
        CHECK(verdict.reason == one.reason);
    }
}

TEST_CASE("terminating ends what has not ended, without hiding a failure") {
    CHECK(assess(endless, measured(""), true).phase == Phase::successful);
    CHECK(assess(endless, measured("s"), true).phase == Phase::successful);
    CHECK(assess(endless, measured("e"), true).phase == Phase::successful);
    CHECK(assess(endless, measured("f"), true).phase == Phase::failed);
}

TEST_CASE("a completed metric stays what it is") {
    MetricState state = measured("f");
    state.phase = Phase::successful;
    CHECK(assess(endless, state, false).phase == Phase::successful);
}

TEST_CASE("a verdict names its rule and its numbers") {
    const Verdict verdict = assess(endless, measured("sf"), false);
    CHECK(verdict.rule == "failureLimit");
    CHECK(verdict.numbers.at("failed") == 1);
    CHECK(verdict.numbers.at("failureLimit") == 0);
}

TEST_CASE("the first measurement comes at once or after the initial delay") {
    const MetricState fresh{.name = "m"};
    CHECK(*next_measurement({}, fresh, std::nullopt) <= t0);
    CHECK(*next_measurement({}, fresh, t0) <= t0);
    const MetricRule delayed{.initial_delay = 30s};
    CHECK_FALSE(next_measurement(delayed, fresh, std::nullopt));
    CHECK(next_measurement(delayed, fresh, t0 + 5s) == t0 + 35s);
}

TEST_CASE("the interval counts from the end of a measurement, errors are retried after 10 s") {
    CHECK(next_measurement(endless, measured("s"), t0) == t0 + 1s + 10s);
    const MetricRule slow{.interval = 1h};
    CHECK(next_measurement(slow, measured("se"), t0) == t0 + 2s + 10s);
    const MetricRule quick{.interval = 1s};
    CHECK(next_measurement(quick, measured("se"), t0) == t0 + 2s + 10s);
    CHECK(next_measurement({}, measured("e"), t0) == t0 + 1s + 10s);
}

TEST_CASE("nothing is measured after the count or the end") {
    CHECK_FALSE(next_measurement({.interval = 1s, .count = 2}, measured("ss"), t0));
    CHECK(next_measurement({.interval = 1s, .count = 2}, measured("se"), t0));
    CHECK_FALSE(next_measurement({}, measured("s"), t0));
    MetricState failed = measured("f");
    failed.phase = Phase::failed;
    CHECK_FALSE(next_measurement(endless, failed, t0));
}

TEST_CASE("a measurement in flight is due when it can be resumed") {
    MetricState state = measured("s");
    state.measurements.push_back({.started_at = t0 + 60s, .resume_at = t0 + 75s});
    CHECK(next_measurement(endless, state, t0) == t0 + 75s);
    CHECK(assess(endless, state, false).phase == Phase::running);
    record(state, {.phase = Phase::successful, .finished_at = t0 + 80s});
    CHECK(state.measurements.size() == 2);
    CHECK(state.count == 2);
}

TEST_CASE("measurements are counted by what they were") {
    const MetricState state = measured("sfieess");
    CHECK(state.count == 5);
    CHECK(state.successful == 3);
    CHECK(state.failed == 1);
    CHECK(state.inconclusive == 1);
    CHECK(state.error == 2);
    CHECK(state.consecutive_error == 0);
    CHECK(state.consecutive_success == 2);
}

TEST_CASE("only the latest measurements are kept, and the counts stay") {
    MetricState state = measured("sssssssssssss");
    CHECK(trim(endless, state) == 3);
    CHECK(state.measurements.size() == 10);
    CHECK(state.count == 13);
    CHECK(state.last()->finished_at == t0 + 13s);
    CHECK(trim(endless, state) == 0);
}

TEST_CASE("an early look makes sense only when one more failure is too many") {
    CHECK(is_one_failure_from_failing(endless, measured("s")));
    const MetricRule patient{.interval = 1s, .failure_limit = 2};
    CHECK_FALSE(is_one_failure_from_failing(patient, measured("sf")));
    CHECK(is_one_failure_from_failing(patient, measured("sff")));
    CHECK_FALSE(is_one_failure_from_failing({.failure_limit = -1}, measured("fff")));
}
