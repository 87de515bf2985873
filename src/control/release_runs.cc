#include "control/release_runs.h"

#include "control/release_trials.h"
#include "manifest/argo/analysis_spec.h"
#include "manifest/argo/names.h"
#include "manifest/argo/project_words.h"
#include "manifest/argo/read_status.h"

#include <utility>

namespace serin::control {

namespace {

constexpr std::string_view canary = "/spec/strategy/canary";
constexpr std::string_view blue_green = "/spec/strategy/blueGreen";

const json::Object* background_section(const Object& rollout) {
    return json::object(rollout.find(std::string(canary) + "/analysis"));
}

const json::Object* step_section(const Object& rollout, int step) {
    const std::string pointer = std::string(canary) + "/steps/" + std::to_string(step);
    return json::object(rollout.find(pointer + "/analysis"));
}

const json::Object* flip_section(const Object& rollout, std::string_view name) {
    return json::object(rollout.find(std::string(blue_green) + "/" + std::string(name)));
}

const json::Object* section_of(const Object& rollout, const StartRun& action) {
    switch (action.kind) {
        case RunKind::background:
            return background_section(rollout);
        case RunKind::step:
            return step_section(rollout, action.step.value_or(0));
        case RunKind::before_flip:
            return flip_section(rollout, "prePromotionAnalysis");
        case RunKind::after_flip:
            return flip_section(rollout, "postPromotionAnalysis");
        case RunKind::trial:
            return nullptr;
    }
    return nullptr;
}

Result<json::Object> run_spec(
    const ObjectStore& store,
    const Object& rollout,
    const json::Object& section,
    const argo::RevisionHashes& hashes) {
    const auto find = [&](const argo::TemplateName& name) {
        ObjectKey key{&types::analysis_template(), std::string(rollout.ns()), name.name};
        if (name.is_cluster_scoped) key = {&types::cluster_analysis_template(), "", name.name};
        return store.get(key);
    };
    return argo::analysis_run_spec(section, rollout, hashes, find);
}

argo::RevisionHashes hashes_of(const ReleaseWorld& world) {
    return {
        .stable = std::string(world.rollout.text("/status/stableRS")),
        .latest = world.seen.wanted,
    };
}

void copy_texts(const Object& from, std::string_view pointer, Object& to, bool is_label) {
    const json::Object* texts = json::object(from.find(pointer));
    if (!texts) return;
    for (const auto& member : *texts) {
        const std::string_view key(member.key().data(), member.key().size());
        const auto value = json::text(&member.value());
        if (!value) continue;
        if (is_label) {
            to.set_label(key, *value);
        } else {
            to.set_annotation(key, *value);
        }
    }
}

}  // namespace

std::string revision_number(
    const ObjectStore& store, const ReleaseWorld& world, const std::string& revision) {
    const Object* seen = world.group_of(revision);
    const std::string name =
        seen ? std::string(seen->name()) : std::string(world.rollout.name()) + "-" + revision;
    const auto group = store.get({&types::replica_set(), std::string(world.rollout.ns()), name});
    if (!group) return {};
    return std::string(group->annotation(argo::annotation_revision).value_or(""));
}

Result<Object> make_run(
    const ObjectStore& store, const ReleaseWorld& world, const StartRun& action) {
    const Object& rollout = world.rollout;
    const bool is_step = action.kind == RunKind::step;
    const json::Object* section = section_of(rollout, action);
    if (!section) return fail(ErrorKind::invalid, "the analysis is gone from the manifest");
    argo::RevisionHashes hashes = hashes_of(world);
    hashes.latest = action.revision;
    SERIN_TRY(json::Object spec, run_spec(store, rollout, *section, hashes));

    Object run(types::analysis_run(), rollout.ns(), action.name);
    run.put("/spec", std::move(spec));
    run.set_label(argo::label_hash, action.revision);
    run.set_label(argo::label_run_kind, argo::run_word_of(action.kind));
    if (is_step) run.set_label(argo::label_step_index, std::to_string(action.step.value_or(0)));
    const Object extra{*section};
    copy_texts(extra, "/analysisRunMetadata/labels", run, true);
    copy_texts(extra, "/analysisRunMetadata/annotations", run, false);
    copy_texts(rollout, "/spec/selector/matchLabels", run, true);
    if (const std::string number = revision_number(store, world, action.revision);
        !number.empty()) {
        run.set_annotation(argo::annotation_revision, number);
    }
    run.set_controller(rollout);
    return run;
}

std::vector<std::string> find_run_problems(const ObjectStore& store, const ReleaseWorld& world) {
    std::vector<std::string> problems;
    const argo::RevisionHashes hashes = hashes_of(world);
    const auto check = [&](const json::Object* section, const std::string& path) {
        if (!section) return;
        const auto spec = run_spec(store, world.rollout, *section, hashes);
        if (!spec && spec.error().kind != ErrorKind::unavailable) {
            problems.push_back(path + ": " + spec.error().message);
        }
    };
    if (world.lowered.plan.judge_from) {
        check(background_section(world.rollout), "spec.strategy.canary.analysis");
    }
    if (const auto& flip = world.lowered.plan.flip) {
        for (const auto& [is_given, name] :
             {std::pair(flip->has_judge_before, "prePromotionAnalysis"),
              std::pair(flip->has_judge_after, "postPromotionAnalysis")}) {
            if (!is_given) continue;
            check(
                flip_section(world.rollout, name), "spec.strategy.blueGreen." + std::string(name));
        }
    }
    for (std::string& problem : find_trial_problems(store, world))
        problems.push_back(std::move(problem));
    for (std::size_t i = 0; i < world.lowered.plan.steps.size(); ++i) {
        if (!std::holds_alternative<Judge>(world.lowered.plan.steps[i])) continue;
        const int index = static_cast<int>(i);
        check(
            step_section(world.rollout, index),
            "spec.strategy.canary.steps[" + std::to_string(index) + "].analysis");
    }
    return problems;
}

}  // namespace serin::control
