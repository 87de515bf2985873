#include "judge/sequential/business.h"

#include <doctest/doctest.h>

namespace serin::judge::sequential {

TEST_CASE("a header's value is good, bad, or says nothing") {
    const MetricSpec by_text{.header = "x-checkout", .good = {"ok", "free"}};
    CHECK(is_good(by_text, "ok") == true);
    CHECK(is_good(by_text, "free") == true);
    CHECK(is_good(by_text, "failed") == false);
    CHECK_FALSE(is_good(by_text, ""));
    const MetricSpec by_number{.header = "x-items", .good_from = 1};
    CHECK(is_good(by_number, "1.0") == true);
    CHECK(is_good(by_number, "0") == false);
    CHECK_FALSE(is_good(by_number, "many"));
}

TEST_CASE("which header tells is read with the metric") {
    const auto problem = [](std::string_view text) {
        const auto spec = parse_spec(*json::parse(text));
        return spec ? std::string() : spec.error().message;
    };
    CHECK(problem(R"({"metrics":[{"metric":"business","header":"x-a","good":["ok"]}]})").empty());
    CHECK(problem(R"({"metrics":[{"metric":"business","header":"x-a"}]})")
              .contains("metrics[0].good: missing"));
    CHECK(problem(R"({"metrics":[{"metric":"business","good":"ok"}]})")
              .contains("metrics[0].header: missing"));
    CHECK(problem(R"({"metrics":[{"metric":"business","header":"x","good":"ok","goodFrom":1}]})")
              .contains("only one"));
    CHECK(problem(R"({"metrics":[{"metric":"business","header":"x","good":[1]}]})")
              .contains("expected text"));
    const auto print = [](std::string_view text) {
        return fingerprint(*parse_spec(*json::parse(text)));
    };
    CHECK(
        print(R"({"metrics":[{"metric":"business","header":"x-a","good":"ok"}]})") !=
        print(R"({"metrics":[{"metric":"business","header":"x-a","good":"fine"}]})"));
}

}  // namespace serin::judge::sequential
