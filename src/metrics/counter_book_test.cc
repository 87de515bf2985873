#include "metrics/counter_book.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{};

MetricSeries series(std::map<std::string, std::string> labels, double count) {
    return {.labels = std::move(labels), .points = {{t0, count}}};
}

// Counters of single pods.
CounterAnswer pods(const std::vector<std::pair<std::string, double>>& counts) {
    MetricSample sample{.result = json::Array()};
    for (const auto& [pod, count] : counts) sample.series.push_back(series({{"pod", pod}}, count));
    auto answer = CounterAnswer::read(sample);
    REQUIRE(answer);
    return *answer;
}

CounterAnswer sum(double count) {
    auto answer = CounterAnswer::read({.result = count});
    REQUIRE(answer);
    return *answer;
}

struct Book {
    CounterBook book;
    Instant now = t0;

    ArmGrowth read(const CounterAnswer& total, const CounterAnswer& events, Duration after = 10s) {
        now += after;
        return read_at(now, total, events);
    }
    ArmGrowth read_at(Instant at, const CounterAnswer& total, const CounterAnswer& events) {
        const auto grown = book.take(
            {.at = at,
             .metrics = {
                 {.canary = ArmReading{.total = total, .events = events, .problem = {}},
                  .stable = std::nullopt}}});
        return grown.empty() ? ArmGrowth{} : grown.front().canary;
    }
    void fail(const std::string& problem) {
        now += 10s;
        ArmReading reading;
        reading.problem = problem;
        CHECK(book.take({.at = now, .metrics = {{.canary = reading, .stable = std::nullopt}}})
                  .empty());
    }
};

bool is(const ArmGrowth& growth, std::uint64_t total, std::uint64_t events) {
    return growth.total == total && growth.events == events;
}

std::string refusal(const MetricSample& sample) {
    const auto answer = CounterAnswer::read(sample);
    return answer ? "" : answer.error().message;
}

}  // namespace

TEST_CASE("counting begins with the first reading, and each request counts once") {
    Book book;
    CHECK(is(book.read(sum(1000), sum(10)), 0, 0));
    CHECK(is(book.read(sum(1100), sum(13)), 100, 3));
    CHECK(is(book.read(sum(1100), sum(13)), 0, 0));
    CHECK(is(book.read(sum(1101), sum(13)), 1, 0));
    CHECK(book.book.trouble().empty());
    CHECK(book.book.read_at() == book.now);
}

TEST_CASE("a repeated or older reading counts nothing") {
    Book book;
    book.read(sum(1000), sum(0));
    CHECK(is(book.read(sum(1100), sum(0)), 100, 0));
    CHECK(is(book.read_at(book.now, sum(1200), sum(0)), 0, 0));
    CHECK(is(book.read_at(book.now - 5s, sum(1050), sum(0)), 0, 0));
    CHECK(is(book.read(sum(1300), sum(0)), 200, 0));
}

TEST_CASE("a restarted pod begins at 0, and one that comes begins at 0 too") {
    Book book;
    book.read(pods({{"a", 1000}, {"b", 2000}}), pods({{"a", 5}}));
    // b restarted, c is new; b's first failure makes its series.
    const auto grown =
        book.read(pods({{"a", 1010}, {"b", 30}, {"c", 7}}), pods({{"a", 5}, {"b", 2}, {"c", 1}}));
    CHECK(is(grown, 10 + 30 + 7, 2 + 1));
    // What was away comes back with what it had, and nothing is counted twice.
    CHECK(is(book.read(pods({{"a", 1020}}), pods({{"a", 5}})), 10, 0));
    const auto back =
        book.read(pods({{"a", 1030}, {"b", 40}, {"c", 8}}), pods({{"a", 5}, {"b", 2}, {"c", 1}}));
    CHECK(is(back, 10 + 10 + 1, 0));
}

TEST_CASE("a sum that falls has lost a part, and is not taken for a restart") {
    Book book;
    book.read(sum(100'000), sum(50));
    CHECK(is(book.read(sum(40'000), sum(20)), 0, 0));
    CHECK(book.book.trouble().contains("ask for the series themselves"));
    CHECK(is(book.read(sum(40'100), sum(21)), 100, 1));
    CHECK(book.book.trouble().empty());
}

TEST_CASE("an answer of a moment ago is passed over, however often it comes between others") {
    Book book;
    book.read(pods({{"a", 1000}}), pods({}));
    std::uint64_t seen = 0;
    for (int i = 1; i <= 20; ++i) {
        seen += book.read(pods({{"a", 1000.0 + 100 * i}}), pods({})).total;
        const auto late = book.read(pods({{"a", 1000.0 + 100 * i - 60}}), pods({}));
        CHECK(is(late, 0, 0));
        CHECK(book.book.trouble().contains("a moment ago"));
    }
    CHECK(seen == 2000);
}

TEST_CASE("what does not fit three times in a row is where counting begins anew") {
    Book book;
    book.read(sum(1000), sum(0));
    for (int i = 0; i < 3; ++i) CHECK(is(book.read(sum(1010), sum(400)), 0, 0));
    CHECK(book.book.trouble().contains("more was counted than requests"));
    CHECK(is(book.read(sum(1020), sum(401)), 10, 1));
}

TEST_CASE("requests without the event can be counted instead") {
    Book book;
    book.read(sum(1000), sum(990));
    const auto grown = book.book.take(
        {.at = book.now + 10s,
         .metrics = {
             {.counts_the_rest = true,
              .canary = ArmReading{.total = sum(1100), .events = sum(1085), .problem = {}},
              .stable = std::nullopt}}});
    REQUIRE(grown.size() == 1);
    CHECK(is(grown[0].canary, 100, 5));
}

TEST_CASE("no answer costs nothing but time, and too long a silence is not compared") {
    Book book;
    book.read(sum(1000), sum(0));
    book.fail("connection refused");
    CHECK(book.book.trouble() == "canary of metrics[0]: connection refused");
    CHECK(is(book.read(sum(1100), sum(1)), 100, 1));
    CHECK(is(book.read(sum(5000), sum(400), 5min), 0, 0));
    CHECK(is(book.read(sum(5010), sum(401)), 10, 1));
    // No series at all: nobody has been scraped yet.
    CHECK(is(book.read(pods({}), pods({})), 0, 0));
    CHECK(book.book.trouble().contains("no series"));
}

TEST_CASE("what grew before a stage is not counted for it") {
    Book book;
    book.read(sum(1000), sum(0));
    book.book.begin_stage();
    CHECK(is(book.read(sum(1100), sum(5)), 0, 0));
    CHECK(is(book.read(sum(1110), sum(6)), 10, 1));
}

TEST_CASE("after a restart nothing is counted twice and nothing is lost") {
    Book book;
    book.read(pods({{"a", 100}}), pods({}));
    book.read(pods({{"a", 150}}), pods({{"a", 2}}));
    const auto stored = json::parse(json::print(book.book.memory()));
    REQUIRE(stored);
    Book other{.book = CounterBook(), .now = book.now};
    REQUIRE(other.book.recall(stored->as_object()));
    CHECK(is(other.read(pods({{"a", 170}}), pods({{"a", 3}})), 20, 1));
    CHECK_FALSE(other.book.recall(json::parse(R"({"metrics": [{"metric": -1}]})")->as_object()));
    CHECK(is(other.read(pods({{"a", 171}}), pods({{"a", 3}})), 1, 0));
}

TEST_CASE("what is no counter is refused by what is wrong with it") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal({.result = nan}).contains("it is no number"));
    CHECK(refusal({.result = json::Array{-1.0}}).contains("below 0"));
    CHECK(refusal({.result = 12.25}).contains("rates and increases are not counters"));
    CHECK(refusal({.result = 1e300}).contains("too large"));
    CHECK(refusal({.result = json::Array{1, 2}}).contains("several numbers"));
    CHECK(refusal({.result = "many"}).contains("not a number"));
    CHECK(refusal({.result = json::Object{{"a", 1}}}).contains("not a number"));
    CHECK(refusal({.result = "12"}).empty());
    CHECK(refusal({.result = json::Array{7.0}}).empty());
    MetricSample many{.result = json::Array()};
    for (int i = 0; i < 501; ++i) many.series.push_back(series({{"pod", std::to_string(i)}}, 1));
    CHECK(refusal(many).contains("sum them by pod"));
    // No data is not an error: nobody has failed yet.
    CHECK(refusal({.no_data_reason = "nothing"}).empty());
    CHECK(refusal({.result = json::Array()}).empty());
}

TEST_CASE("whatever the source does, no request is counted twice") {
    std::mt19937_64 random{11};
    const auto roll = [&](int sides) { return static_cast<int>(random() % std::uint64_t(sides)); };
    for (int run = 0; run < 300; ++run) {
        Book book;
        std::uint64_t happened = 0;
        std::uint64_t counted = 0;
        std::uint64_t failed = 0;
        std::uint64_t counted_failed = 0;
        std::vector<std::pair<std::string, double>> total{{"a", 1e5}, {"b", 5e4}};
        std::vector<std::pair<std::string, double>> events{{"a", 100}, {"b", 50}};
        auto former = std::pair(pods(total), pods(events));
        book.read(former.first, former.second);
        for (int i = 0; i < 60; ++i) {
            const std::size_t restarted = roll(20) == 0 ? std::size_t(roll(2)) : 2;
            if (restarted < 2) total[restarted].second = events[restarted].second = 0;
            for (std::size_t pod = 0; pod < total.size(); ++pod) {
                const int more = roll(200);
                const int bad = roll(more + 1);
                total[pod].second += more;
                events[pod].second += bad;
                happened += std::uint64_t(more);
                failed += std::uint64_t(bad);
            }
            if (roll(30) == 0) {
                total.emplace_back("new" + std::to_string(i), 0);
                events.emplace_back("new" + std::to_string(i), 0);
            }
            const auto now = std::pair(pods(total), pods(events));
            ArmGrowth grown;
            switch (roll(6)) {
                case 0:
                    book.fail("no answer");
                    break;
                case 1:
                    grown = book.read(former.first, former.second);  // Of the last look.
                    break;
                case 2:
                    grown = book.read_at(book.now - 1s, now.first, now.second);
                    break;
                default:
                    grown = book.read(now.first, now.second);
                    former = now;
            }
            CHECK(grown.events <= grown.total);
            counted += grown.total;
            counted_failed += grown.events;
            CHECK(counted <= happened);
            CHECK(counted_failed <= failed);
        }
        CHECK(counted > happened / 2);
    }
}
