#include "gateway/log_line.h"

#include "gateway/outcome_batch.h"

#include <doctest/doctest.h>

namespace serin::gateway {
namespace {

constexpr std::string_view served =
    "E1\t7\tlisten.80.127.0.0.1\tdefault/shop/0\tdefault.shop-canary.80\t6b7f:shop-x7k2p\t200\t1500"
    "\t1795259182997947\t----\t+1\tid-1\tGET\t/cart\twith tab";

class CountingSink : public OutcomeSink {
public:
    void take(std::span<const RequestOutcome> outcomes) override { taken += outcomes.size(); }
    void take_gap(const StreamGap&) override {}
    std::size_t taken = 0;
};

std::string record(int number) {
    return "E1\t" + std::to_string(number) +
           "\tf\tdefault/shop/0\tdefault.s.80\t:p\t200\t1\t1795259182997947\t----\t0\ti\tGET\t/\n";
}

RequestOutcome with_state(const std::string& status, const std::string& state) {
    static std::string line;
    line = "E1\t1\tf\tdefault/shop/0\tdefault.s.80\tr:p\t" + status + "\t1\t1795259182997947\t" +
           state + "\t0\ti\tGET\t/";
    LogLine out;
    REQUIRE(parse_log_line(line, out));
    return out.outcome;
}

}  // namespace

TEST_CASE("a record becomes an outcome") {
    LogLine line;
    REQUIRE(parse_log_line(served, line));
    CHECK(line.count == 7);
    CHECK(line.frontend == "listen.80.127.0.0.1");
    REQUIRE(line.has_route);
    const RequestOutcome& outcome = line.outcome;
    CHECK(outcome.ns == "default");
    CHECK(outcome.route == "shop");
    CHECK(outcome.service == "shop-canary");
    CHECK(outcome.revision == "6b7f");
    CHECK(outcome.pod == "shop-x7k2p");
    CHECK(outcome.status == 200);
    CHECK(outcome.latency_us == 1500);
    CHECK(outcome.at == Instant(std::chrono::milliseconds(1795259182997)));
    CHECK(outcome.is_retried);
    CHECK_FALSE(outcome.is_lost);
    CHECK(outcome.path == "/cart\twith tab");
}

TEST_CASE("a record tells what the route's author wants to see") {
    LogLine line;
    REQUIRE(parse_log_line(
        "E2\t7\tf\tdefault/shop/0\tdefault.shop.80\tr:p\t200\t1500\t1795259182997947\t----\t0\tid-1"
        "\t643CDFC83364B72C\tx-client-version=3.1\x1fx-platform=\tx-checkout=ok\tGET\t/cart\tb",
        line));
    REQUIRE(line.has_route);
    const RequestOutcome& outcome = line.outcome;
    CHECK(outcome.request_id == "id-1");
    CHECK(outcome.user == 0x643CDFC83364B72C);
    CHECK(outcome.request_headers.find("x-client-version") == "3.1");
    CHECK(outcome.request_headers.find("x-platform").empty());
    CHECK(outcome.response_headers.find("x-checkout") == "ok");
    CHECK(outcome.response_headers.find("x-check").empty());
    CHECK(outcome.path == "/cart\tb");
    REQUIRE(parse_log_line(
        "E2\t8\tf\tdefault/shop/0\tdefault.shop.80\tr:p\t200\t1\t1795259182997947\t----\t0\tid-1"
        "\t-\t-\t-\tGET\t/",
        line));
    CHECK(line.outcome.user == 0);
    CHECK(line.outcome.request_headers.text.empty());
    CHECK(line.outcome.response_headers.text.empty());
}

TEST_CASE("both attempts of a rescued request are told apart, and their sum is no third") {
    const std::string outer =
        "E1\t1\tlisten.80.127.0.0.1\tdefault/shop/0\trescue:default_shop_0:default.shop-canary.80\t"
        "second\t200\t9\t1795259182997947\t----\t+1\tid-1\tGET\t/";
    const std::string rest = "\t9\t1795259182997947\t----\t0\tid-1\tGET\t/";
    const std::string first =
        "C1\t1\tfirst:0\tdefault/shop/0\tdefault.shop-canary.80\tc:p\t500" + rest;
    const std::string second =
        "R1\t1\tsecond:0\tdefault/shop/0\tdefault.shop-stable.80\ts:q\t200" + rest;
    LogLine line;
    REQUIRE(parse_log_line(outer, line));
    CHECK(line.count == 1);
    CHECK_FALSE(line.has_route);
    REQUIRE(parse_log_line(first, line));
    CHECK(line.outcome.revision == "c");
    CHECK(line.outcome.status == 500);
    CHECK_FALSE(line.outcome.is_rescue);
    REQUIRE(parse_log_line(second, line));
    CHECK(line.outcome.revision == "s");
    CHECK(line.outcome.is_rescue);
    CHECK(line.outcome.request_id == "id-1");
}

TEST_CASE("who ended a request decides what it counts as") {
    CHECK(with_state("-1", "CH").status == 0);
    CHECK_FALSE(with_state("-1", "CH").is_lost);
    CHECK(with_state("200", "CD").status == 0);
    CHECK(with_state("503", "SC").is_lost);
    CHECK(with_state("502", "SH").is_lost);
    CHECK(with_state("504", "sH").is_lost);
    CHECK(with_state("504", "sH").pod == "p");  // Whose fault it was is known.
    CHECK_FALSE(with_state("503", "--").is_lost);
    CHECK_FALSE(with_state("200", "SD").is_lost);
    // The pod closed without an answer and the client was told nothing.
    CHECK(with_state("-1", "PD").is_lost);
    CHECK(with_state("-1", "PD").status == 502);
    CHECK(with_state("-1", "PD").pod == "p");
}

TEST_CASE("lines that are no requests of a route are counted or skipped") {
    LogLine line;
    CHECK_FALSE(parse_log_line("Proxy f stopped (cumulated conns: FE: 7, BE: 0).", line));
    CHECK_FALSE(parse_log_line("", line));
    REQUIRE(parse_log_line(
        "E1\t9\tf\t-\tf\t<NOSRV>\t400\t-\t17952591829979\tPR--\t0\t-\t<BADREQ>\t-", line));
    CHECK(line.count == 9);
    CHECK_FALSE(line.has_route);
}

TEST_CASE("no bytes harm the parser") {
    std::uint32_t seed = 1;
    for (int i = 0; i < 20'000; ++i) {
        std::string text(served);
        for (int k = 0; k < 4; ++k) {
            seed = seed * 1664525 + 1013904223;
            text[(seed >> 8) % text.size()] = "\t/.:-0\n\xff"[(seed >> 4) % 8];
        }
        LogLine line;
        static_cast<void>(
            parse_log_line(std::string_view(text).substr(0, seed % text.size()), line));
    }
}

TEST_CASE("records are cut wherever the stream was cut, and a gap is seen when it lasts") {
    std::string stream;
    for (int i = 0; i < 100; ++i) {
        if (i != 40 && i != 41) stream += record(i);
    }
    for (const std::size_t piece : {1U, 7U, 100U, 100000U}) {
        CountingSink sink;
        RecordReader reader;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            reader.take(std::string_view(stream).substr(at, piece), sink);
        }
        CHECK(sink.taken == 98);
        CHECK(reader.look_for_gaps() == 0);  // They may still be on their way.
        CHECK(reader.look_for_gaps() == 2);
        CHECK(reader.look_for_gaps() == 0);
    }
}

TEST_CASE("a repeated stream is delivered once") {
    CountingSink sink;
    RecordReader reader;
    for (const int number : {0, 2, 1, 3}) reader.take(record(number), sink);
    reader.replay();
    for (const int number : {0, 2, 1, 3, 4}) reader.take(record(number), sink);
    CHECK(sink.taken == 5);
    reader.look_for_gaps();
    CHECK(reader.look_for_gaps() == 0);
}

}  // namespace serin::gateway
