#include "manifest/argo/lower_blue_green.h"

#include "manifest/argo/fields.h"

#include <chrono>

namespace serin::argo {

namespace {

// Without templates an analysis is none.
bool has_templates(const json::Object& blue_green, std::string_view name) {
    const json::Object* analysis = Fields::object_at(blue_green, name);
    const json::Array* templates =
        analysis ? json::array(analysis->if_contains("templates")) : nullptr;
    return templates && !templates->empty();
}

}  // namespace

void lower_blue_green(const json::Object& blue_green, Lowered& out) {
    using std::chrono::seconds;
    const std::string path = "spec.strategy.blueGreen";
    Fields fields(out.diagnostics);
    fields.allow(
        blue_green,
        path,
        {"activeService",
         "previewService",
         "previewReplicaCount",
         "autoPromotionEnabled",
         "autoPromotionSeconds",
         "scaleDownDelaySeconds",
         "scaleDownDelayRevisionLimit",
         "abortScaleDownDelaySeconds",
         "maxUnavailable",
         "prePromotionAnalysis",
         "postPromotionAnalysis",
         "antiAffinity",
         "activeMetadata",
         "previewMetadata"});
    Plan& plan = out.plan;
    out.stable_service = Fields::text(blue_green, "activeService");
    out.candidate_service = Fields::text(blue_green, "previewService");
    plan.has_stable_service = !out.stable_service.empty();
    plan.has_candidate_service = !out.candidate_service.empty();
    if (!plan.has_stable_service) fields.error(path + ".activeService", "missing");
    if (plan.has_stable_service && out.stable_service == out.candidate_service) {
        fields.error(path + ".previewService", "must differ from activeService");
    }
    plan.surge = {.value = 0, .is_percent = false};
    plan.unavailable = fields.amount(blue_green, "maxUnavailable", path);

    Flip flip;
    flip.preview_replicas = fields.optional_integer(blue_green, "previewReplicaCount", path);
    flip.is_automatic =
        json::boolean(blue_green.if_contains("autoPromotionEnabled")).value_or(true);
    flip.wait = seconds(fields.integer(blue_green, "autoPromotionSeconds", path, 0));
    flip.has_judge_before = has_templates(blue_green, "prePromotionAnalysis");
    flip.has_judge_after = has_templates(blue_green, "postPromotionAnalysis");
    if (const auto delay = fields.optional_integer(blue_green, "scaleDownDelaySeconds", path)) {
        flip.retire_delay = seconds(*delay);
    }
    flip.retire_limit = fields.optional_integer(blue_green, "scaleDownDelayRevisionLimit", path);
    if (const auto keep = fields.optional_integer(blue_green, "abortScaleDownDelaySeconds", path)) {
        flip.abort_keep = seconds(*keep);
        flip.keeps_aborted = *keep == 0;  // Not "at once": "never".
    }
    plan.flip = flip;
}

}  // namespace serin::argo
