#include "base/log.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// Stories of releases that move all traffic at once. The referee watches all of them besides.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

struct Played {
    Outcome outcome;
    std::vector<std::string> lines;

    // Index of the first line with all of these texts; -1 without any.
    std::ptrdiff_t first(const std::vector<std::string_view>& texts) const {
        const auto found = std::ranges::find_if(lines, [&](const std::string& line) {
            return std::ranges::all_of(texts, [&](auto text) { return line.contains(text); });
        });
        return found == lines.end() ? -1 : found - lines.begin();
    }
    bool has(const std::vector<std::string_view>& texts) const { return first(texts) >= 0; }
};

Played play_well(const Scenario& scenario, std::string_view phase) {
    log::configure(log::Level::error, log::Form::text);
    Played played;
    played.outcome = play(scenario, {.make_router = {}, .trace = [&](const std::string& line) {
                                         played.lines.push_back(line);
                                     }});
    CHECK_MESSAGE(
        !played.outcome.violation,
        (played.outcome.violation ? played.outcome.violation->words : ""));
    CHECK(played.outcome.phase == phase);
    return played;
}

// From image 1 to 2 through a data plane that takes its time.
Scenario slow_plane(FlipShape flip) {
    return {
        .replicas = 4,
        .flip = flip,
        .steps = {},
        .retire_delay = 0s,
        .happenings = {
            {.at = 20s, .what = What::route_slow, .number = 120, .lasting = 10min},
            {.at = 30s, .what = What::set_image, .number = 2}}};
}

}  // namespace

TEST_CASE("nothing is promoted or retired before the data plane follows the selector") {
    const Played played = play_well(slow_plane({}), "Healthy");
    const auto followed = played.first({"image 2 wants 4", "gets 1000"});
    REQUIRE(followed > 0);
    CHECK(played.first({"stable S C image 2"}) > followed);
    CHECK(played.first({"image 1 wants 0", "image 2"}) > followed);
    CHECK(played.outcome.last_line.contains("wants 4 has 4/4 gets 1000"));
}

TEST_CASE("believing a selector is caught, and the story is made short") {
    const Scenario blind = slow_plane({.is_told = false});
    const Outcome broken = play(blind);
    REQUIRE(broken.violation);
    const auto kept =
        shrink(blind, [](const Scenario& smaller) { return play(smaller).violation.has_value(); });
    CHECK(play(blind.with_parts(kept)).violation.has_value());
}

TEST_CASE("a version that fails with all traffic is left at once, and its replicas go last") {
    const Scenario story{
        .replicas = 5,
        .flip = FlipShape{.has_judge_after = true},
        .steps = {},
        .happenings = {
            {.at = 0s, .what = What::wrong_image, .number = 2},
            {.at = 30s, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Degraded");
    const auto met = played.first({"image 2 wants 5", "gets 1000"});
    REQUIRE(met > 0);
    CHECK(played.outcome.message.contains("post-promotion"));
    CHECK(played.outcome.last_line.contains("stable S image 1 wants 5 has 5/5 gets 1000"));
    CHECK(played.outcome.last_line.contains("image 2 wants 0"));
}

TEST_CASE("a version that fails when it is looked at is met by nobody") {
    const Scenario story{
        .replicas = 5,
        .flip = FlipShape{.has_judge_before = true, .preview_replicas = 1},
        .steps = {},
        .happenings = {
            {.at = 0s, .what = What::wrong_image, .number = 2},
            {.at = 30s, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.has({"image 2 wants 1"}));
    CHECK_FALSE(played.has({"image 2 wants 5"}));
    CHECK_FALSE(played.has({"S image 2"}));
}

TEST_CASE("undone while the former version is at hand: one switch, no judge") {
    const Scenario story{
        .replicas = 3,
        .flip = FlipShape{.has_judge_before = true, .has_judge_after = true},
        .steps = {},
        .retire_delay = 60s,
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 120s, .what = What::undo},
            {.at = 120s, .what = What::metric_silent, .lasting = 10min}}};
    const Played played = play_well(story, "Healthy");
    CHECK(played.has({"stable S C image 2", "gets 1000"}));
    CHECK(played.outcome.last_line.contains("stable S C image 1 wants 3 has 3/3 gets 1000"));
}

TEST_CASE("what was rejected is judged again when it is asked for again, though it still runs") {
    const Scenario story{
        .replicas = 3,
        .flip = FlipShape{.has_judge_before = true},
        .steps = {},
        .abort_retire_delay = 10min,
        .happenings = {
            {.at = 0s, .what = What::wrong_image, .number = 2},
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 3min, .what = What::set_image, .number = 1},
            {.at = 4min, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Degraded");
    CHECK_FALSE(played.has({"S C image 2"}));
}

TEST_CASE("a person's word outlives a crash of the controllers at any write") {
    for (int write = 1; write <= 12; ++write) {
        const Scenario story{
            .replicas = 3,
            .flip = FlipShape{.is_automatic = false, .preview_replicas = 1},
            .steps = {},
            .happenings = {
                {.at = 30s, .what = What::set_image, .number = 2},
                {.at = 2min, .what = What::crash_lost, .number = write, .lasting = 20s},
                {.at = 2min, .what = What::promote}}};
        CAPTURE(write);
        play_well(story, "Healthy");
    }
}

TEST_CASE("a wait before the flip that began without replicas ends, and replicas are missed then") {
    const Scenario story{
        .replicas = 4,
        .flip = FlipShape{.wait = 60s},
        .steps = {},
        .aborts_at_deadline = true,
        .happenings = {
            {.what = What::bad_image, .number = 2},
            {.at = 30s, .what = What::scale, .number = 0},
            {.at = 60s, .what = What::set_image, .number = 2},
            {.at = 90s, .what = What::scale, .number = 4}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.outcome.last_line.contains("stable S image 1 wants 4 has 4/4 gets 1000"));
}
