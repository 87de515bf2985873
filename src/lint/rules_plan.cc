#include "lint/families.h"
#include "lint/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>

namespace serin::lint {

using manifest::Part;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view automation_annotation = "serin.dev/automation";
constexpr std::string_view catches_annotation = "serin.dev/catches";

// How long failures of a class take to show, at least.
struct FailureClass {
    std::string_view name;
    Duration floor;
    std::vector<std::string_view> words;  // In a metric's name or query.
};

const std::vector<FailureClass>& failure_classes() {
    static const std::vector<FailureClass> classes = {
        {"crash", 5min, {"crash", "restart", "oom"}},
        {"memory", 15min, {"memory", "heap", "rss_bytes", "leak"}},
        {"connections", 20min, {"connection", "pool", "goroutine", "_fds", "threads"}},
        {"slow", 30min, {"degradation", "slow", "trend"}},
    };
    return classes;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

// The class of failure that takes longest to show among those the metric is about; null if none.
const FailureClass* class_of(const UsedMetric& metric) {
    const std::string text = lower(metric.rule.name + " " + metric.query);
    const FailureClass* found = nullptr;
    for (const FailureClass& one : failure_classes()) {
        const bool is_about = std::ranges::any_of(
            one.words, [&](std::string_view word) { return text.contains(word); });
        if (is_about) found = &one;
    }
    return found;
}

// Stages between one setWeight and the next.
struct Plateau {
    int weight = 0;
    std::size_t first = 0;
    std::size_t last = 0;
    Duration length{};
    bool is_judged = false;
    bool has_person = false;
};

std::vector<Plateau> levels_of(const Timeline& timeline) {
    std::vector<Plateau> levels;
    for (const Stage& stage : timeline.stages) {
        if (levels.empty() || stage.kind == "setWeight") {
            levels.push_back({.weight = stage.weight, .first = stage.step});
        }
        Plateau& level = levels.back();
        level.last = stage.step;
        level.length += stage.length;
        level.is_judged = level.is_judged || stage.is_judged;
        level.has_person = level.has_person || stage.is_endless;
    }
    return levels;
}

class PlanRules {
public:
    PlanRules(const Context& context, const Source& rollout)
        : context_(context),
          rollout_(rollout),
          canary_(rollout.spec()["strategy"]["canary"]),
          blue_green_(rollout.spec()["strategy"]["blueGreen"]),
          timeline_(timeline_of(rollout, context.uses)) {
        for (const Use& use : context.uses) {
            if (use.rollout != &rollout) continue;
            uses_.push_back(&use);
            if (use.moment == Moment::background) background_ = &use;
        }
    }

    void check() {
        check_any_analysis();
        check_levels();
        check_background();
        check_pauses();
        check_order();
        check_time_to_show();
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

    bool is_automatic() const {
        return rollout_.object.annotation(automation_annotation).value_or("") == "full";
    }

    void check_any_analysis() {
        const bool has_experiment_analysis = std::ranges::any_of(
            timeline_.stages, [](const Stage& stage) { return stage.is_judged; });
        if (!uses_.empty() || has_experiment_analysis || names_templates()) return;
        if (canary_.is_given()) {
            const bool has_steps = !timeline_.stages.empty();
            const bool has_person = timeline_.needs_person && !is_automatic();
            add("no-analysis",
                has_steps ? canary_["steps"] : canary_,
                !has_steps   ? "there are no steps: a new version gets all traffic unjudged"
                : has_person ? "nothing is measured before all traffic moves: the person who "
                               "resumes is the only judge"
                             : "no analysis judges the release before it has all traffic",
                "add canary.analysis, or analysis steps",
                has_person ? std::optional(Level::info) : std::nullopt);
        } else if (blue_green_.is_given()) {
            add("no-analysis",
                blue_green_,
                "no analysis judges the new version before or after the switch",
                "add prePromotionAnalysis or postPromotionAnalysis");
        }
    }

    // Named, though the templates are elsewhere.
    bool names_templates() const {
        return canary_["analysis"]["templates"].size() > 0 ||
               blue_green_["prePromotionAnalysis"].is_given() ||
               blue_green_["postPromotionAnalysis"].is_given();
    }

    void check_levels() {
        if (uses_.empty()) return;
        std::string late;
        for (const Plateau& level : levels_of(timeline_)) {
            const bool is_watched = background_ && background_->step <= level.last;
            if (level.weight == 0 || level.length <= Duration(0)) continue;
            if (level.is_judged || is_watched || level.has_person) continue;
            if (background_) {
                late += fmt::format(
                    "{}{} % for {}",
                    late.empty() ? "" : ", ",
                    level.weight,
                    short_duration(level.length));
                continue;
            }
            add("unjudged-weight",
                canary_["steps"][level.first],
                fmt::format(
                    "nothing judges the {} at {} %", short_duration(level.length), level.weight),
                "add an analysis step after it, or a background analysis");
        }
        if (late.empty()) return;
        add("judged-late",
            canary_["analysis"]["startingStep"],
            fmt::format("the analysis starts after weights it should guard: {}", late),
            "lower startingStep, or remove it");
    }

    void check_background() {
        if (!background_ || timeline_.needs_person) return;
        const Span span = span_of(*background_, timeline_);
        if (span.length <= Duration(0)) return;
        for (const UsedMetric& metric : background_->metrics) {
            const judge::MetricRule& rule = metric.rule;
            if (judges_by_itself(metric)) continue;
            if (!rule.interval && rule.count <= 1) {
                context_.reporter.add(
                    "measured-once",
                    *metric.source,
                    metric.pointer,
                    fmt::format(
                        "'{}' is measured once, when the background analysis starts", rule.name),
                    "give it an interval");
                continue;
            }
            const Duration watched = length_of_run({metric});
            if (rule.count == 0 || watched + rule.interval.value_or(Duration(0)) >= span.length) {
                continue;
            }
            context_.reporter.add(
                "background-ends-early",
                *metric.source,
                metric.pointer + "/count",
                fmt::format(
                    "'{}' is done after {}, and the release of Rollout {} goes on for {}",
                    rule.name,
                    short_duration(watched),
                    rollout_.object.name(),
                    short_duration(span.length)),
                "remove count: a background analysis ends with the release");
        }
    }

    void check_pauses() {
        const bool is_wanted = !is_automatic();
        const auto level = is_wanted ? Level::info : Level::warning;
        const std::string automatic =
            is_wanted ? "" : ", and the plan is to run without people (serin.dev/automation: full)";
        for (const Stage& stage : timeline_.stages) {
            if (!stage.is_endless) continue;
            add("pause-without-end",
                canary_["steps"][stage.step]["pause"],
                fmt::format("waits until a person resumes, at {} %{}", stage.weight, automatic),
                is_wanted ? "" : "give it a duration",
                level);
        }
        const Part promotion = blue_green_["autoPromotionEnabled"];
        if (!promotion.is_given() || promotion.boolean()) return;
        add("pause-without-end",
            promotion,
            "waits until a person promotes" + automatic,
            is_wanted ? "" : "remove it",
            level);
    }

    void check_order() {
        int highest = 0;
        for (const Stage& stage : timeline_.stages) {
            if (stage.kind != "setWeight") continue;
            if (stage.weight < highest) {
                add("weight-goes-down",
                    canary_["steps"][stage.step]["setWeight"],
                    fmt::format(
                        "goes from {} % back to {} % in the middle of a release",
                        highest,
                        stage.weight),
                    "order the weights");
            }
            highest = std::max(highest, stage.weight);
        }
    }

    // A leak that shows after a quarter of an hour is not seen by a release that is over by then.
    void check_time_to_show() {
        if (timeline_.needs_person) return;
        struct Watched {
            const Use* use = nullptr;
            const FailureClass* failure = nullptr;
            Duration until{};
        };
        std::map<std::string, Watched> metrics;
        Duration watched_until{};
        for (const Use* use : uses_) {
            const Span span = span_of(*use, timeline_);
            const Duration until = span.start + span.length;
            watched_until = std::max(watched_until, until);
            for (const UsedMetric& metric : use->metrics) {
                const FailureClass* failure = class_of(metric);
                if (!failure) continue;
                Watched& one = metrics[metric.rule.name];
                if (!one.use) one = {.use = use, .failure = failure};
                one.until = std::max(one.until, until);
            }
        }
        for (const auto& [name, watched] : metrics) {
            if (watched.until >= watched.failure->floor) continue;
            context_.reporter.add(
                "step-too-short",
                rollout_,
                watched.use->pointer,
                fmt::format(
                    "'{}' looks at the new version for {}, and {} failures take {} or more to show",
                    name,
                    short_duration(watched.until),
                    watched.failure->name,
                    short_duration(watched.failure->floor)),
                "make the steps longer, or do not count on it");
        }
        check_promises(watched_until);
    }

    // serin.dev/catches: memory, connections
    void check_promises(Duration watched_until) {
        const auto promised = rollout_.object.annotation(catches_annotation);
        if (!promised) return;
        const Part at = rollout_.root()["metadata"]["annotations"][catches_annotation];
        for (const FailureClass& one : failure_classes()) {
            if (!promised->contains(one.name) || watched_until >= one.floor) continue;
            add("step-too-short",
                at,
                fmt::format(
                    "the release is watched for {}, and {} failures take {} or more to show",
                    short_duration(watched_until),
                    one.name,
                    short_duration(one.floor)),
                "make the steps longer");
        }
    }

    const Context& context_;
    const Source& rollout_;
    Part canary_;
    Part blue_green_;
    Timeline timeline_;
    std::vector<const Use*> uses_;
    const Use* background_ = nullptr;
};

}  // namespace

void check_plans(const Context& context) {
    for (const Source* rollout : context.sources.of_kind("Rollout")) {
        PlanRules(context, *rollout).check();
    }
}

}  // namespace serin::lint
