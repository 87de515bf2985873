#pragma once

#include "base/diagnostic.h"
#include "base/json.h"
#include "ports/object.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

// What the role of a revision adds to its ReplicaSet's template: labels and annotations that come
// and go without a restart, and a wish of new pods to stay away from those of the stable revision.
// Neither makes another revision: templates are compared without them.

namespace serin::argo {

struct PodMetadata {
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;

    bool empty() const { return labels.empty() && annotations.empty(); }
    friend bool operator==(const PodMetadata&, const PodMetadata&) = default;
};

// {"labels": {...}, "annotations": {...}}; what is no text is left out.
PodMetadata read_pod_metadata(const json::Value* value);
// What an earlier turn has added to this ReplicaSet.
PodMetadata added_metadata(const Object& group);
json::Object to_json(const PodMetadata& metadata);

// Labels and annotations that the pod template has itself are not for a role to change. `path` is
// that of the metadata.
void check_pod_metadata(
    const PodMetadata& metadata,
    const Object& rollout,
    const std::string& path,
    std::vector<Diagnostic>& diagnostics);

// Adds the term that spec.strategy's `anti_affinity` asks for.
void add_anti_affinity(
    const json::Object& anti_affinity, std::string_view stable, json::Value& pod_template);

// The ReplicaSet's template as the manifest had it: without what its role added.
json::Value plain_template(const Object& group);
// Whether that is `pod_template`, as is_same_template (argo/hash.h) compares.
bool has_plain_template(const Object& group, const json::Value& pod_template);

}  // namespace serin::argo
