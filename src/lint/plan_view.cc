#include "lint/plan_view.h"

#include "engine/replicas.h"
#include "lint/sources.h"
#include "lint/timeline.h"
#include "lint/uses.h"
#include "manifest/argo/lower.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::lint {

using manifest::Part;

namespace {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

std::string percent(int weight, int weight_max) {
    return fmt::format("{:g} %", 100.0 * weight / weight_max);
}

std::string limits_of(const judge::MetricRule& rule) {
    if (rule.is_dry_run) return "a dry run, without consequences";
    if (rule.failure_limit < 0) return "failures do not end it";
    return fmt::format("aborts at failed measurement number {}", rule.failure_limit + 1);
}

std::string words_of(const UsedMetric& metric) {
    const judge::MetricRule& rule = metric.rule;
    std::string text = rule.name + ": ";
    const auto count = judge::effective_count(rule);
    if (!rule.interval || count == 1) {
        text += "once";
    } else {
        text += fmt::format("every {}", short_duration(*rule.interval));
        text += count ? fmt::format(", {} times", *count) : ", to the end";
    }
    if (rule.initial_delay > Duration(0)) {
        text += fmt::format(", first after {}", short_duration(rule.initial_delay));
    }
    const judge::Conditions& conditions = metric.conditions;
    if (!conditions.success.empty()) text += fmt::format("; good if {}", conditions.success);
    if (!conditions.failure.empty()) text += fmt::format("; bad if {}", conditions.failure);
    return fmt::format("{} ({}; {})", text, metric.provider, limits_of(rule));
}

std::vector<std::string> words_of(const Use& use) {
    std::vector<std::string> out;
    for (const UsedMetric& metric : use.metrics) out.push_back(words_of(metric));
    return out;
}

class Describer {
public:
    Describer(const Source& rollout, const std::vector<Use>& uses, std::optional<double> traffic)
        : rollout_(rollout),
          uses_(uses),
          lowered_(argo::lower(rollout.object)),
          plan_(lowered_.plan),
          timeline_(timeline_of(rollout, uses)) {
        out_.traffic = traffic;
        out_.weight_max = plan_.weight_max;
        out_.rollout = fmt::format("{}/{}", rollout.object.ns(), rollout.object.name());
    }

    PlanView run() {
        describe_subject();
        for (std::size_t i = 0; i < plan_.steps.size(); ++i) describe_step(i);
        if (plan_.flip) describe_flip(*plan_.flip);
        describe_watchers();
        describe_promotion();
        describe_abort();
        describe_ends();
        return std::move(out_);
    }

private:
    int pods_at(int weight) const {
        if (!plan_.routing) {
            const engine::Slack slack = engine::slack_of(plan_, lowered_.replicas);
            return engine::approximate(lowered_.replicas, weight, plan_.weight_max, slack.surge)
                .candidate;
        }
        const int carried = engine::replicas_for(weight, plan_.weight_max, lowered_.replicas);
        return weight == 0 ? carried : std::max(carried, plan_.routing->replicas_min);
    }

    void describe_subject() {
        out_.about =
            fmt::format("{} replica{}, ", lowered_.replicas, lowered_.replicas == 1 ? "" : "s");
        if (plan_.flip) {
            out_.about += fmt::format(
                "all traffic at once by the selector of Service {}", lowered_.stable_service);
        } else if (plan_.routing) {
            out_.about += fmt::format(
                "traffic split between Services {} and {}",
                lowered_.stable_service,
                lowered_.candidate_service);
        } else {
            out_.about += "the share of the traffic is the share of the replicas";
        }
        if (plan_.is_held) out_.about += "; held by spec.paused";
    }

    void describe_step(std::size_t index) {
        PlanStep step;
        if (index < timeline_.stages.size()) {
            const Stage& stage = timeline_.stages[index];
            step.kind = stage.kind;
            step.after = stage.start;
            step.lasts = stage.length;
            step.waits_for_person = stage.is_endless;
            weight_ = stage.weight;
        }
        step.weight = weight_;
        describe(plan_.steps[index], step);
        step.pods = sized_ ? *sized_ : pods_at(weight_);
        for (const Use& use : uses_) {
            if (use.rollout != &rollout_ || use.moment != Moment::step || use.step != index) {
                continue;
            }
            step.judged = words_of(use);
        }
        out_.steps.push_back(std::move(step));
    }

    void describe(const Step& planned, PlanStep& step) {
        std::visit(
            Overloaded{
                [&](const Expose& to) {
                    step.does = fmt::format(
                        "gives the new version {}", percent(to.weight, plan_.weight_max));
                },
                [&](const Provision& to) {
                    sized_.reset();
                    if (to.replicas) sized_ = to.replicas;
                    if (to.weight) sized_ = pods_at(*to.weight);
                    step.does = sized_ ? fmt::format("sizes the new version to {} pods", *sized_)
                                       : "sizes the new version by its weight again";
                },
                [&](const Pause& to) {
                    step.does = to.duration ? fmt::format("waits {}", short_duration(*to.duration))
                                            : "waits until a person resumes";
                },
                [&](const Judge&) {
                    step.does = fmt::format("judges, for {} at least", short_duration(step.lasts));
                },
                // A step that has no words of its own yet is told by the manifest's.
                [&](const auto&) {
                    step.does = step.kind;
                    if (step.lasts > Duration(0)) {
                        step.does += fmt::format(", for {} at least", short_duration(step.lasts));
                    }
                },
            },
            planned);
    }

    void describe_flip(const Flip& flip) {
        const auto add = [&](std::string kind, std::string does) -> PlanStep& {
            const auto pods = out_.steps.empty() ? std::nullopt : out_.steps.back().pods;
            out_.steps.push_back({.kind = std::move(kind), .does = std::move(does)});
            out_.steps.back().pods = pods;
            out_.steps.back().after = out_.earliest;
            return out_.steps.back();
        };
        const int first = flip.preview_replicas.value_or(lowered_.replicas);
        const std::string preview =
            lowered_.candidate_service.empty()
                ? std::string()
                : fmt::format(", seen through Service {}", lowered_.candidate_service);
        add("preview", fmt::format("starts {} pods of the new version{}", first, preview)).pods =
            first;
        describe_flip_judge(
            Moment::before_switch, "prePromotionAnalysis", "judges before the switch");
        if (!flip.is_automatic) {
            add("autoPromotionEnabled", "waits until a person promotes").waits_for_person = true;
            needs_person_ = true;
        } else if (flip.wait > Duration(0)) {
            PlanStep& step =
                add("autoPromotionSeconds", fmt::format("waits {}", short_duration(flip.wait)));
            step.lasts = flip.wait;
            out_.earliest += flip.wait;
        }
        PlanStep& step = add(
            "switch", fmt::format("points Service {} at the new version", lowered_.stable_service));
        step.weight = plan_.weight_max;
        step.pods = lowered_.replicas;
        weight_ = plan_.weight_max;
        describe_flip_judge(
            Moment::after_switch, "postPromotionAnalysis", "judges with all traffic");
    }

    void describe_flip_judge(Moment moment, const char* kind, const char* does) {
        for (const Use& use : uses_) {
            if (use.rollout != &rollout_ || use.moment != moment) continue;
            const Duration length = length_of_run(use.metrics);
            out_.steps.push_back(
                {.kind = kind,
                 .does = fmt::format("{}, for {} at least", does, short_duration(length)),
                 .after = out_.earliest,
                 .lasts = length,
                 .weight = weight_,
                 .pods = out_.steps.back().pods,
                 .judged = words_of(use)});
            out_.earliest += length;
        }
    }

    void describe_watchers() {
        for (const Use& use : uses_) {
            if (use.rollout != &rollout_ || use.moment != Moment::background) continue;
            for (std::string& words : words_of(use)) {
                out_.beside.push_back(
                    fmt::format("from step {} on, {}", use.step + 1, std::move(words)));
            }
        }
    }

    void describe_promotion() {
        const Duration standard = std::chrono::seconds(30);
        if (plan_.flip) {
            out_.promotion.push_back(fmt::format(
                "the old version stays for {} after the switch",
                short_duration(plan_.flip->retire_delay.value_or(standard))));
            return;
        }
        const int slack = engine::slack_of(plan_, lowered_.replicas).unavailable;
        if (!plan_.routing) {
            out_.promotion.push_back(fmt::format(
                "pods are replaced until all are new, at most {} missing at a time", slack));
            return;
        }
        out_.promotion.push_back(fmt::format(
            "{} pods of the new version, then 100 % of the traffic, then Service {} selects them",
            lowered_.replicas,
            lowered_.stable_service));
        out_.promotion.push_back(fmt::format(
            "the old version stays for {} after its last request",
            short_duration(plan_.routing->retire_delay)));
    }

    void describe_abort() {
        const Duration standard = std::chrono::seconds(30);
        out_.abort.push_back(
            "by a failed judge, `serin abort`" +
            std::string(plan_.aborts_at_deadline ? ", or the progress deadline" : ""));
        if (plan_.flip) {
            out_.abort.push_back(
                fmt::format("Service {} points at the old version again", lowered_.stable_service));
            out_.abort.push_back(
                plan_.flip->keeps_aborted
                    ? "the new version keeps running without traffic"
                    : fmt::format(
                          "the new version ends after {}",
                          short_duration(plan_.flip->abort_keep.value_or(standard))));
            return;
        }
        if (!plan_.routing) {
            out_.abort.push_back("old pods come back as new ones go, within the same bounds");
            return;
        }
        const int slack = engine::slack_of(plan_, lowered_.replicas).unavailable;
        out_.abort.push_back(
            plan_.routing->scales_stable
                ? "the stable side grows back first, and takes traffic as it can carry it"
                : fmt::format(
                      "weight 0 at once while at most {} stable pod{} missing, else as far down "
                      "as stable can carry",
                      slack,
                      slack == 1 ? " is" : "s are"));
        const Duration kept = plan_.routing->abort_retire_delay.value_or(standard);
        out_.abort.push_back(
            kept == Duration(0)
                ? "the new version keeps running without traffic"
                : fmt::format(
                      "the new version ends {} after its last request", short_duration(kept)));
    }

    void describe_ends() {
        if (!plan_.flip) out_.earliest = timeline_.end;
        needs_person_ = needs_person_ || timeline_.needs_person;
        out_.times_out.push_back(fmt::format(
            "pods that are not available within {} make the release Degraded{}",
            short_duration(plan_.progress_deadline),
            plan_.aborts_at_deadline ? " and abort it" : "; it goes on waiting"));
        if (needs_person_) {
            out_.open_because = "a person has to resume, whenever that is";
        } else if (!plan_.aborts_at_deadline) {
            out_.open_because =
                "pods that never come are waited for (progressDeadlineAbort: false)";
        } else {
            // Each change of weight or size may take the whole deadline.
            std::int64_t changes = 1;
            for (const PlanStep& step : out_.steps) {
                changes += step.kind == "setWeight" || step.kind == "setCanaryScale" ? 1 : 0;
            }
            out_.latest = out_.earliest + plan_.progress_deadline * changes;
        }
    }

    const Source& rollout_;
    const std::vector<Use>& uses_;
    argo::Lowered lowered_;
    const Plan& plan_;
    Timeline timeline_;
    PlanView out_;
    int weight_ = 0;
    std::optional<int> sized_;  // By a step, apart from the weight.
    bool needs_person_ = false;
};

void add_lines(std::string& text, std::string_view title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    text += fmt::format("{}\n", title);
    for (const std::string& line : lines) text += fmt::format("  - {}\n", line);
}

json::Array to_json(const std::vector<std::string>& lines) {
    json::Array out;
    for (const std::string& line : lines) out.push_back(json::string(line));
    return out;
}

double requests_at(const PlanView& plan, int weight) {
    return plan.traffic.value_or(0) * weight / plan.weight_max;
}

}  // namespace

std::vector<PlanView> plans_of(const std::vector<Document>& documents, const PlanOptions& options) {
    const Sources sources(documents);
    const std::vector<Use> uses = uses_of(sources);
    std::vector<PlanView> plans;
    for (const Source* rollout : sources.of_kind("Rollout")) {
        if (!options.rollout.empty() && rollout->object.name() != options.rollout) continue;
        plans.push_back(Describer(*rollout, uses, options.traffic).run());
    }
    return plans;
}

std::string to_text(const PlanView& plan) {
    std::string text = fmt::format("Rollout {}: {}\n\n", plan.rollout, plan.about);
    std::size_t widest = 4;
    for (const PlanStep& step : plan.steps) widest = std::max(widest, step.does.size());
    text += fmt::format(
        "  {:>3}  {:>8}  {:{}}  {:>7}  {:>4}{}\n",
        "#",
        "after",
        "step",
        widest,
        "weight",
        "pods",
        plan.traffic ? "  requests/s" : "");
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const PlanStep& step = plan.steps[i];
        text += fmt::format(
            "  {:>3}  {:>8}  {:{}}  {:>7}  {:>4}",
            i + 1,
            short_duration(step.after),
            step.does,
            widest,
            percent(step.weight, plan.weight_max),
            step.pods ? std::to_string(*step.pods) : "");
        if (plan.traffic) text += fmt::format("  {:>10.4g}", requests_at(plan, step.weight));
        text += "\n";
        for (const std::string& judged : step.judged) {
            text += fmt::format("                   {}\n", judged);
        }
    }
    text += "\n";
    add_lines(text, "Beside the steps:", plan.beside);
    add_lines(text, "After the last step:", plan.promotion);
    add_lines(text, "An abort:", plan.abort);
    add_lines(text, "Deadlines:", plan.times_out);
    text += fmt::format(
        "Finished after {} at the soonest, {}\n",
        short_duration(plan.earliest),
        plan.latest
            ? fmt::format(
                  "{} when every change takes its whole deadline", short_duration(*plan.latest))
            : fmt::format("without a latest end: {}", plan.open_because));
    return text;
}

json::Object to_json(const PlanView& plan) {
    json::Array steps;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const PlanStep& step = plan.steps[i];
        json::Object one{
            {"step", i + 1},
            {"kind", json::string(step.kind)},
            {"does", json::string(step.does)},
            {"after", json::string(short_duration(step.after))},
            {"lasts", json::string(short_duration(step.lasts))},
            {"waitsForPerson", step.waits_for_person},
            {"weight", step.weight}};
        if (step.pods) one["pods"] = *step.pods;
        if (plan.traffic) one["requestsPerSecond"] = requests_at(plan, step.weight);
        if (!step.judged.empty()) one["judged"] = to_json(step.judged);
        steps.push_back(std::move(one));
    }
    json::Object out{
        {"rollout", json::string(plan.rollout)},
        {"about", json::string(plan.about)},
        {"maxWeight", plan.weight_max},
        {"steps", std::move(steps)},
        {"beside", to_json(plan.beside)},
        {"promotion", to_json(plan.promotion)},
        {"abort", to_json(plan.abort)},
        {"deadlines", to_json(plan.times_out)},
        {"earliestFinish", json::string(short_duration(plan.earliest))}};
    if (plan.latest) {
        out["latestFinish"] = json::string(short_duration(*plan.latest));
    } else {
        out["openEndedBecause"] = json::string(plan.open_because);
    }
    return out;
}

}  // namespace serin::lint
