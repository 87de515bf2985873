#pragma once

#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A simulated story as data: what is released and what happens to it when. Scenarios are made from
// a seed or written down; a failing one is made smaller by leaving parts out.

namespace serin::sim {

struct StepShape {
    enum class Kind {
        weight,
        pause,
        gate,
        provision,
        judge,
        hook,
        header,
        mirror,
        end_header,
        trial
    };
    Kind kind = Kind::weight;
    // The weight (also a trial's), or seconds of a pause, or replicas provisioned, or which header
    // value.
    int number = 0;
    friend bool operator==(const StepShape&, const StepShape&) = default;
};

// Releases that move all traffic at once.
struct FlipShape {
    bool is_automatic = true;
    Duration wait{0};
    bool has_judge_before = false;
    bool has_judge_after = false;
    bool has_preview = true;
    std::optional<int> preview_replicas;
    std::optional<int> retire_limit;
    bool is_told = true;  // The gateway says whose requests a service gets.
};

// What watches all requests of a release, beside its steps; and how many there are.
struct GuardShape {
    int requests = 0;  // Of the budget; 0: no limit.
    int failed = 0;
    bool has_judge = false;                   // The sequential one besides.
    Duration pace = std::chrono::seconds(1);  // So often `batch` requests end.
    int batch = 1;
};

// What happens: first what people and programs do, then how the world goes wrong.
enum class What {
    set_image,  // number: which; image 1 is the first.
    abort,
    retry,
    promote,
    promote_full,
    pause,
    resume,
    undo,
    scale,            // number: replicas.
    scale_and_image,  // In one edit; number: both replicas and image.
    edit_steps,       // number: the weight of the new first step.
    reapply,          // The manifests as they were at first, but for the image.
    reapply_image,    // ... the first image included, as GitOps does that was not told.
    reapply_route,    // The route without weights.
    evict,            // number: so many ready pods of all.
    autoscale,        // While it lasts, replicas between 1 and `number` are set again and again.
    recreate,         // The Rollout is deleted, and after `lasting` made again; number: its image.

    bad_image,      // number: which image never becomes ready.
    flaky_image,    // number: which image's pods come and go.
    wrong_image,    // number: which image answers with errors.
    pods_slow,      // number: seconds until ready, at most.
    pods_stuck,     // Pods that are made while it lasts find no place until it is over.
    pods_oom,       // Ready pods are killed for their memory after `number` seconds at most.
    route_slow,     // number: seconds until in force, at most.
    route_refuses,  // Writes of routes fail.
    plane_down,
    plane_restarts,  // With the routing of before the last.
    metric_late,     // number: seconds, at most.
    metric_silent,
    metric_nan,
    metric_error,
    metric_noisy,
    plugin_slow,    // number: seconds, at most.
    plugin_errors,  // number: permille.
    plugin_fails,
    crash,        // At write number `number` from then on; `lasting`: until the next start.
    crash_lost,   // ... which still took effect.
    events_lost,  // number: permille, as all below.
    events_doubled,
    events_late,
    watches_end,
    writes_conflict,
    writes_fail,
    answers_lost,  // Writes that took effect are said to have failed.
};

inline constexpr std::size_t what_count = 44;

std::string_view to_string(What what);
// As outcomes tell that it took place: "command abort", "fault route_slow".
std::string name_reached(What what);

struct Happening {
    Duration at{0};  // From the start.
    What what = What::set_image;
    int number = 0;
    Duration lasting{0};
    friend bool operator==(const Happening&, const Happening&) = default;
};

// "+0:02:30 set_image 2".
std::string describe(const Happening& happening);
// Hours, minutes, seconds and milliseconds since the start: "+0:02:30.000".
std::string format_offset(Duration since_start);

// What is released: a Rollout with its own template, one that takes over from a Deployment that
// serves, or a Deployment.
enum class Workload { rollout, takeover, deployment };

struct Scenario {
    std::uint64_t seed = 1;  // Of all delays and chances.
    Workload workload = Workload::rollout;
    bool takes_over_slowly = false;  // The Deployment goes as replicas of the Rollout come.
    bool recreates = false;          // Of a Deployment.
    int replicas = 5;
    bool has_router = true;
    bool has_router_plugin = false;  // It is a program beside Serin.
    std::optional<FlipShape> flip;   // Then there are no steps, and there is a router.
    std::optional<GuardShape> guard;
    std::vector<StepShape> steps;
    std::optional<int> background_from;  // Index of a step.
    Duration deadline = std::chrono::seconds(600);
    bool aborts_at_deadline = false;
    Duration ready_for{0};
    std::optional<Duration> retire_delay;
    std::optional<Duration> abort_retire_delay;
    int replicas_min = 0;
    bool scales_stable = false;
    bool has_metadata = false;  // Pods are labelled with their role.
    bool alternates = false;    // The services swap roles at a promotion.
    std::optional<int> enough_percent;
    std::optional<int> rollback_window;
    std::vector<Happening> happenings;

    // Steps first, then happenings: what can be left out, by index.
    std::size_t parts() const { return steps.size() + happenings.size(); }
    Scenario with_parts(const std::vector<std::size_t>& kept) const;
    std::string describe() const;  // One line a part.
    // When everything has happened.
    Duration calm_at() const;
};

// Every field from the seed alone.
Scenario make_scenario(std::uint64_t seed);

}  // namespace serin::sim
