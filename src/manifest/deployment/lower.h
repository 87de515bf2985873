#pragma once

#include "model/plan.h"
#include "ports/object.h"

// A Deployment as a plan: no steps and no router, replicas renewed within surge and unavailable.

namespace serin::deployment {

struct Lowered {
    Plan plan;
    int replicas = 1;
};

// Types and ranges are judged when the Deployment is applied; what cannot be read here counts as
// absent, and what is absent has Kubernetes' default.
Lowered lower(const Object& deployment);

}  // namespace serin::deployment
