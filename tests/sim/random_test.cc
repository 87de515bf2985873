#include "base/log.h"
#include "sim/run.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::sim;

TEST_CASE("random releases keep all invariants") {
    log::configure(log::Level::error, log::Form::text);
    constexpr std::int64_t runs = 100;
    std::string told;
    const bool is_good =
        run_sim({.seed = 1, .runs = runs}, [&](const std::string& line) { told += line + "\n"; });
    CHECK_MESSAGE(is_good, told);
    MESSAGE(told);
}
