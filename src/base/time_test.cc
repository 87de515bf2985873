#include "base/time.h"

#include <doctest/doctest.h>

namespace serin {

using namespace std::chrono_literals;

TEST_CASE("a time is written and read back in Kubernetes' form") {
    const Instant at(1769903999250ms);
    CHECK(format_time(at) == "2026-01-31T23:59:59Z");
    CHECK(format_time_precise(at) == "2026-01-31T23:59:59.250Z");
    CHECK(parse_time("2026-01-31T23:59:59.250Z").value() == at);
    CHECK(parse_time("2026-02-01T01:59:59.25+02:00").value() == at);
}

TEST_CASE("a text that is no time is refused") {
    for (const char* text :
         {"",
          "2026",
          "2026-02-30T00:00:00Z",
          "2026-01-01T24:00:00Z",
          "2026-01-01T00:00:00",
          "2026-01-01T00:00:00Zx",
          "2026-01-01T00:00:00.Z",
          "-026-01-01T00:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text));
    }
}

TEST_CASE("Go durations are read as Go reads them") {
    CHECK(parse_duration("1h30m").value() == 90min);
    CHECK(parse_duration("1.5s").value() == 1500ms);
    CHECK(parse_duration("250ms").value() == 250ms);
    CHECK(parse_duration("-2m").value() == -2min);
    CHECK(parse_duration("0").value() == 0ms);
    for (const char* text : {"", "5", "5x", "m", "1h-5m", "1e3s", "nan", "inf", "99999999999h"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("durations are printed as Go prints them") {
    CHECK(format_duration(0ms) == "0s");
    CHECK(format_duration(250ms) == "250ms");
    CHECK(format_duration(90s) == "1m30s");
    CHECK(format_duration(1h) == "1h0m0s");
    CHECK(format_duration(-1500ms) == "-1.5s");
}

TEST_CASE("ages are printed as kubectl prints them") {
    CHECK(format_age(45s) == "45s");
    CHECK(format_age(119s) == "119s");
    CHECK(format_age(7min) == "7m");
    CHECK(format_age(7min + 5s) == "7m5s");
    CHECK(format_age(3h + 12min) == "3h12m");
    CHECK(format_age(120h) == "5d");
}

}  // namespace serin
