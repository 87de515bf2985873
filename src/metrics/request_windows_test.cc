#include "metrics/request_windows.h"

#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <thread>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

const Instant t0 = Instant(1'000'000s);  // On the grid of every resolution but the minute's.

RequestOutcome request(Instant at, int status = 200, std::string_view revision = "v2") {
    return {
        .at = at,
        .latency_us = 10'000,
        .ns = "default",
        .route = "shop",
        .service = revision == "v1" ? "shop-stable" : "shop-canary",
        .revision = revision,
        .status = status};
}

void take(RequestWindows& windows, const RequestOutcome& outcome, int times = 1) {
    for (int i = 0; i < times; ++i) windows.take({&outcome, 1});
}

const WindowQuery canary{.ns = "default", .revision = "v2"};

}  // namespace

TEST_CASE("a latency read back is at most 1.6 % off over the whole range") {
    for (double us = 1; us < 2e8; us *= 1.013) {
        const auto exact = static_cast<std::int64_t>(us);
        const LatencyBin bin = LatencyBin::of(exact);
        CHECK(bin.low() <= static_cast<double>(exact));
        CHECK(static_cast<double>(exact) < bin.low() + bin.width());
        LatencyHistogram histogram;
        histogram.add(bin, 1);
        const double read = histogram.quantile_s(0.5) * 1e6;
        if (exact >= 32)
            CHECK(
                std::abs(read - static_cast<double>(exact)) <= 0.016 * static_cast<double>(exact));
    }
    CHECK(LatencyBin::of(-5).step == 0);
    CHECK(LatencyBin::of(std::int64_t{1} << 60).octave == LatencyBin::octaves - 1);
}

TEST_CASE("quantiles of a log-normal sample are within 2 % of the exact ones") {
    std::mt19937 random(7);
    std::lognormal_distribution<double> latency(std::log(50'000), 0.7);
    std::vector<double> exact;
    LatencyHistogram histogram;
    for (int i = 0; i < 50'000; ++i) {
        const auto us = static_cast<std::int64_t>(latency(random));
        exact.push_back(static_cast<double>(us));
        histogram.add(LatencyBin::of(us), 1);
    }
    std::ranges::sort(exact);
    for (const double quantile : {0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999}) {
        const double want = exact[static_cast<std::size_t>(quantile * 50'000) - 1];
        CHECK(histogram.quantile_s(quantile) * 1e6 == doctest::Approx(want).epsilon(0.02));
    }
}

TEST_CASE("outcomes are counted by revision, service, route and class") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    take(windows, request(t0, 200), 5);
    take(windows, request(t0, 404), 2);
    take(windows, request(t0, 503), 1);
    take(windows, request(t0, 0), 3);
    take(windows, request(t0, 200, "v1"), 100);
    RequestOutcome other = request(t0);
    other.route = "admin";
    other.is_retried = true;
    take(windows, other, 4);
    RequestOutcome foreign = request(t0);
    foreign.ns = "other";
    take(windows, foreign, 50);

    const auto all = windows.read(canary, t0, t0 + 1s);
    CHECK(all.counts.by_class == std::array<std::uint64_t, 6>{3, 0, 9, 0, 2, 1});
    CHECK(all.counts.total() == 12);
    CHECK(all.counts.aborted() == 3);
    CHECK(all.counts.retried == 4);
    CHECK(all.latency.total() == 12);

    WindowQuery query = canary;
    query.route = "admin";
    CHECK(windows.read(query, t0, t0 + 1s).counts.total() == 4);
    query.service = "shop-stable";
    CHECK(windows.read(query, t0, t0 + 1s).counts.total() == 0);
}

TEST_CASE("a lost request counts for the revision whose own service it went to") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    RequestOutcome lost = request(t0, 503, "");
    lost.is_lost = true;
    take(windows, lost, 3);
    CHECK(windows.read(canary, t0, t0).counts.total() == 0);

    WindowQuery query = canary;
    query.own_service = "shop-canary";
    const auto reading = windows.read(query, t0, t0);
    CHECK(reading.counts.by_class[5] == 3);
    CHECK(reading.counts.lost == 3);
    CHECK(reading.latency.total() == 0);
}

TEST_CASE("stable's answers to requests that failed elsewhere say nothing about stable") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    RequestOutcome rescue = request(t0, 200, "v1");
    take(windows, request(t0, 500));
    take(windows, rescue);
    rescue.is_rescue = true;
    take(windows, rescue, 5);
    const Instant now = t0 + 1s;
    CHECK(windows.read(canary, t0, now).counts.by_class[5] == 1);
    CHECK(windows.read({.ns = "default", .revision = "v1"}, t0, now).counts.total() == 1);
}

TEST_CASE("a window holds what came since its beginning, at any age") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    // One request each 100 ms for an hour.
    const Instant end = t0 + 1h;
    for (Instant at = t0; at < end; at += 100ms) take(windows, request(at));
    CHECK(windows.read(canary, end - 5s, end).counts.total() == 50);
    CHECK(windows.read(canary, end - 60s, end).counts.total() == 600);
    CHECK(
        windows.read(canary, end - 90'500ms, end).counts.total() ==
        doctest::Approx(905).epsilon(0.02));
    CHECK(
        windows.read(canary, end - 1000s, end).counts.total() ==
        doctest::Approx(10'000).epsilon(0.01));
    CHECK(
        windows.read(canary, end - 55min, end).counts.total() ==
        doctest::Approx(33'000).epsilon(0.02));
    // Never more than asked for: what is left out is at the old end.
    for (const Duration age : {Duration(12'345), Duration(123'456), Duration(1'234'567)}) {
        const auto reading = windows.read(canary, end - age, end);
        CHECK(reading.from >= end - age);
        CHECK(reading.counts.total() <= static_cast<std::uint64_t>(age / 100ms) + 1);
        CHECK(reading.counts.total() == static_cast<std::uint64_t>((end - reading.from) / 100ms));
    }
}

TEST_CASE("requests before the window and long after it do not count") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    take(windows, request(t0), 10);
    CHECK(windows.read(canary, t0 + 100ms, t0 + 1s).counts.total() == 0);
    CHECK(windows.read(canary, t0, t0 + 3h).counts.total() == 0);
    take(windows, request(t0 + 2h));
    CHECK(windows.read(canary, t0 + 1h + 59min, t0 + 2h).counts.total() == 1);
}

TEST_CASE("outcomes slightly out of order are counted") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    take(windows, request(t0 + 5s));
    take(windows, request(t0 + 2s));
    take(windows, request(t0 + 4s));
    CHECK(windows.read(canary, t0, t0 + 5s).counts.total() == 3);
    CHECK(windows.stats().late == 0);
}

TEST_CASE("gaps of the stream are known for their time") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    windows.take_gap({.at = t0 + 10s, .outcomes_lost = 7});
    CHECK(windows.read(canary, t0, t0 + 20s).missing == 7);
    CHECK(windows.read(canary, t0 + 15s, t0 + 20s).missing == 0);
}

TEST_CASE("memory is bounded, and what found no room is told") {
    ManualLoop loop(t0);
    RequestWindows windows(loop, {.series_max = 3, .bytes_max = 4096});
    for (int i = 0; i < 10; ++i) {
        const std::string revision = "r" + std::to_string(i);
        for (int second = 0; second < 20; ++second)
            take(windows, request(t0 + std::chrono::seconds(second), 200, revision));
    }
    const auto stats = windows.stats();
    CHECK(stats.series == 3);
    CHECK(stats.bytes <= 4096);
    CHECK(stats.dropped > 0);
    CHECK(windows.read(canary, t0, t0 + 20s).missing > 0);
}

TEST_CASE("series that are silent for longer than the history make room for new ones") {
    ManualLoop loop(t0);
    RequestWindows windows(loop, {.series_max = 1});
    take(windows, request(t0, 200, "v1"));
    take(windows, request(t0 + 61min, 200, "v2"));
    CHECK(windows.stats().series == 1);
    CHECK(windows.read(canary, t0 + 61min, t0 + 61min).counts.total() == 1);
}

TEST_CASE("steady traffic of a known series takes no more memory as time goes on") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    Instant at = t0;
    const auto run = [&] {
        for (const Instant end = at + 2h; at < end; at += 250ms) take(windows, request(at));
    };
    run();
    const auto bytes = windows.stats().bytes;
    run();
    CHECK(windows.stats().bytes <= bytes + 1024);
}

TEST_CASE("news come with every so many requests, on the loop, once a turn") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    int news = 0;
    auto watch = windows.watch(canary, 3, [&] { ++news; });
    take(windows, request(t0), 2);
    take(windows, request(t0, 200, "v1"), 10);
    take(windows, request(t0, 0), 10);
    loop.run_until_idle();
    CHECK(news == 0);
    take(windows, request(t0, 500));
    CHECK(news == 0);
    loop.run_until_idle();
    CHECK(news == 1);
    take(windows, request(t0), 30);
    loop.run_until_idle();
    CHECK(news == 2);
    take(windows, request(t0), 3);
    watch.reset();
    loop.run_until_idle();
    CHECK(news == 2);
}

TEST_CASE("a reader thread and the loop may work at the same time") {
    ManualLoop loop(t0);
    RequestWindows windows(loop);
    constexpr int batches = 300;
    std::atomic<bool> is_done = false;
    int news = 0;
    auto watch = windows.watch(canary, 100, [&] { ++news; });
    std::thread reader([&] {
        const std::vector<RequestOutcome> batch(64, request(t0));
        for (int i = 0; i < batches; ++i) windows.take(batch);
        is_done = true;
    });
    std::uint64_t last = 0;
    while (!is_done) {
        loop.run_until_idle();
        const auto total = windows.read(canary, t0, t0).counts.total();
        CHECK(total >= last);
        last = total;
        auto other = windows.watch(canary, 1, [] {});
    }
    reader.join();
    loop.run_until_idle();
    CHECK(windows.read(canary, t0, t0).counts.total() == batches * 64);
    CHECK(news > 0);
}

TEST_CASE("many outcomes that are alike count as so many single ones") {
    ManualLoop loop(t0);
    RequestWindows one_by_one(loop);
    RequestWindows at_once(loop);
    int news = 0;
    const auto watch = at_once.watch(canary, 10, [&] { ++news; });
    take(one_by_one, request(t0 + 5s, 500), 25);
    at_once.take_alike(request(t0 + 5s, 500), 25);
    at_once.take_alike(request(t0 + 5s, 500), 0);
    loop.run_until_idle();
    CHECK(news == 1);

    const auto left = one_by_one.read(canary, t0, t0 + 6s);
    const auto right = at_once.read(canary, t0, t0 + 6s);
    CHECK(right.counts.by_class == left.counts.by_class);
    CHECK(right.latency.total() == 25);
    CHECK(right.latency.quantile_s(0.5) == left.latency.quantile_s(0.5));
}
