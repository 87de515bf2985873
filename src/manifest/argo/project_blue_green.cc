#include "manifest/argo/project_blue_green.h"

#include "manifest/argo/project_words.h"

#include <algorithm>

namespace serin::argo {

namespace {

json::Value run_value(const RunNote& note) {
    json::Object value{
        {"name", json::string(note.name)}, {"status", json::string(word_of(note.phase))}};
    if (!note.message.empty()) value["message"] = json::string(note.message);
    return value;
}

std::optional<RunNote> read_run(const Object& rollout, const std::string& pointer) {
    const std::string_view name = rollout.text(pointer + "/name");
    if (name.empty()) return std::nullopt;
    return RunNote{
        .name = std::string(name),
        .phase = run_phase_of(rollout.text(pointer + "/status")),
        .message = std::string(rollout.text(pointer + "/message")),
    };
}

const RevisionSeen* active_of(const ReleaseState& state, const Observation& seen) {
    if (!state.flip) return nullptr;
    const auto found = std::ranges::find(seen.revisions, state.flip->serving, &RevisionSeen::id);
    return found == seen.revisions.end() ? nullptr : &*found;
}

}  // namespace

json::Object project_blue_green(const Lowered& lowered, const ReleaseState& state) {
    json::Object status;
    if (!state.flip || !lowered.plan.flip) return status;
    const FlipNote& note = *state.flip;
    if (!note.serving.empty()) status["activeSelector"] = json::string(note.serving);
    if (!note.previewed.empty()) status["previewSelector"] = json::string(note.previewed);
    if (note.is_cleared && lowered.plan.flip->preview_replicas) {
        status["scaleUpPreviewCheckPoint"] = true;
    }
    if (note.before_run) status["prePromotionAnalysisRunStatus"] = run_value(*note.before_run);
    if (note.after_run) status["postPromotionAnalysisRunStatus"] = run_value(*note.after_run);
    return status;
}

json::Object project_flip_memory(const FlipNote& note) {
    json::Object memory;
    if (note.is_cleared) memory["cleared"] = true;
    if (note.is_known) memory["known"] = true;
    if (!note.former.empty()) {
        json::Array former;
        for (const std::string& revision : note.former) former.push_back(json::string(revision));
        memory["former"] = std::move(former);
    }
    return memory;
}

void read_blue_green(const Object& rollout, ReleaseState& state) {
    const json::Object* status = json::object(rollout.find("/status/blueGreen"));
    const json::Object* memory = json::object(rollout.find("/status/serin/flip"));
    if ((!status || status->empty()) && !memory) return;
    FlipNote note{
        .serving = std::string(rollout.text("/status/blueGreen/activeSelector")),
        .previewed = std::string(rollout.text("/status/blueGreen/previewSelector")),
        .is_cleared = rollout.boolean("/status/serin/flip/cleared"),
        .is_known = rollout.boolean("/status/serin/flip/known"),
        .before_run = read_run(rollout, "/status/blueGreen/prePromotionAnalysisRunStatus"),
        .after_run = read_run(rollout, "/status/blueGreen/postPromotionAnalysisRunStatus"),
    };
    if (const json::Array* former = json::array(rollout.find("/status/serin/flip/former"))) {
        for (const json::Value& revision : *former) {
            if (const auto id = json::text(&revision)) note.former.emplace_back(*id);
        }
    }
    // Taken over from Argo's controller, which remembers less: what it has switched, it had
    // checked.
    if (!rollout.find("/status/serin") && !state.is_aborted && note.serving == state.candidate) {
        note.is_cleared = note.serving != state.stable;
    }
    state.flip = std::move(note);
}

int active_replicas(const ReleaseState& state, const Observation& seen) {
    const RevisionSeen* active = active_of(state, seen);
    return active ? active->current : state.counts.current;
}

bool is_active_saturated(const ReleaseState& state, const Observation& seen) {
    const RevisionSeen* active = active_of(state, seen);
    return active && active->desired >= seen.replicas && active->available >= seen.replicas;
}

bool is_cut_over(const Lowered& lowered, const ReleaseState& state) {
    if (!state.flip || state.flip->serving != state.candidate) return false;
    return !lowered.plan.has_candidate_service || state.flip->previewed == state.candidate;
}

std::string blue_green_wait(const ReleaseState& state) {
    if (!state.flip || state.flip->serving != state.candidate) {
        return "active service cutover pending";
    }
    if (state.stable == state.candidate) return {};
    const auto& run = state.flip->after_run;
    return run && is_completed(run->phase) ? "waiting for post-promotion verification to complete"
                                           : "waiting for analysis to complete";
}

}  // namespace serin::argo
