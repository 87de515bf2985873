#include "lint/families.h"
#include "lint/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace serin::lint {

using manifest::Part;

namespace {

constexpr std::string_view standby_annotation = "serin.dev/standby";
constexpr std::int64_t scale_down_delay_default_seconds = 30;
constexpr std::int64_t progress_deadline_default_seconds = 600;

class RolloutRules {
public:
    RolloutRules(const Context& context, const Source& rollout)
        : context_(context),
          rollout_(rollout),
          spec_(rollout.spec()),
          canary_(spec_["strategy"]["canary"]),
          blue_green_(spec_["strategy"]["blueGreen"]),
          routing_(canary_["trafficRouting"]) {}

    void check() {
        check_replicas();
        check_amounts();
        check_deadline();
        check_delays();
        check_standby();
        check_header_routes();
        check_dry_runs();
        if (blue_green_["autoPromotionSeconds"].is_given() &&
            blue_green_["autoPromotionEnabled"].is_given() &&
            !blue_green_["autoPromotionEnabled"].boolean()) {
            add("ignored-field",
                blue_green_["autoPromotionSeconds"],
                "counts for nothing while autoPromotionEnabled is false",
                "remove one of them");
        }
    }

private:
    void add(
        std::string_view rule,
        const Part& at,
        std::string message,
        std::string suggestion = {},
        std::optional<Level> level = std::nullopt) {
        context_.reporter.add(
            rule, rollout_, at.pointer(), std::move(message), std::move(suggestion), level);
    }

    void check_replicas() {
        const Part steps = canary_["steps"];
        if (steps.size() == 0 || spec_["workloadRef"].is_given()) return;
        const std::int64_t replicas = spec_["replicas"].integer().value_or(1);
        if (replicas == 1) {
            add("single-replica",
                spec_["replicas"].is_given() ? spec_["replicas"] : spec_,
                routing_.is_given()
                    ? "one replica a version: a crash of either takes its whole share down"
                    : "one replica: the share of the new version is 0, 50 or 100 %, whatever the "
                      "steps say",
                "run at least 2 replicas",
                routing_.is_given() ? std::optional(Level::info) : std::nullopt);
        }
        if (routing_.is_given() || replicas <= 1) return;
        for (std::size_t i = 0; i < steps.size(); ++i) check_share(steps[i], replicas);
    }

    // Without a router the share of the traffic is the share of the replicas.
    void check_share(const Part& step, std::int64_t replicas) {
        const auto weight = step["setWeight"].integer();
        if (!weight || *weight <= 0 || *weight >= 100) return;
        const double wanted = static_cast<double>(*weight);
        const double pods = std::clamp(
            std::round(wanted * static_cast<double>(replicas) / 100),
            1.0,
            static_cast<double>(replicas));
        const double share = 100 * pods / static_cast<double>(replicas);
        if (share < 2 * wanted && share > wanted / 2) return;
        add("weight-not-reachable",
            step["setWeight"],
            fmt::format(
                "without a router {} % of {} replicas is {} pod{}, about {:.0f} % of the traffic",
                *weight,
                replicas,
                pods,
                pods == 1 ? "" : "s",
                share),
            fmt::format("add trafficRouting, or run {} replicas", (100 + *weight - 1) / *weight));
    }

    void check_amounts() {
        for (const Part& amount :
             {canary_["maxSurge"], canary_["maxUnavailable"], blue_green_["maxUnavailable"]}) {
            const std::string text = amount.text();
            const bool is_number = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
                return std::isdigit(c) != 0;
            });
            if (!is_number) continue;
            add("quoted-percentage",
                amount,
                fmt::format("in quotes this is {} %, not {} pods", text, text),
                fmt::format("write {} without quotes, or \"{}%\"", text, text));
        }
    }

    void check_deadline() {
        const Part containers = spec_["template"]["spec"]["containers"];
        std::int64_t slowest = 0;
        for (std::size_t i = 0; i < containers.size(); ++i) {
            std::int64_t ready = 0;
            for (const char* probe : {"startupProbe", "readinessProbe"}) {
                ready += containers[i][probe]["initialDelaySeconds"].integer().value_or(0);
            }
            slowest = std::max(slowest, ready);
        }
        const std::int64_t needed = slowest + spec_["minReadySeconds"].integer().value_or(0);
        const Part deadline = spec_["progressDeadlineSeconds"];
        const std::int64_t given = deadline.integer().value_or(progress_deadline_default_seconds);
        if (slowest == 0 || given > needed) return;
        add("deadline-too-short",
            deadline.is_given() ? deadline : spec_,
            fmt::format(
                "a pod is available after {}s at the soonest, and the deadline is {}s",
                needed,
                given),
            fmt::format("write at least {}", 2 * needed));
    }

    void check_delays() {
        for (const Part& strategy : {canary_, blue_green_}) {
            const Part abort = strategy["abortScaleDownDelaySeconds"];
            if (abort.integer() == 0) {
                add("never-scaled-down",
                    abort,
                    "0 keeps an aborted version running for ever",
                    "write a number of seconds to end it by itself");
            }
        }
        const std::int64_t kept = blue_green_["scaleDownDelaySeconds"].integer().value_or(
            scale_down_delay_default_seconds);
        for (const Use& use : context_.uses) {
            if (use.rollout != &rollout_) continue;
            if (use.moment == Moment::after_switch) check_kept(use, kept);
            check_initial_delays(use);
        }
    }

    void check_kept(const Use& use, std::int64_t kept) {
        const Duration judged = length_of_run(use.metrics);
        if (std::chrono::seconds(kept) >= judged) return;
        const Part delay = blue_green_["scaleDownDelaySeconds"];
        add("contradictory-delays",
            delay.is_given() ? delay : blue_green_,
            fmt::format(
                "the old version is gone {}s after the switch, and the new one is judged for {}",
                kept,
                short_duration(judged)),
            fmt::format("write at least {}", 2 * judged / std::chrono::seconds(1)));
    }

    void check_initial_delays(const Use& use) {
        if (use.moment != Moment::background) return;
        const Timeline timeline = timeline_of(rollout_, context_.uses);
        const Span span = span_of(use, timeline);
        if (timeline.needs_person || span.length <= Duration(0)) return;
        for (const UsedMetric& metric : use.metrics) {
            if (metric.rule.initial_delay < span.length) continue;
            context_.reporter.add(
                "contradictory-delays",
                *metric.source,
                metric.pointer + "/initialDelay",
                fmt::format(
                    "'{}' is first measured after {}, when the release may be over, after {}",
                    metric.rule.name,
                    short_duration(metric.rule.initial_delay),
                    short_duration(span.length)),
                "shorten it");
        }
    }

    // How long the way back is to stay open is the author's to say.
    void check_standby() {
        const auto stated = rollout_.object.annotation(standby_annotation);
        if (!stated) return;
        const auto wanted = parse_duration(*stated);
        const Part& strategy = blue_green_.is_given() ? blue_green_ : canary_;
        const Part delay = strategy["scaleDownDelaySeconds"];
        const std::int64_t kept = delay.integer().value_or(scale_down_delay_default_seconds);
        if (!wanted || std::chrono::seconds(kept) >= *wanted) return;
        add("short-standby",
            delay.is_given() ? delay : strategy,
            fmt::format(
                "the old version is kept for {}, and is to stand by for {}",
                short_duration(std::chrono::seconds(kept)),
                short_duration(*wanted)),
            fmt::format("write {}", *wanted / std::chrono::seconds(1)));
    }

    void check_header_routes() {
        bool can = false;
        for (const char* router : {"istio", "plugins"}) {
            can = can || routing_[router].is_given();
        }
        if (can) return;
        const Part steps = canary_["steps"];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            for (const char* kind : {"setHeaderRoute", "setMirrorRoute"}) {
                if (!steps[i][kind].is_given()) continue;
                add("header-route-needs-router",
                    steps[i][kind],
                    routing_.is_given() ? "the router in trafficRouting has no such routes"
                                        : "needs trafficRouting",
                    "use the Gateway API plugin (istio has them on clusters)");
            }
        }
    }

    void check_dry_runs() {
        std::size_t metrics = 0;
        std::size_t dry = 0;
        std::string pointer;
        for (const Use& use : context_.uses) {
            if (use.rollout != &rollout_) continue;
            for (const UsedMetric& metric : use.metrics) {
                ++metrics;
                dry += metric.rule.is_dry_run ? 1 : 0;
                if (pointer.empty()) pointer = use.pointer;
            }
        }
        if (metrics == 0 || dry < metrics) return;
        context_.reporter.add(
            "dry-run-only",
            rollout_,
            pointer,
            "every metric is a dry run: nothing that is measured can stop the release",
            "take at least one metric out of dryRun");
    }

    const Context& context_;
    const Source& rollout_;
    Part spec_;
    Part canary_;
    Part blue_green_;
    Part routing_;
};

}  // namespace

void check_rollouts(const Context& context) {
    for (const Source* rollout : context.sources.of_kind("Rollout")) {
        RolloutRules(context, *rollout).check();
    }
}

}  // namespace serin::lint
