#pragma once

#include "model/release.h"
#include "ports/object.h"

namespace serin::argo {

// Where a release stands, from a Rollout's status: the reverse of `project`, for whatever clients
// (or Argo's own controller) wrote in between. Whatever cannot be read counts as absent.
ReleaseState read_status(const Object& rollout);

}  // namespace serin::argo
