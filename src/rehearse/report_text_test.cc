#include "rehearse/report_text.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::rehearse;
using namespace std::chrono_literals;

namespace {

// Ten releases, of which one is taken back.
Report small_report() {
    Report report{
        .settings = {.traffic = 50, .pod_cost = 0.5, .runs = 10, .seed = 4},
        .rollout = "default/shop",
        .replicas = 3,
        .promoted = probability_of(9, 10),
        .aborted = probability_of(1, 10),
        .stalled = probability_of(0, 10),
        .seconds_to_promote = Spread{60, 61.5, 70, 62},
        .seconds_to_abort = Spread{12.34, 12.34, 12.34, 12.34},
        .requests_exposed = Spread{100, 200, 300, 200},
        .users_exposed = Spread{90, 180, 260, 170},
        .requests_failed = Spread{0, 1, 5, 1.2},
        .requests_lost = Spread{},
        .pods_peak = 6,
        .extra_pod_hours = 0.02,
    };
    report.stretches = {
        {.step = 0, .share = 0.1, .reached = 10, .blind = 10, .requests = 50, .seconds = 30},
        {.step = 2, .share = 0.5, .reached = 9, .requests = 150, .seconds = 31, .values = 3}};
    report.reasons["aborted: Metric \"success\" assessed Failed"] = 1;
    report.notes["success"] = {"serin/requests", "from the simulated requests", true};
    report.typical = {
        .index = 2,
        .ending = Ending::promoted,
        .reason = "all steps are done",
        .lasted = 60s,
        .moments =
            {{0s, "step_completed", "the weight goes to 10 <&>", 0.1}, {30s, "x", "50", 0.5}},
        .samples = {{.at = 0s, .share = 0.1}, {.at = 30s, .share = 0.5}, {.at = 60s, .share = 1}}};
    return report;
}

constexpr std::string_view golden = R"(Rehearsal of default/shop: 10 releases, seed 4

Assumed
  50 requests a second of 3000 users
  old version: 0.1 % errors, p50 40 ms, p95 120 ms
  new version: 0.1 % errors, p50 40 ms, p95 120 ms

Ends
  promoted                90 % (59.6 % to 98.2 %)
  aborted                 10 % (1.8 % to 40.4 %)
  stalled                  0 % (0 % to 27.8 %)
         1 x aborted: Metric "success" assessed Failed

Costs
  time to promote      1m0s (5 %), 1m2s (median), 1m10s (95 %)
  time to abort        12s (5 %), 12s (median), 12s (95 %)
  requests exposed     100 (5 %), 200 (median), 300 (95 %)
  users exposed        90 (5 %), 180 (median), 260 (95 %)
  requests failed      0 (5 %), 1 (median), 5 (95 %)
  pods                 6 at the peak for 3 wanted, 0.02 extra pod hours a release, cost 0.01

Steps that expose (step, weight, on average)
     1    10 %       10 runs       30s         50 requests    0.0 measurements  BLIND: nothing judged it
     3    50 %        9 runs       31s        150 requests    3.0 measurements  judged

Metrics
  success (serin/requests): from the simulated requests

A typical release (run 2): promoted, all steps are done
  100% |                                                                       #
   90% |                                                                       #
   80% |                                                                       #
   70% |                                                                       #
   60% |                                                                       #
   50% |                                   #####################################
   40% |                                   #####################################
   30% |                                   #####################################
   20% |                                   #####################################
   10% |########################################################################
       +------------------------------------------------------------------------
        ^                                   ^
        0s                                                                  1m0s

        0s   10 %  the weight goes to 10 <&>
       30s   50 %  50
)";

}  // namespace

TEST_CASE("the text report of a small rehearsal") {
    CHECK(render_text(small_report()) == golden);
}

TEST_CASE("the page loads nothing and escapes what manifests say") {
    const std::string page = render_html(small_report());
    CHECK(page.starts_with("<!doctype html>"));
    CHECK(page.contains("the weight goes to 10 &lt;&amp;&gt;"));
    CHECK(!page.contains("<&>"));
    CHECK(page.contains("class=\"blind\""));
    for (const char* foreign : {"src=", "href=", "url(", "http"}) {
        CHECK_MESSAGE(!page.contains(foreign), foreign);
    }
}

TEST_CASE("JSON has shares from 0 to 1 and times in seconds") {
    const json::Object report = to_json(small_report());
    CHECK(json::number(json::find(report, "/ends/promoted/probability")) == 0.9);
    CHECK(json::number(json::find(report, "/secondsToPromote/p50")) == 61.5);
    CHECK(json::integer(json::find(report, "/steps/0/blindRuns")) == 10);
    CHECK(json::number(json::find(report, "/pods/cost")).value_or(0) == doctest::Approx(0.01));
    CHECK(json::text(json::find(report, "/typical/decisions/0/rule")) == "step_completed");
}

TEST_CASE("limits are exceeded beyond them, not at them") {
    const Report report = small_report();
    CHECK(exceeded(report, {}).empty());
    CHECK(exceeded(report, {.exposed_failures_max = 5}).empty());
    CHECK(exceeded(report, {.exposed_failures_max = 4}).size() == 1);
    CHECK(exceeded(report, {.abort_probability_min = 0.1}).empty());
    CHECK(exceeded(report, {.abort_probability_min = 0.2}).size() == 1);
    CHECK(exceeded(report, {.promote_probability_min = 0.95}).size() == 1);
    CHECK(exceeded(report, {.duration_max = 70s}).empty());
    CHECK(exceeded(report, {.duration_max = 69s}).size() == 1);

    Report stalling = report;
    stalling.stalled = probability_of(1, 10);
    CHECK(exceeded(stalling, {.duration_max = 24h}).size() == 1);
}

TEST_CASE("probabilities have Wilson's bounds, spreads the nearest rank") {
    const Probability half = probability_of(50, 100);
    CHECK(half.low == doctest::Approx(0.4038).epsilon(0.001));
    CHECK(half.high == doctest::Approx(0.5962).epsilon(0.001));
    CHECK(probability_of(0, 10).low == 0);
    CHECK(probability_of(10, 10).high == 1);

    const auto spread = spread_of({3, 1, 2});
    REQUIRE(spread);
    CHECK(spread->p5 == 1);
    CHECK(spread->p50 == 2);
    CHECK(spread->p95 == 3);
    CHECK(!spread_of({}));
    // Each of 100 users once and again: a share of 1 - 1/e has met the version.
    CHECK(users_met(100, 100) == doctest::Approx(63.2).epsilon(0.001));
    CHECK(users_met(0, 100) == 0);
}
