#include <doctest/doctest.h>

#include "analysis_world.h"

// What a cluster's schema refuses before there is a run; where nothing did, the run says so.

using namespace serin;
using namespace serin::control;

TEST_CASE("a spec that nobody checked ends in an error that says why") {
    const auto message = [](std::string_view spec) {
        AnalysisWorld world;
        world.create(spec);
        CHECK(world.phase() == "Error");
        return world.message();
    };
    CHECK(message(R"({"metrics": []})") == "Analysis spec invalid: no metrics specified");
    CHECK(
        message(R"({"metrics": [{"name": "m"}]})") ==
        "Analysis spec invalid: metrics[0]: no provider specified");
    CHECK(
        message(
            R"({"metrics": [{"name": "m", "interval": "abc", "provider": {"plugin": {"test": {}}}}]})")
            .starts_with("Analysis spec invalid: metrics[0]: invalid interval string"));
}
