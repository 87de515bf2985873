#include "base/log.h"
#include "rehearse/report_text.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace serin;
using namespace serin::rehearse;
using namespace std::chrono_literals;

namespace {

Subject subject_of(const std::string& path) {
    SubjectRead read = read_subject({path}, "default", "");
    for (const Diagnostic& one : read.diagnostics) MESSAGE(to_string(one));
    REQUIRE(!has_errors(read.diagnostics));
    return std::move(read.subject);
}

Subject checkout() {
    return subject_of(std::string(REHEARSE_MANIFESTS) + "/checkout.yaml");
}

Subject with_steps(std::string_view steps) {
    Subject subject = checkout();
    const auto parsed = json::parse(steps);
    REQUIRE(parsed);
    for (Object* rollout : {&subject.rollout, &subject.former}) {
        rollout->put("/spec/strategy/canary/steps", *parsed);
    }
    subject.lowered = argo::lower(subject.rollout);
    REQUIRE(!has_errors(subject.lowered.diagnostics));
    return subject;
}

Report rehearsed(const Subject& subject, Settings settings, std::int64_t runs = 20) {
    log::configure(log::Level::error, log::Form::text);  // Faults are meant.
    settings.runs = runs;
    const auto report = rehearse::rehearse(subject, settings);
    REQUIRE_MESSAGE(report, report.error().message);
    return *report;
}

Settings with_errors(double share) {
    Settings settings{.traffic = 200};
    settings.candidate.error_share = share;
    return settings;
}

Settings with_fault(std::string_view text) {
    Settings settings{.traffic = 200};
    settings.faults.push_back(read_fault(text).value());
    return settings;
}

}  // namespace

TEST_CASE("equal seeds give equal reports, byte for byte and whatever the threads") {
    for (const Subject& subject : {checkout(), subject_of(SHOP_MANIFESTS)}) {
        Settings settings = with_errors(0.04);
        const std::string one = render_html(rehearsed(subject, settings, 4)) +
                                json::print(to_json(rehearsed(subject, settings, 4)));
        settings.jobs = 3;
        const std::string other = render_html(rehearsed(subject, settings, 4)) +
                                  json::print(to_json(rehearsed(subject, settings, 4)));
        CHECK(one == other);
        settings.seed = 2;
        CHECK(one != render_html(rehearsed(subject, settings, 4)));
    }
}

TEST_CASE("what cannot be played is said at the first run, however many were asked for") {
    Subject subject = checkout();
    for (Object* rollout : {&subject.rollout, &subject.former}) {
        rollout->put(
            "/spec/strategy/canary/trafficRouting/plugins",
            json::Object{{"acme/unregistered", json::Object{}}});
    }
    subject.lowered = argo::lower(subject.rollout);
    for (const int jobs : {1, 3}) {
        Settings settings = with_errors(0);
        settings.runs = 100'000;
        settings.jobs = jobs;
        const auto report = rehearse::rehearse(subject, settings);
        REQUIRE(!report);
        CHECK(report.error().message.contains("acme/unregistered"));
    }
}

TEST_CASE("a healthy version is promoted, and no sooner than its pauses last") {
    const Report report = rehearsed(checkout(), with_errors(0.001));
    CHECK(report.promoted.count == 20);
    REQUIRE(report.seconds_to_promote);
    CHECK(report.seconds_to_promote->p5 >= 900);
    CHECK(report.seconds_to_promote->p95 < 1000);
    CHECK(report.pods_peak == 10);
}

TEST_CASE("a bad version is taken back by the query that judges it, at the fourth failure") {
    const Report report = rehearsed(checkout(), with_errors(0.2));
    CHECK(report.aborted.count == 20);
    REQUIRE(report.seconds_to_abort);
    // Five minutes without a judge, then one measurement a minute of which three may fail.
    CHECK(report.seconds_to_abort->p50 > 300 + 170);
    CHECK(report.seconds_to_abort->p50 < 300 + 200);
    REQUIRE(report.reasons.size() == 1);
    CHECK(report.reasons.begin()->first.contains("failed (4) > failureLimit (3)"));
    // 200 requests a second, a tenth of them for five minutes and a quarter for three.
    CHECK(report.requests_exposed->p50 == doctest::Approx(15'000).epsilon(0.1));
    CHECK(report.requests_failed->p50 == doctest::Approx(3'000).epsilon(0.1));
}

TEST_CASE("the shop's own judge takes back what fails, within few requests") {
    const Report report = rehearsed(subject_of(SHOP_MANIFESTS), with_errors(0.15));
    CHECK(report.aborted.count == 20);
    CHECK(report.requests_failed->p95 < 100);
    CHECK(report.notes.at("success-rate").words == "from the simulated requests");
}

TEST_CASE("the sequential judge takes back what fails, and promotes by evidence what does not") {
    const Report bad = rehearsed(subject_of(EVIDENCE_MANIFESTS), with_errors(0.3));
    CHECK(bad.aborted.count == 20);
    // A step of the simulation shows up to a second's requests at once.
    CHECK(bad.requests_failed->p95 < 60);
    CHECK(bad.notes.at("not-worse-than-stable").words == "from the simulated requests, one by one");
    const Report good = rehearsed(subject_of(EVIDENCE_MANIFESTS), with_errors(0.001), 5);
    CHECK(good.promoted.count == 5);
    CHECK(good.stretches.front().blind == 0);
}

TEST_CASE("a spent budget takes back what a judge would tolerate") {
    Subject subject = subject_of(EVIDENCE_MANIFESTS);
    for (Object& object : subject.objects) {
        if (object.name() != "shop-risk") continue;
        object.put("/spec", *json::parse(R"({"metrics": [{"name": "risk",
            "provider": {"plugin": {"serin/budget": {"requests": 1000}}}}]})"));
    }
    const Report report = rehearsed(subject, with_errors(0.001), 10);
    CHECK(report.aborted.count == 10);
    CHECK(report.requests_exposed->p95 < 1100);
    REQUIRE(!report.reasons.empty());
    CHECK(report.reasons.begin()->first.contains("\"risk\" assessed Failed"));
}

TEST_CASE("answers cannot be compared in a rehearsal, which is said") {
    Subject subject = subject_of(EVIDENCE_MANIFESTS);
    for (Object& object : subject.objects) {
        if (object.name() != "shop-risk") continue;
        object.put("/spec", *json::parse(R"({"metrics": [{"name": "same-answers",
            "provider": {"plugin": {"serin/shadow": {}}}}]})"));
    }
    const Report report = rehearsed(subject, with_errors(0.001), 2);
    CHECK(report.promoted.count == 0);
    CHECK(report.notes.at("same-answers").words.starts_with("simulated pods give no answers"));
    CHECK_FALSE(report.notes.at("same-answers").is_understood);
    Settings settings = with_errors(0.001);
    settings.metric_values["same-answers"] = 1;
    CHECK(rehearsed(subject, settings, 2).promoted.count == 2);
}

TEST_CASE("the step that exposes before the judge begins is told to be blind") {
    const Report report = rehearsed(checkout(), with_errors(0.001), 5);
    REQUIRE(report.stretches.size() == 3);
    CHECK(report.stretches[0].blind == 5);
    CHECK(report.stretches[1].blind == 0);
    CHECK(report.stretches[0].requests == doctest::Approx(200 * 0.1 * 303).epsilon(0.1));
    CHECK(render_text(report).contains("BLIND"));
}

TEST_CASE("a pause without an end stalls, unless a person is assumed") {
    const Subject subject = with_steps(R"([{"setWeight": 10}, {"pause": {}}])");
    Settings settings = with_errors(0.001);
    const Report stalled = rehearsed(subject, settings, 5);
    CHECK(stalled.stalled.count == 5);
    CHECK(stalled.reasons.begin()->first.contains("step 2 waits for a person"));

    settings.promote_after = 10min;
    const Report promoted = rehearsed(subject, settings, 5);
    CHECK(promoted.promoted.count == 5);
    CHECK(promoted.seconds_to_promote->p5 > 600);
}

TEST_CASE("metrics without data never promote, and a stated value is believed") {
    Subject subject = checkout();
    const auto metrics = json::parse(
        R"([{"name": "ready", "interval": "30s", "successCondition": "result > 0.5",
             "provider": {"web": {"url": "http://127.0.0.1/", "jsonPath": "{$.x}"}}}])");
    for (Object& object : subject.objects) {
        if (object.type() == &types::analysis_template()) object.put("/spec/metrics", *metrics);
    }
    Settings settings = with_errors(0.001);
    const Report silent = rehearsed(subject, settings, 3);
    CHECK(silent.promoted.count == 0);
    CHECK(!silent.notes.at("ready").is_understood);

    settings.metric_values["ready"] = 1;
    CHECK(rehearsed(subject, settings, 3).promoted.count == 3);
    settings.metric_values["ready"] = 0;
    CHECK(rehearsed(subject, settings, 3).aborted.count == 3);
}

TEST_CASE("faults have the effect they are named after") {
    CHECK(rehearsed(checkout(), with_fault("pods-never-ready"), 3).promoted.count == 0);
    CHECK(rehearsed(checkout(), with_fault("pods-never-ready"), 3).requests_exposed->p95 == 0);
    CHECK(rehearsed(checkout(), with_fault("router-refuses"), 3).requests_exposed->p95 == 0);
    CHECK(rehearsed(checkout(), with_fault("metric-error"), 3).promoted.count == 0);

    const Report overload = rehearsed(checkout(), with_fault("overload=40:50%"), 5);
    CHECK(overload.aborted.count == 5);
    CHECK(overload.seconds_to_abort->p5 > 600);  // Two steps go by before.

    const Report leak = rehearsed(checkout(), with_fault("leak=1m:5%"), 5);
    CHECK(leak.aborted.count == 5);

    const Report slow = rehearsed(checkout(), with_fault("pods-slow=2m"), 5);
    const Report usual = rehearsed(checkout(), with_errors(0.001), 5);
    CHECK(slow.seconds_to_promote->p50 > usual.seconds_to_promote->p50 + 60);
    CHECK(rehearsed(checkout(), with_fault("pods-crash=2m"), 3).requests_exposed->mean > 0);
}

TEST_CASE("a blue-green release is promoted or taken back by its judge, or waits for a person") {
    Subject subject = subject_of(BLUE_GREEN_MANIFESTS);
    CHECK(rehearsed(subject, with_errors(0)).promoted.count == 20);
    CHECK(rehearsed(subject, with_errors(0.2)).aborted.count == 20);
    subject.rollout.put("/spec/strategy/blueGreen/autoPromotionEnabled", false);
    subject.lowered = argo::lower(subject.rollout);
    Settings settings = with_errors(0);
    CHECK(rehearsed(subject, settings).stalled.count == 20);
    settings.promote_after = 5min;
    CHECK(rehearsed(subject, settings).promoted.count == 20);
}

TEST_CASE("a Rollout that takes its template from a Deployment is rehearsed alike") {
    const std::string folder = std::string(REHEARSE_MANIFESTS) + "/workload";
    const Subject subject = subject_of(folder);
    REQUIRE(subject.workload);
    const Report report = rehearsed(subject, with_errors(0.001), 5);
    CHECK(report.promoted.count == 5);
    CHECK(report.seconds_to_promote->p5 >= 60);
}
