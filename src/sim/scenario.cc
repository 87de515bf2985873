#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace serin::sim {

namespace {

std::string describe_step(const StepShape& step) {
    switch (step.kind) {
        case StepShape::Kind::weight:
            return fmt::format("step: weight {}", step.number);
        case StepShape::Kind::pause:
            return fmt::format("step: pause {}s", step.number);
        case StepShape::Kind::gate:
            return "step: pause until a person resumes";
        case StepShape::Kind::provision:
            return fmt::format("step: {} replicas", step.number);
        case StepShape::Kind::judge:
            return "step: analysis";
        case StepShape::Kind::hook:
            return "step: plugin";
        case StepShape::Kind::header:
            return fmt::format("step: requests of group {} to the candidate", step.number);
        case StepShape::Kind::mirror:
            return "step: copies to the candidate";
        case StepShape::Kind::end_header:
            return "step: no requests by header any more";
        case StepShape::Kind::trial:
            return fmt::format("step: experiment with weight {}", step.number);
    }
    return {};
}

// In the order of What.
constexpr std::array<std::string_view, what_count> names{
    "set_image",    "abort",           "retry",         "promote",        "promote_full",
    "pause",        "resume",          "undo",          "scale",          "scale_and_image",
    "edit_steps",   "reapply",         "reapply_image", "reapply_route",  "evict",
    "autoscale",    "recreate",        "bad_image",     "flaky_image",    "wrong_image",
    "pods_slow",    "pods_stuck",      "pods_oom",      "route_slow",     "route_refuses",
    "plane_down",   "plane_restarts",  "metric_late",   "metric_silent",  "metric_nan",
    "metric_error", "metric_noisy",    "plugin_slow",   "plugin_errors",  "plugin_fails",
    "crash",        "crash_lost",      "events_lost",   "events_doubled", "events_late",
    "watches_end",  "writes_conflict", "writes_fail",   "answers_lost",
};

std::string describe_flip(const FlipShape& flip) {
    return fmt::format(
        ", all at once ({}, wait {}{}{}{}{}{}{})",
        flip.is_automatic ? "by itself" : "by a person",
        format_duration(flip.wait),
        flip.has_judge_before ? ", judged before" : "",
        flip.has_judge_after ? ", judged after" : "",
        flip.has_preview ? ", with a preview" : "",
        flip.preview_replicas ? fmt::format(" of {} replicas", *flip.preview_replicas) : "",
        flip.retire_limit ? fmt::format(", {} old ones kept", *flip.retire_limit) : "",
        flip.is_told ? "" : ", unseen");
}

std::string seconds(std::optional<Duration> duration) {
    return duration ? format_duration(*duration) : "-";
}

}  // namespace

std::string_view to_string(What what) {
    return names.at(static_cast<std::size_t>(what));
}

std::string name_reached(What what) {
    const bool is_command = what <= What::reapply_route;
    return std::string(is_command ? "command " : "fault ") + std::string(to_string(what));
}

std::string format_offset(Duration since_start) {
    const auto all = since_start.count();
    return fmt::format(
        "+{}:{:02}:{:02}.{:03}", all / 3'600'000, all / 60'000 % 60, all / 1000 % 60, all % 1000);
}

std::string describe(const Happening& happening) {
    std::string text = format_offset(happening.at) + " ";
    text += to_string(happening.what);
    if (happening.number != 0) text += fmt::format(" {}", happening.number);
    if (happening.lasting > Duration(0)) text += " for " + format_duration(happening.lasting);
    return text;
}

Scenario Scenario::with_parts(const std::vector<std::size_t>& kept) const {
    Scenario smaller = *this;
    smaller.steps.clear();
    smaller.happenings.clear();
    for (const std::size_t part : kept) {
        if (part < steps.size()) {
            smaller.steps.push_back(steps[part]);
        } else if (part < parts()) {
            smaller.happenings.push_back(happenings[part - steps.size()]);
        }
    }
    return smaller;
}

std::string Scenario::describe() const {
    std::string text = fmt::format(
        "{} replicas, {}, deadline {}{}, ready for {}, retire delay {}, abort delay {}, "
        "at least {} replicas, analysis from step {}, rollback window {}{}{}{}{}{}\n",
        replicas,
        has_router_plugin ? "with a router plugin"
        : has_router      ? "with a router"
                          : "without a router",
        format_duration(deadline),
        aborts_at_deadline ? " (aborts)" : "",
        format_duration(ready_for),
        seconds(retire_delay),
        seconds(abort_retire_delay),
        replicas_min,
        background_from ? std::to_string(*background_from) : "-",
        rollback_window ? std::to_string(*rollback_window) : "-",
        scales_stable ? ", the stable side shrinks" : "",
        alternates ? ", the services alternate" : "",
        has_metadata ? ", roles are labelled" : "",
        enough_percent ? fmt::format(", {} % of replicas suffice", *enough_percent) : "",
        flip ? describe_flip(*flip) : "");
    if (guard) {
        text += fmt::format(
            "  budget of {} requests, {} failed (0: no limit){}; {} requests every {}\n",
            guard->requests,
            guard->failed,
            guard->has_judge ? ", sequential judge" : "",
            guard->batch,
            format_duration(guard->pace));
    }
    if (workload == Workload::takeover) {
        text += takes_over_slowly ? "  takes over from a Deployment, pod by pod\n"
                                  : "  takes over from a Deployment, once complete\n";
    }
    if (workload == Workload::deployment) {
        text += recreates ? "  a Deployment that recreates\n" : "  a Deployment that rolls\n";
    }
    for (const StepShape& step : steps) text += "  " + describe_step(step) + "\n";
    for (const Happening& one : happenings) text += "  " + sim::describe(one) + "\n";
    return text;
}

Duration Scenario::calm_at() const {
    Duration last{0};
    for (const Happening& one : happenings) last = std::max(last, one.at + one.lasting);
    return last;
}

}  // namespace serin::sim
