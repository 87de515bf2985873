#include "metrics/sight.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

TEST_CASE("a plan that cannot see what it guards against says so with its numbers") {
    Sight sight{
        .weight = 0.05, .per_second = 3, .effect = {.base = 0.01, .canary = 0.02}, .test = {}};
    const std::string words = describe_blindness(sight, 10min);
    CHECK(words.contains("3 requests a second at a weight of 5 %"));
    CHECK(words.contains("about 90 canary requests in 10m"));
    CHECK(words.contains("to find 2 % of failures where stable has 1 %"));
    CHECK(words.contains("no weight suffices"));

    sight.per_second = 150;
    CHECK(describe_blindness(sight, 10min).contains("raise the weight (to "));
    CHECK(describe_blindness(sight, 24h).empty());
    sight.effect.canary = 0.5;
    CHECK(describe_blindness(sight, 10min).empty());
}
