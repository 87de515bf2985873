#include "manifest/argo/workload.h"

#include "manifest/argo/names.h"
#include "manifest/deployment/names.h"

#include <string>
#include <utility>

namespace serin::argo {

namespace {

const ResourceType* pod_template() {
    return find_type("", "podtemplates");
}

}  // namespace

std::optional<ObjectKey> workload_of(const Object& rollout) {
    const std::string_view kind = rollout.text("/spec/workloadRef/kind");
    for (const ResourceType* type : {&types::deployment(), &types::replica_set(), pod_template()}) {
        if (type && type->kind != kind) continue;
        return ObjectKey{
            type, std::string(rollout.ns()), std::string(rollout.text("/spec/workloadRef/name"))};
    }
    return std::nullopt;
}

Object with_template_of(Object rollout, const Object& workload) {
    const bool is_pod_template = workload.type() == pod_template();
    const json::Value* pods = workload.find(is_pod_template ? "/template" : "/spec/template");
    json::Value copy = pods ? *pods : json::Value(json::Object());
    // What a ReplicaSet of somebody else's added for itself is none of the template's.
    if (json::Object* object = copy.if_object()) {
        for (const std::string_view label : {label_hash, deployment::label_hash}) {
            json::erase(*object, "/metadata/labels/" + json::escape_pointer(label));
        }
    }
    rollout.put("/spec/template", std::move(copy));
    if (rollout.find("/spec/selector")) return rollout;
    json::Value selector = json::Object();
    if (const json::Value* given = workload.find("/spec/selector")) {
        selector = *given;
    } else if (const json::Value* labels = rollout.find("/spec/template/metadata/labels")) {
        selector = json::Object{{"matchLabels", *labels}};
    }
    if (json::Object* object = selector.if_object()) {
        json::erase(*object, "/matchLabels/" + json::escape_pointer(deployment::label_hash));
        json::erase(*object, "/matchLabels/" + json::escape_pointer(label_hash));
    }
    rollout.put("/spec/selector", std::move(selector));
    return rollout;
}

}  // namespace serin::argo
