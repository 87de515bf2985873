#include "base/log.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// What went wrong for others: each story is the world in which it did, and the property that has to
// hold. The referee watches all of them for capacity, limits, order and liveness besides.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

constexpr auto weight = StepShape::Kind::weight;
constexpr auto pause_step = StepShape::Kind::pause;
constexpr auto gate = StepShape::Kind::gate;
constexpr auto judge = StepShape::Kind::judge;

struct Played {
    Outcome outcome;
    std::vector<std::string> lines;

    bool has(std::string_view text) const { return !first(text).empty(); }
    // The most of 1000 requests that ever really reached the image.
    int most_for(int image) const {
        int most = 0;
        const std::string name = " image " + std::to_string(image) + " ";
        for (const std::string& line : lines) {
            const auto at = line.find(name);
            if (at == std::string::npos) continue;
            const auto gets = line.find(" gets ", at);
            if (gets != std::string::npos) most = std::max(most, std::stoi(line.substr(gets + 6)));
        }
        return most;
    }
    std::string first(std::string_view text) const {
        for (const std::string& line : lines) {
            if (line.contains(text)) return line;
        }
        return {};
    }
    // The first line with all of these texts comes before the first with that.
    bool comes_before(std::initializer_list<std::string_view> first, std::string_view then) const {
        for (const std::string& line : lines) {
            if (std::ranges::all_of(first, [&](auto text) { return line.contains(text); })) {
                return true;
            }
            if (line.contains(then)) return false;
        }
        return false;
    }
};

// No invariant is broken, and the release ends in this phase.
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

}  // namespace

TEST_CASE("S1: going back within the window gives weight as replicas become ready") {
    const Scenario story{
        .replicas = 10,
        .steps = {{weight, 10}, {gate, 0}},
        .retire_delay = 0s,
        .rollback_window = 3,
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::promote_full},
            {.at = 3min, .what = What::pods_slow, .number = 60, .lasting = 10min},
            {.at = 4min, .what = What::undo}}};
    const Played played = play_well(story, "Healthy");
    CHECK(played.outcome.last_line.contains("image 1 wants 10 has 10/10 gets 1000"));
}

TEST_CASE("S2: a small candidate never gets more when everything goes back and routing is late") {
    // The stable version again, and a third one: each makes the services move while the routes of
    // before are still in force.
    for (const int image : {1, 3}) {
        const Scenario story{
            .replicas = 20,
            .steps = {{weight, 5}, {gate, 0}},
            .retire_delay = 0s,
            .happenings = {
                {.at = 30s, .what = What::set_image, .number = 2},
                {.at = 2min, .what = What::route_slow, .number = 90, .lasting = 10min},
                {.at = 150s, .what = What::set_image, .number = image},
                {.at = 14min, .what = What::promote}}};
        const Played played = play_well(story, "Healthy");
        CHECK(played.most_for(2) == 50);
        CHECK(played.outcome.last_line.contains(
            "image " + std::to_string(image) + " wants 20 has 20/20 gets 1000"));
    }
}

TEST_CASE("S3: a newer revision pushed at a pause gets no weight before it has replicas") {
    const Scenario story{
        .replicas = 10,
        .steps = {{weight, 5}, {gate, 0}},
        .happenings = {
            {.what = What::bad_image, .number = 3},
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::set_image, .number = 3}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.has(" weight 5;"));
    CHECK(played.outcome.last_line.contains(" weight 0;"));
}

TEST_CASE("S4: an abort under load ends nothing before its traffic is seen gone") {
    const Scenario story{
        .replicas = 6,
        .steps = {{weight, 50}, {gate, 0}},
        .abort_retire_delay = 1s,
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::route_slow, .number = 120, .lasting = 10min},
            {.at = 150s, .what = What::abort}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.comes_before(
        {"image 2 wants 3 has 3/3 gets 0", "waits for all traffic"}, "image 2 wants 0 has 3/3"));
}

TEST_CASE("S5: a router that refuses for minutes stops the release, and then it goes on") {
    const Scenario story{
        .replicas = 5,
        .steps = {{weight, 20}, {weight, 60}},
        .happenings = {
            {.at = 30s, .what = What::route_refuses, .lasting = 5min},
            {.at = 40s, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Healthy");
    CHECK(played.comes_before({"+0:05:"}, "image 1 wants 0 has 5"));
}

TEST_CASE("S6: more replicas after an abort give the aborted revision nothing") {
    const Scenario story{
        .replicas = 10,
        .steps = {{weight, 20}, {gate, 0}},
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::abort},
            {.at = 3min, .what = What::pods_slow, .number = 60, .lasting = 5min},
            {.at = 4min, .what = What::scale, .number = 12}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.outcome.last_line.contains("image 1 wants 12 has 12/12 gets 1000"));
}

TEST_CASE("S7: an abort with nothing in progress changes nothing") {
    const Scenario story{
        .steps = {{weight, 20}, {gate, 0}}, .happenings = {{.at = 30s, .what = What::abort}}};
    CHECK_FALSE(play_well(story, "Healthy").outcome.last_line.contains("image 2"));
}

TEST_CASE("S8: replicas and image changed in one edit at a pause are both followed") {
    const Scenario story{
        .replicas = 4,
        .steps = {{weight, 25}, {pause_step, 60}},
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 1min, .what = What::scale_and_image, .number = 3}}};
    const Played played = play_well(story, "Healthy");
    CHECK(played.outcome.releases == 2);
    CHECK(played.outcome.last_line.contains("stable S C image 3"));
}

TEST_CASE("S9: events that are lost are made up for, with no false deadline") {
    const Scenario story{
        .replicas = 4,
        .steps = {{weight, 25}, {pause_step, 30}},
        .deadline = 30min,
        .aborts_at_deadline = true,
        .happenings = {
            {.at = 20s, .what = What::events_lost, .number = 1000, .lasting = 2min},
            {.at = 30s, .what = What::set_image, .number = 2}}};
    CHECK_FALSE(play_well(story, "Healthy").has("RolloutAborted"));
}

TEST_CASE("S17: silence of the metrics holds a release with a reason and never advances it") {
    const Scenario story{
        .steps = {{weight, 20}, {judge, 0}},
        .happenings = {
            {.at = 20s, .what = What::metric_silent, .lasting = 1h},
            {.at = 30s, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Paused");
    CHECK(played.outcome.last_line.contains("a judge could not tell"));
}

TEST_CASE("S19: a candidate that never gets ready ends at its deadline") {
    const Scenario story{
        .steps = {{weight, 20}},
        .deadline = 60s,
        .aborts_at_deadline = true,
        .happenings = {
            {.what = What::bad_image, .number = 2},
            {.at = 30s, .what = What::set_image, .number = 2}}};
    const Played played = play_well(story, "Degraded");
    CHECK(played.outcome.message.contains("RolloutAborted"));
    CHECK(played.first("RolloutAborted").starts_with("+0:01:31"));
}

TEST_CASE("S21: a route applied again without weights gets them back at once") {
    const Scenario story{
        .replicas = 10,
        .steps = {{weight, 10}, {gate, 0}},
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::reapply_route}}};
    const Played played = play_well(story, "Paused");
    CHECK(played.outcome.last_line.contains(" weight 10;"));
    const auto shows = [](std::string_view text) {
        return [text](const std::string& line) { return line.contains(text); };
    };
    const auto wrong = std::ranges::find_if(played.lines, shows(" weight 50;"));
    const auto right = std::find_if(wrong, played.lines.end(), shows(" weight 10;"));
    REQUIRE(right != played.lines.end());
    CHECK(right->starts_with("+0:02:00.0"));
}

TEST_CASE("S23: an old revision still warm takes over without the list of steps") {
    const Scenario story{
        .replicas = 5,
        .steps = {{weight, 20}, {gate, 0}},
        .retire_delay = 10min,
        .rollback_window = 3,
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 1min, .what = What::promote_full},
            {.at = 2min, .what = What::undo}}};
    const Played played = play_well(story, "Healthy");
    CHECK(played.outcome.last_line.contains("stable S C image 1 wants 5 has 5/5 gets 1000"));
}

TEST_CASE("S28: during a rollback the weight never rises") {
    const Scenario story{
        .replicas = 10,
        .steps = {{weight, 10}, {weight, 60}, {gate, 0}},
        .happenings = {
            {.at = 30s, .what = What::set_image, .number = 2},
            {.at = 2min, .what = What::abort},
            {.at = 2min, .what = What::evict, .number = 4},
            {.at = 125s, .what = What::crash, .number = 1, .lasting = 10s}}};
    CHECK(play_well(story, "Degraded").outcome.last_line.contains(" weight 0;"));
}
