#pragma once

#include "base/json.h"

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

// Differs when the steps differ; the same for null and an empty list.
std::string steps_digest(const json::Value* steps);

}  // namespace serin::argo
