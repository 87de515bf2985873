#include "rehearse/promql.h"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>

using namespace serin;
using namespace serin::rehearse;
using namespace std::chrono_literals;

namespace {

// 1000 requests of which 10 failed, in every range; nothing with the label `app="other"`.
Result<SeriesReading> world(const Selection& selection) {
    SeriesReading reading{.is_there = true, .increase = 1000};
    for (const LabelMatcher& matcher : selection.matchers) {
        if (matcher.label == "code") {
            const bool has_good = matcher.admits("200").value();
            const bool has_bad = matcher.admits("500").value();
            reading.increase = (has_good ? 990 : 0) + (has_bad ? 10 : 0);
        }
        if (matcher.label == "app" && matcher.value == "other") return SeriesReading{};
    }
    reading.quantile = [](double share) { return share; };
    return reading;
}

Result<PromQuery::Answer> ask(std::string_view text) {
    SERIN_TRY(const PromQuery query, PromQuery::parse(text));
    return query.evaluate(world);
}

double value_of(std::string_view text) {
    const auto answer = ask(text);
    REQUIRE_MESSAGE(answer, text);
    REQUIRE_MESSAGE(answer->values.size() == 1, text);
    return answer->values[0];
}

std::string refusal_of(std::string_view text) {
    const auto answer = ask(text);
    REQUIRE_MESSAGE(!answer, text);
    return answer.error().message;
}

}  // namespace

TEST_CASE("the ratios of published templates have their value") {
    for (const char* text :
         {"sum(rate(http_requests_total{code!~\"5.*\"}[5m])) / sum(rate(http_requests_total[5m]))",
          "sum by (app) (increase(a_total{code=~'2..'}[1h])) / sum by (app) "
          "(increase(a_total[1h]))",
          "1 - (sum(rate(a_total{code=~\"5[0-9]{2}\"}[5m])) / sum(rate(a_total[5m])))",
          "# success\nsum(irate(a_total{code=\"200\",}[90s]))\n/\nsum(irate(a_total[1m30s]))"}) {
        CHECK_MESSAGE(value_of(text) == doctest::Approx(0.99), text);
    }
    CHECK(value_of("sum(rate(a_total{code=\"500\"}[5m])) * 60") == doctest::Approx(2));
    CHECK(
        value_of("100 * sum(increase(a_total{code=~\"5..\"}[5m])) / sum(increase(a_total[5m]))") ==
        doctest::Approx(1));
}

TEST_CASE("quantiles need buckets summed by le") {
    CHECK(value_of("histogram_quantile(0.95, sum(rate(x_bucket[5m])) by (le))") == 0.95);
    CHECK(refusal_of("histogram_quantile(0.95, rate(x_bucket[5m]))").contains("sum by (le)"));
    CHECK(refusal_of("histogram_quantile(0.95, sum(rate(x_bucket[5m])))").contains("by (le)"));
    CHECK(refusal_of("histogram_quantile(0.95, sum(rate(x_count[5m])) by (le))")
              .contains("..._bucket"));
}

TEST_CASE("what is not there is an empty list, and 0/0 is no number") {
    CHECK(ask("sum(rate(a_total{app=\"other\"}[5m]))")->values.empty());
    CHECK(ask("sum(rate(a_total{app=\"other\"}[5m])) / sum(rate(a_total[5m]))")->values.empty());
    CHECK(value_of("sum(rate(a_total{app=\"other\"}[5m])) or vector(0)") == 0);
    CHECK(value_of("sum(rate(a_total[5m])) or on() vector(0)") > 0);
    CHECK(std::isnan(value_of("vector(0) / vector(0)")));
    CHECK(ask("scalar(sum(rate(a_total[5m])))")->is_scalar);
}

TEST_CASE("operators bind as in Prometheus") {
    CHECK(value_of("1 + 2 * 3 ^ 2 ^ 0") == 7);
    CHECK(value_of("-(2 - 1 - 1) + 10 % 4") == 2);
    CHECK(value_of("vector(3) > bool 2") == 1);
    CHECK(ask("vector(3) > 4")->values.empty());
    CHECK(value_of("vector(3) > 2") == 3);
    CHECK(value_of("clamp_max(vector(3), 1) and vector(0)") == 1);
    CHECK(value_of("round(vector(0.126), 0.01)") == doctest::Approx(0.13));
}

TEST_CASE("what cannot be answered is refused with the reason") {
    CHECK(refusal_of("http_requests_total").contains("as it is"));
    CHECK(refusal_of("rate(a_total[5m])").contains("not summed"));
    CHECK(refusal_of("rate(a_total{code=\"500\"}[5m]) / rate(a_total[5m])").contains("not summed"));
    CHECK(refusal_of("avg(rate(a_total[5m]))").contains("avg"));
    CHECK(refusal_of("sum(rate(a_total[5m])) by (code)").contains("code"));
    CHECK(refusal_of("absent(vector(1))").contains("absent"));
    for (const char* broken :
         {"",
          "sum(",
          "sum(rate(a[5m]))[5m:1m]",
          "a{b}",
          "a{b=\"}",
          "a{b=~\"(\"}",
          "1 +",
          "1 2",
          "rate(a[5x])",
          "rate(a[5m]",
          "rate(a[5m] @ 1)"}) {
        CHECK_MESSAGE(!ask(broken), broken);
    }
}

TEST_CASE("selections keep their range and offset") {
    const auto query = PromQuery::parse("sum(rate(a_total{x=\"1\"}[2m30s] offset 1m))");
    REQUIRE(query);
    const auto found = query->selections();
    REQUIRE(found.size() == 1);
    CHECK(found[0].metric == "a_total");
    CHECK(found[0].range == 150s);
    CHECK(found[0].offset == 60s);
}
