#include "lint/query_facts.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace serin::lint;
using namespace std::chrono_literals;

namespace {

promql::Expr read(const char* query) {
    const auto parsed = promql::parse(query);
    REQUIRE(parsed);
    return *parsed;
}

}  // namespace

TEST_CASE("counters and gauges are told by their names, and the rest is left open") {
    CHECK(sample_type("http_requests_total") == SampleType::counter);
    CHECK(sample_type("container_cpu_usage_seconds_total") == SampleType::counter);
    CHECK(sample_type("process_resident_memory_bytes") == SampleType::gauge);
    CHECK(sample_type("go_goroutines") == SampleType::gauge);
    CHECK(sample_type("http_requests") == SampleType::unknown);
    CHECK(sample_type("{{args.metric}}") == SampleType::unknown);
}

TEST_CASE("a vector may be empty unless something stands in") {
    CHECK(may_be_empty(read("sum(rate(a_total[1m]))")));
    CHECK(may_be_empty(read("sum(a) / sum(b)")));
    CHECK(may_be_empty(read("vector(1) > 2")));
    CHECK_FALSE(may_be_empty(read("sum(a) or vector(0)")));
    CHECK_FALSE(may_be_empty(read("scalar(sum(a))")));
    CHECK_FALSE(may_be_empty(read("(sum(a) or vector(0)) / (sum(b) or vector(1))")));
}

TEST_CASE("a division is dangerous where nothing was counted") {
    CHECK(may_be_nan(read("sum(rate(a[1m])) / sum(rate(b[1m]))")));
    CHECK(may_be_nan(read("histogram_quantile(0.9, sum by (le) (rate(b_bucket[1m])))")));
    CHECK_FALSE(may_be_nan(read("sum(a) / clamp_min(sum(b), 1)")));
    CHECK_FALSE(may_be_nan(read("sum(a) / (sum(b) > 0)")));
    CHECK_FALSE(may_be_nan(read("sum(rate(a[1m])) / 60")));
}

TEST_CASE("one series or many") {
    CHECK(may_be_many(read("rate(a_total[1m])")));
    CHECK(may_be_many(read("sum by (pod) (a)")));
    CHECK(may_be_many(read("histogram_quantile(0.95, rate(b_bucket[1m]))")));
    CHECK(may_be_many(read("100 * avg by (pod) (a)")));
    CHECK_FALSE(may_be_many(read("sum(a)")));
    CHECK_FALSE(may_be_many(read("max(a) / 2")));
    CHECK_FALSE(may_be_many(read("histogram_quantile(0.95, sum by (le) (rate(b_bucket[1m])))")));
    CHECK_FALSE(may_be_many(read("topk(1, a)")));
    CHECK_FALSE(may_be_many(read("sum(a) or vector(0)")));
}

TEST_CASE("shares of requests are recognised") {
    const auto good =
        share_of(read("sum(rate(r_total{code!~\"5..\"}[5m])) / sum(rate(r_total[5m]))"));
    REQUIRE(good);
    CHECK(good->is_success);
    CHECK(good->window == 5min);
    const auto bad = share_of(read("100 * 1") /* no share */);
    CHECK_FALSE(bad);
    const auto errors =
        share_of(read("sum(rate(r_total{status=~\"5.*\"}[1m])) / sum(rate(r_total[1m])) * 100"));
    REQUIRE(errors);
    CHECK_FALSE(errors->is_success);
    CHECK(errors->is_percent);
    const auto inverted =
        share_of(read("1 - sum(rate(errors_total[1m])) / sum(rate(r_total[1m]))"));
    REQUIRE(inverted);
    CHECK(inverted->is_success);
    CHECK_FALSE(share_of(read("sum(a) / sum(b)")));
    CHECK(error_selector(read("sum(rate(r_total{code=~\"5..\"}[1m]))")) == "r_total");
    CHECK(error_selector(read("sum(rate(r_total{code!~\"5..\"}[1m]))")).empty());
}
