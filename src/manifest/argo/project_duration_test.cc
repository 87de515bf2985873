#include "manifest/argo/project_duration.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

// A release told turn by turn: what was shown becomes the former status of the next turn.
struct Story {
    Story() {
        lowered.plan.steps = {Expose{20}, serin::Pause{}, Expose{50}};
        seen.at = Instant(1h);
        seen.replicas = 4;
        state.steps_digest = "steps";
    }
    void move_to(const std::string& revision, int available) {
        state.candidate = revision;
        seen.revisions = {{.id = revision, .available = available}};
    }
    json::Object tell(Duration after) {
        seen.at += after;
        json::Object told = argo::project_duration(rollout, lowered, state, seen);
        rollout.put("/status/duration", json::Value(told));
        rollout.put("/status/currentPodHash", json::string(state.candidate));
        rollout.put("/status/currentStepHash", json::string(state.steps_digest));
        rollout.put("/status/stableRS", json::string(state.stable));
        rollout.put("/status/promoteFull", state.skips_steps);
        if (state.aborted_at) {
            rollout.put("/status/abortedAt", "then");
        } else {
            rollout.erase("/status/abortedAt");
        }
        return told;
    }
    static std::string text(const json::Object& told, const char* name) {
        return std::string(json::text(told.if_contains(name)).value_or(""));
    }

    Object rollout{types::rollout(), "default", "shop"};
    argo::Lowered lowered;
    ReleaseState state;
    Observation seen;
};

}  // namespace

TEST_CASE("an update is timed from its template to its last replica, waiting for people apart") {
    Story story;
    story.move_to("v1", 0);
    CHECK(Story::text(story.tell(0s), "rolloutStartedAt") == "1970-01-01T01:00:00Z");
    story.state.stable = "v1";
    story.move_to("v1", 4);
    CHECK(Story::text(story.tell(10s), "completionStatus") == "Promoted");

    story.move_to("v2", 1);
    const json::Object begun = story.tell(50s);
    CHECK(Story::text(begun, "rolloutStartedAt") == "1970-01-01T01:01:00Z");
    CHECK_FALSE(begun.contains("finishedAt"));
    story.state.step = 1;
    story.state.holds = {{HoldKind::pause_step, story.seen.at}};
    CHECK(Story::text(story.tell(10s), "manualPauseStartedAt") == "1970-01-01T01:01:10Z");
    story.state.holds.clear();
    const json::Object resumed = story.tell(30s);
    CHECK(json::integer(resumed.if_contains("totalManualPauseDurationSeconds")) == 30);
    CHECK_FALSE(resumed.contains("manualPauseStartedAt"));

    story.state.is_aborted = true;
    story.state.aborted_at = story.seen.at;
    CHECK(Story::text(story.tell(1s), "completionStatus") == "Aborted");
    story.state.is_aborted = false;
    story.state.aborted_at.reset();
    CHECK(Story::text(story.tell(9s), "rolloutStartedAt") == "1970-01-01T01:01:50Z");
    story.state.skips_steps = true;
    story.tell(1s);
    story.state.stable = "v2";
    story.state.skips_steps = false;
    story.move_to("v2", 4);
    CHECK(Story::text(story.tell(1s), "completionStatus") == "FastPromoted");
}

TEST_CASE("back to stable in mid-update is the same story with another end") {
    Story story;
    story.state.stable = "v1";
    story.move_to("v2", 1);
    story.rollout.put("/status/currentPodHash", "v1");
    story.rollout.put("/status/currentStepHash", "steps");
    story.rollout.put("/status/stableRS", "v1");
    const std::string since = Story::text(story.tell(0s), "rolloutStartedAt");
    story.move_to("v1", 4);
    const json::Object back = story.tell(5s);
    CHECK(Story::text(back, "rolloutStartedAt") == since);
    CHECK(Story::text(back, "completionStatus") == "RolledBack");
    CHECK(Story::text(back, "finishedAt") == "1970-01-01T01:00:05Z");
}
