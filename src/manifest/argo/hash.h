#pragma once

#include "base/json.h"

#include <optional>
#include <string>

// Which revision a pod template is. Revisions are compared by their templates: the id only has to
// differ when templates do, and is never computed for a revision that exists already. So objects
// that another controller left, with ids of its own making, are adopted.

namespace serin::argo {

// In the alphabet of pod-template hashes. The label that carries the id does not count. Another
// `attempt` gives another id, for the rare case that two templates' ids collide.
std::string template_id(const json::Value& pod_template, int attempt = 0);

// Equal but for the label that carries the id.
bool is_same_template(const json::Value& left, const json::Value& right);

// Equal for equal templates, and for no others. A group of replicas carries the digest of the
// template it was made from, because a cluster fills in defaults, and webhooks add to it: what it
// has then is not equal to what was asked for any more.
std::string template_digest(const json::Value& pod_template);

// What Argo's controller notes about these steps (FNV over Go's JSON), so that either controller
// sees that the other one's steps are its own. Empty when a step's printing differs between its
// versions: analyses, experiments, mirror routes, plugins, and texts that Go escapes.
std::optional<std::string> argo_steps_hash(const json::Value* steps);

// Differs when the steps differ; the same for null and an empty list. Argo's, where it is known.
std::string steps_digest(const json::Value* steps);

}  // namespace serin::argo
