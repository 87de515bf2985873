#include "manifest/validate.h"

#include "manifest/argo/lower.h"
#include "manifest/check_shape.h"
#include "manifest/findings.h"
#include "manifest/formats.h"
#include "manifest/kinds.h"
#include "manifest/rules.h"
#include "manifest/schema.h"
#include "ports/observed.h"

#include <fmt/format.h>

namespace serin::manifest {

namespace {

void check_name(const Object& object, Findings& findings) {
    if (object.name().empty()) {
        if (object.text("/metadata/generateName").empty()) {
            findings.error("/metadata/name", "required field is missing", "name the object");
        }
        return;
    }
    const ResourceType& type = *object.type();
    std::string problem;
    if (type.kind == "Service") problem = service_name_problem(object.name());
    if (type.kind == "Namespace") problem = label_name_problem(object.name());
    if (!problem.empty()) findings.error("/metadata/name", std::move(problem));
    if (!type.is_namespaced && !object.ns().empty()) {
        findings.error(
            "/metadata/namespace", fmt::format("a {} is in no namespace", type.kind), "remove it");
    }
}

void check_data_keys(const Part& object, Findings& findings) {
    for (const char* map : {"data", "binaryData", "stringData"}) {
        const Part part = object[map];
        if (!part.object()) continue;
        for (const auto& member : *part.object()) {
            const std::string key(member.key());
            std::string problem = data_key_problem(key);
            if (!problem.empty()) {
                findings.error(part[key].pointer(), "bad key: " + std::move(problem));
            }
        }
    }
}

void check_rules(const Object& object, Findings& findings) {
    const Part root(object.document());
    const Part spec = root["spec"];
    const std::string_view kind = object.kind();
    if (kind == "Rollout") check_rollout(root, findings);
    if (kind == "AnalysisTemplate" || kind == "ClusterAnalysisTemplate" || kind == "AnalysisRun") {
        check_analysis(spec, findings);
    }
    if (kind == "Experiment") check_experiment(spec, findings);
    if (kind == "ReplicaSet" || kind == "Deployment") {
        check_selector(spec, findings);
        check_pod_spec(spec["template"]["spec"], findings);
    }
    if (kind == "Job") check_job(spec, findings);
    if (kind == "Deployment") check_deployment(spec, findings);
    if (kind == "PodTemplate") check_pod_spec(root["template"]["spec"], findings);
    if (kind == "Pod") check_pod_spec(spec, findings);
    if (kind == "Service") check_service(spec, findings);
    if (kind == "Gateway") check_gateway(spec, findings);
    if (kind == "HTTPRoute") {
        check_http_route(spec, findings);
        check_retry_on_stable(root, findings);
    }
    if (kind == "ConfigMap" || kind == "Secret") check_data_keys(root, findings);
}

std::vector<Diagnostic> judge(const Object& object, const Document* document) {
    Findings findings(object.document(), document);
    const ResourceType* type = object.type();
    if (!type || !find_type(type->group, type->plural)) {
        check_kind(object, findings);
        return findings.take();
    }
    check_shape(schema_of(*type), findings);
    check_name(object, findings);
    check_rules(object, findings);
    if (type == &types::http_route()) {
        for (const ObservedProblem& problem : read_observed(object).problems) {
            const std::string key = json::escape_pointer(problem.annotation);
            findings.error("/metadata/annotations/" + key, problem.message);
        }
    }
    // Only what is sound by the API's rules is worth holding against what Serin acts on.
    if (type == &types::rollout() && !findings.has_errors()) {
        for (Diagnostic& one : argo::lower(object).diagnostics) findings.add(std::move(one));
    }
    return findings.take();
}

}  // namespace

std::vector<Diagnostic> validate(const Document& document) {
    if (const json::Object* root = json::object(&document.root)) {
        return judge(Object(*root), &document);
    }
    const Mark mark = document.mark("");
    return {
        {.file = document.file,
         .line = mark.line,
         .column = mark.column,
         .message = "is not an object",
         .suggestion = "a manifest begins with apiVersion and kind"}};
}

std::vector<Diagnostic> validate(const Object& object) {
    return judge(object, nullptr);
}

}  // namespace serin::manifest
