#pragma once

#include "base/diagnostic.h"
#include "manifest/argo/lower.h"
#include "ports/object.h"

#include <optional>
#include <string>
#include <vector>

namespace serin::rehearse {

// What is rehearsed: one Rollout with the objects around it, going from a version that serves to
// the one that the manifest describes.
struct Subject {
    std::vector<Object>
        objects;     // All but the Rollout, in the order of the files; of the old version.
    Object rollout;  // As it is wanted: the new version.
    Object former;   // The same with a pod template that differs: the old version.
    std::optional<Object>
        workload;  // As it is wanted, where the Rollout takes its template from one.
    argo::Lowered lowered;
    bool is_blue_green = false;

    std::string ns() const { return std::string(rollout.ns()); }
    std::string name() const { return std::string(rollout.name()); }
    ObjectKey key() const { return rollout.key(); }
    // The name requests carry: the route's where the manifest names one.
    std::string route() const;
};

struct SubjectRead {
    Subject subject;                      // Of use only without errors.
    std::vector<Diagnostic> diagnostics;  // All that is wrong with the manifests.
};

// Reads manifests as `serin up` does and takes the only Rollout among them, or the one named
// `rollout`.
SubjectRead read_subject(
    const std::vector<std::string>& paths, const std::string& ns, const std::string& rollout);

}  // namespace serin::rehearse
