#include "engine/experiment.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace serin::engine {

namespace {

using std::chrono::seconds;

Instant in_seconds(Instant at) {
    return std::chrono::floor<seconds>(at);
}

// Successful < Running < Pending < Inconclusive < Error < Failed.
bool is_worse(RunPhase right, RunPhase than) {
    constexpr std::array order{
        RunPhase::successful,
        RunPhase::running,
        RunPhase::pending,
        RunPhase::inconclusive,
        RunPhase::error,
        RunPhase::failed};
    return std::ranges::find(order, right) > std::ranges::find(order, than);
}

bool is_bad(RunPhase phase) {
    return is_completed(phase) && phase != RunPhase::successful;
}

class Trial {
public:
    Trial(const TrialPlan& plan, const TrialState& before, const TrialSeen& seen)
        : plan_(plan), seen_(seen) {
        decision_.next = before;
    }

    TrialDecision run() {
        TrialState& next = decision_.next;
        if (!next.phase) next.phase = RunPhase::pending;
        read_runs();
        const bool was_over = is_completed(*next.phase);
        for (const TrialArmPlan& arm : plan_.arms) follow_arm(arm);
        if (!was_over) {
            assess();
            note_available();  // Before the judges: what they need is there.
        }
        keep_runs();
        for (const TrialArmPlan& arm : plan_.arms) keep_arm(arm);
        return std::move(decision_);
    }

private:
    bool is_over() const { return is_completed(*decision_.next.phase); }

    const ArmSeen* find_seen(const std::string& arm) const {
        const auto found = std::ranges::find(seen_.arms, arm, &ArmSeen::name);
        return found == seen_.arms.end() ? nullptr : &*found;
    }

    ArmState& state_of(const std::string& arm) {
        auto& arms = decision_.next.arms;
        const auto found = std::ranges::find(arms, arm, &ArmState::name);
        if (found != arms.end()) return *found;
        arms.push_back({.name = arm, .changed_at = in_seconds(seen_.at)});
        return arms.back();
    }

    const TrialRunState* find_run(const std::string& judge) const {
        const auto& runs = decision_.next.runs;
        const auto found = std::ranges::find(runs, judge, &TrialRunState::judge);
        return found == runs.end() ? nullptr : &*found;
    }

    void wake(Instant at) {
        if (!decision_.wake_at || at < *decision_.wake_at) decision_.wake_at = at;
    }

    void read_runs() {
        for (TrialRunState& run : decision_.next.runs) {
            const auto found = std::ranges::find(seen_.runs, run.run.name, &TrialRunSeen::name);
            if (found == seen_.runs.end() || is_completed(run.run.phase)) continue;
            run.run.phase = found->phase;
            run.run.message = found->message;
        }
    }

    std::optional<Instant> ends_at() const {
        const auto& since = decision_.next.available_at;
        if (!plan_.duration || !since) return std::nullopt;
        return *since + *plan_.duration;
    }

    // An arm is not given up because another one is: its phase stays what it has come to.
    void follow_arm(const TrialArmPlan& plan) {
        ArmState& arm = state_of(plan.name);
        const ArmSeen* seen = find_seen(plan.name);
        const ArmCounts counts = seen ? seen->counts : ArmCounts{};
        if (counts != arm.counts) {
            arm.counts = counts;
            arm.changed_at = in_seconds(seen_.at);
        }
        arm.revision = seen ? seen->revision : arm.revision;
        arm.service = seen ? seen->service : "";
        if (is_completed(arm.phase)) return;
        ArmPhase phase = arm.phase;
        const auto problem = std::ranges::find(
            seen_.arm_problems, plan.name, &std::pair<std::string, std::string>::first);
        const auto end = ends_at();
        if (plan_.is_terminated) {
            phase = ArmPhase::successful;
        } else if (problem != seen_.arm_problems.end()) {
            phase = ArmPhase::error;
            arm.message = problem->second;
        } else if (is_there(plan, seen)) {
            phase = end && *end <= seen_.at ? ArmPhase::successful : ArmPhase::running;
            arm.message.clear();
        } else {
            phase = late_phase(plan, arm);
        }
        if (phase == arm.phase) return;
        arm.phase = phase;
        arm.changed_at = in_seconds(seen_.at);
        if (phase == ArmPhase::progressing) wake_at_deadline(arm);
    }

    static bool is_there(const TrialArmPlan& plan, const ArmSeen* seen) {
        if (!seen || !seen->is_settled || seen->desired != plan.replicas) return false;
        if (plan.has_service && seen->service.empty()) return false;
        return seen->counts.available == plan.replicas;
    }

    void wake_at_deadline(const ArmState& arm) {
        wake(arm.changed_at + plan_.progress_deadline + seconds(1));
    }

    ArmPhase late_phase(const TrialArmPlan& plan, ArmState& arm) {
        if (seen_.at > arm.changed_at + plan_.progress_deadline && arm.phase != ArmPhase::none) {
            arm.message =
                "Template '" + plan.name + "' exceeded its progressDeadlineSeconds (" +
                std::to_string(
                    std::chrono::duration_cast<seconds>(plan_.progress_deadline).count()) +
                ")";
            return ArmPhase::failed;
        }
        wake_at_deadline(arm);
        return ArmPhase::progressing;
    }

    // Failed > Error > Progressing, read as Pending, > Running > Successful.
    RunPhase worst_arm(std::string& message) const {
        RunPhase worst = RunPhase::successful;
        for (const ArmState& arm : decision_.next.arms) {
            RunPhase phase = RunPhase::pending;
            if (arm.phase == ArmPhase::running) phase = RunPhase::running;
            if (arm.phase == ArmPhase::successful) phase = RunPhase::successful;
            if (arm.phase == ArmPhase::failed) phase = RunPhase::failed;
            if (arm.phase == ArmPhase::error) phase = RunPhase::error;
            if (!is_worse(phase, worst)) continue;
            worst = phase;
            message = is_bad(phase) ? arm.message : "";
        }
        return worst;
    }

    RunPhase phase_of(const TrialJudgePlan& judge) const {
        const TrialRunState* run = find_run(judge.name);
        if (!run) return RunPhase::pending;
        // One that has not begun counts as one that goes on.
        return run->run.phase == RunPhase::pending ? RunPhase::running : run->run.phase;
    }

    void assess() {
        TrialState& next = decision_.next;
        std::string message;
        const RunPhase arms = worst_arm(message);
        if (is_bad(arms)) return end(arms, message);
        if (!seen_.judge_problem.empty() && !plan_.is_terminated)
            return end(RunPhase::error, seen_.judge_problem);

        RunPhase judges = RunPhase::successful;
        bool has_required = false;
        bool has_all_required = true;
        for (const TrialJudgePlan& judge : plan_.judges) {
            const TrialRunState* run = find_run(judge.name);
            RunPhase phase = phase_of(judge);
            if (!run) phase = RunPhase::running;
            if (is_bad(phase) && is_worse(phase, judges)) message = run->run.message;
            if (is_worse(phase, judges)) judges = phase;
            has_required = has_required || judge.is_required;
            if (judge.is_required && phase != RunPhase::successful) has_all_required = false;
        }
        if (is_bad(judges)) return end(judges, message);
        if (has_required && has_all_required) return end(RunPhase::successful, "");
        if (arms != RunPhase::successful) {
            // Once it runs, an arm that loses replicas does not make it begin anew.
            next.phase = arms;
            return;
        }
        // The time is over, or somebody ended it: only what is required is waited for.
        if (has_required && !plan_.is_terminated) {
            next.phase = RunPhase::running;
            return;
        }
        end(RunPhase::successful, "");
    }

    void end(RunPhase phase, const std::string& message) {
        decision_.next.phase = phase;
        decision_.next.message = message;
    }

    void note_available() {
        TrialState& next = decision_.next;
        const bool is_all = std::ranges::all_of(
            next.arms, [](const ArmState& arm) { return arm.phase == ArmPhase::running; });
        if (!next.available_at && !is_over() && is_all) next.available_at = in_seconds(seen_.at);
        if (const auto end = ends_at(); end && !is_over()) wake(*end);
    }

    // A run that goes on is one whose beginning was not noted; one that is over was an earlier
    // try's.
    std::string free_name(const std::string& base) const {
        std::string name = base;
        for (int i = 1; i < 1000; ++i) {
            const auto run = std::ranges::find(seen_.runs, name, &TrialRunSeen::name);
            if (run == seen_.runs.end() || (!is_completed(run->phase) && !run->is_stopping)) break;
            name = base + "." + std::to_string(i);
        }
        return name;
    }

    void keep_runs() {
        TrialState& next = decision_.next;
        for (const TrialJudgePlan& judge : plan_.judges) {
            if (is_over() || !next.available_at || plan_.is_terminated) continue;
            const TrialRunState* noted = find_run(judge.name);
            const std::string run = noted ? noted->run.name : free_name(judge.run);
            const bool is_there =
                std::ranges::find(seen_.runs, run, &TrialRunSeen::name) != seen_.runs.end();
            const bool is_done = noted && is_completed(noted->run.phase);
            if (!noted) next.runs.push_back({.judge = judge.name, .run = {.name = run}});
            if (!is_there && !is_done)
                decision_.actions.emplace_back(StartTrialRun{judge.name, run});
        }
        if (!is_over() && !plan_.is_terminated) return;
        for (const TrialRunSeen& run : seen_.runs) {
            if (!is_completed(run.phase) && !run.is_stopping)
                decision_.actions.emplace_back(StopTrialRun{run.name});
        }
    }

    void keep_arm(const TrialArmPlan& plan) {
        const ArmSeen* seen = find_seen(plan.name);
        const ArmState& arm = state_of(plan.name);
        const bool is_wanted = !is_over() && !is_completed(arm.phase) && !plan_.is_terminated;
        if (!seen) {
            if (is_wanted) decision_.actions.emplace_back(CreateArm{plan.name});
            return;
        }
        if (is_wanted) {
            if (plan.has_service && seen->service.empty())
                decision_.actions.emplace_back(CreateArmService{plan.name});
            if (seen->retire_at) decision_.actions.emplace_back(RetireArm{plan.name, std::nullopt});
            if (seen->desired != plan.replicas)
                decision_.actions.emplace_back(ScaleArm{plan.name, plan.replicas});
            return;
        }
        retire(plan, *seen);
    }

    void retire(const TrialArmPlan& plan, const ArmSeen& seen) {
        if (seen.desired == 0) {
            const bool is_gone = seen.is_settled && seen.counts.available == 0;
            if (is_gone && !seen.service.empty() && !seen.is_exposed)
                decision_.actions.emplace_back(RemoveArmService{plan.name});
            return;
        }
        if (!seen.retire_at && plan_.retire_delay > Duration(0)) {
            const Instant at = in_seconds(seen_.at + plan_.retire_delay);
            decision_.actions.emplace_back(RetireArm{plan.name, at});
            return wake(at);
        }
        if (seen.retire_at && seen_.at < *seen.retire_at) return wake(*seen.retire_at);
        // Requests that may still come must find somebody.
        if (seen.is_exposed) return wake(seen_.at + seconds(10));
        decision_.actions.emplace_back(ScaleArm{plan.name, 0});
    }

    const TrialPlan& plan_;
    const TrialSeen& seen_;
    TrialDecision decision_;
};

}  // namespace

TrialDecision decide_experiment(
    const TrialPlan& plan, const TrialState& before, const TrialSeen& seen) {
    return Trial(plan, before, seen).run();
}

}  // namespace serin::engine
