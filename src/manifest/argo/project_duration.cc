#include "manifest/argo/project_duration.h"

#include "manifest/argo/read_status.h"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace serin::argo {

namespace {

constexpr std::string_view started_at = "rolloutStartedAt";
constexpr std::string_view pause_started_at = "manualPauseStartedAt";
constexpr std::string_view paused_seconds = "totalManualPauseDurationSeconds";
constexpr std::string_view finished_at = "finishedAt";
constexpr std::string_view completion = "completionStatus";

bool is_complete(const ReleaseState& state, const Observation& seen) {
    if (state.stable.empty() || state.stable != state.candidate) return false;
    const auto candidate = std::ranges::find(seen.revisions, state.candidate, &RevisionSeen::id);
    return candidate != seen.revisions.end() && candidate->available >= seen.replicas;
}

// Held for a person, not for time to pass.
bool is_held_by_person(const Lowered& lowered, const ReleaseState& state) {
    if (lowered.plan.is_held) return true;
    return std::ranges::any_of(state.holds, [&](const Hold& hold) {
        if (hold.kind == HoldKind::inconclusive) return true;
        if (hold.kind == HoldKind::before_flip) {
            return lowered.plan.flip && !lowered.plan.flip->is_automatic;
        }
        const auto index = static_cast<std::size_t>(state.step.value_or(0));
        if (index >= lowered.plan.steps.size()) return false;
        const auto* pause = std::get_if<Pause>(&lowered.plan.steps[index]);
        return pause && !pause->duration;
    });
}

class Telling {
public:
    Telling(
        const Object& rollout,
        const Lowered& lowered,
        const ReleaseState& state,
        const Observation& seen)
        : rollout_(rollout), lowered_(lowered), state_(state), seen_(seen) {
        if (const auto* former = json::object(rollout.find("/status/duration"))) out_ = *former;
    }

    json::Object run() {
        follow_start();
        if (!out_.contains(started_at)) return out_;
        follow_end();
        follow_pause();  // What has ended is not held any more.
        return std::move(out_);
    }

private:
    json::Value now() const {
        return json::string(format_time(std::chrono::floor<std::chrono::seconds>(seen_.at)));
    }

    void follow_start() {
        const std::string_view was = rollout_.text("/status/currentPodHash");
        const bool is_first = was.empty();
        const bool is_other = !is_first && was != state_.candidate;
        const bool has_other_steps =
            !is_first && rollout_.text("/status/currentStepHash") != state_.steps_digest &&
            !is_of_this_generation(rollout_);
        const bool is_retried = rollout_.find("/status/abortedAt") && !state_.aborted_at &&
                                state_.stable != state_.candidate;
        const bool is_under_way = was != rollout_.text("/status/stableRS");
        // Back to stable in mid-update: the same story goes on, and ends as a way back.
        if (is_other && is_under_way && state_.candidate == state_.stable) {
            out_.erase(finished_at);
            out_[completion] = "RolledBack";
            return;
        }
        if (!is_first && !is_other && !has_other_steps && !is_retried) return;
        if (has_other_steps && !is_other && state_.stable == state_.candidate) return;
        out_ = {{started_at, now()}};
    }

    void follow_pause() {
        const bool is_held = is_held_by_person(lowered_, state_) && !out_.contains(finished_at);
        if (is_held && !out_.contains(pause_started_at)) out_[pause_started_at] = now();
        if (is_held || !out_.contains(pause_started_at)) return;
        const auto since = parse_time(json::text(out_.if_contains(pause_started_at)).value_or(""));
        const auto former = json::integer(out_.if_contains(paused_seconds)).value_or(0);
        if (since) {
            const auto more = std::chrono::floor<std::chrono::seconds>(seen_.at - *since).count();
            out_[paused_seconds] = former + std::max<std::int64_t>(0, more);
        }
        out_.erase(pause_started_at);
    }

    void follow_end() {
        if (out_.contains(finished_at)) return;
        if (state_.is_aborted) return end("Aborted");
        if (!is_complete(state_, seen_)) return;
        const bool was_fast = rollout_.boolean("/status/promoteFull");
        if (out_.contains(completion)) return end(was_fast ? "FastRolledBack" : "RolledBack");
        end(was_fast ? "FastPromoted" : "Promoted");
    }

    void end(std::string_view how) {
        out_[finished_at] = now();
        out_[completion] = json::string(how);
    }

    const Object& rollout_;
    const Lowered& lowered_;
    const ReleaseState& state_;
    const Observation& seen_;
    json::Object out_;
};

}  // namespace

json::Object project_duration(
    const Object& rollout,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen) {
    return Telling(rollout, lowered, state, seen).run();
}

}  // namespace serin::argo
