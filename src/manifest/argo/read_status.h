#pragma once

#include "model/release.h"
#include "ports/object.h"

namespace serin::argo {

// Where a release stands, from a Rollout's status: the reverse of `project`, for whatever clients
// (or Argo's own controller) wrote in between. Whatever cannot be read counts as absent.
ReleaseState read_status(const Object& rollout);

// Whether the status tells of the manifest as it is: whoever wrote it had followed this generation,
// the template of a workload that it refers to included. Then the revision and the steps that it
// names are the manifest's, however their hashes were made.
bool is_of_this_generation(const Object& rollout);

}  // namespace serin::argo
