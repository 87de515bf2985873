#include "metrics/request_totals.h"

#include <doctest/doctest.h>

#include <array>

namespace serin::metrics {

namespace {

class Counter : public OutcomeSink {
public:
    void take(std::span<const RequestOutcome> outcomes) override { taken += outcomes.size(); }
    void take_gap(const StreamGap& gap) override { lost += gap.outcomes_lost; }
    std::size_t taken = 0;
    std::uint64_t lost = 0;
};

RequestOutcome outcome(std::string_view revision, int status) {
    return {
        .latency_us = 2'000,
        .ns = "default",
        .route = "shop",
        .service = "shop-stable",
        .revision = revision,
        .status = status};
}

}  // namespace

TEST_CASE("requests are counted by revision and status, and passed on") {
    Counter next;
    RequestTotals totals(next);
    totals.take(std::array{outcome("a", 200), outcome("a", 200), outcome("a", 503)});
    totals.take(std::array{outcome("b", 200)});
    totals.take_gap({.outcomes_lost = 7});

    const auto read = totals.read();
    REQUIRE(read.size() == 3);
    CHECK(read[0].revision == "a");
    CHECK(read[0].requests == 2);
    CHECK(read[0].seconds == doctest::Approx(0.004));
    CHECK(read[1].status == 503);
    CHECK(read[2].revision == "b");
    CHECK(totals.lost_outcomes() == 7);
    CHECK(next.taken == 4);
    CHECK(next.lost == 7);
}

TEST_CASE("what stable answered for another version is counted apart") {
    Counter next;
    RequestTotals totals(next);
    RequestOutcome rescue = outcome("a", 200);
    rescue.is_rescue = true;
    totals.take(std::array{outcome("a", 200), rescue, rescue});
    const auto read = totals.read();
    REQUIRE(read.size() == 2);
    CHECK_FALSE(read[0].is_rescue);
    CHECK(read[0].requests == 1);
    CHECK(read[1].is_rescue);
    CHECK(read[1].requests == 2);
}

TEST_CASE("what a stranger can make up does not grow the counters without bound") {
    Counter next;
    RequestTotals totals(next, 2);
    for (int status = 200; status < 210; ++status) totals.take(std::array{outcome("a", status)});
    CHECK(totals.read().size() == 2);
    CHECK(next.taken == 10);
}

}  // namespace serin::metrics
