#pragma once

#include "cli/copied_store.h"

#include <string>
#include <vector>

namespace serin::cli {

// What one Rollout's next turns would write, had Serin's controller the cluster as it is now.
struct Foreseen {
    struct Change {
        std::string object;  // "ReplicaSet shop-687d76d795"; "status" is the Rollout's own.
        std::string path;    // "/spec/replicas"; empty: the whole object.
        std::string from;    // JSON; empty: nothing there.
        std::string to;
    };
    std::string ns;
    std::string name;
    std::string phase;            // As it is now.
    std::vector<Change> changes;  // What users, pods or people would notice.
    std::vector<Change> notes;    // Annotations and the like.
    std::string problem;          // Why Serin would refuse the manifest, or could not say.
    std::vector<std::string> warnings;

    bool is_clean() const { return changes.empty() && problem.empty(); }
};

// Takes turns with the real controller on the copy until nothing changes any more; time stands
// still at `now`. Plugins are not asked.
Foreseen foresee(CopiedStore& store, const Object& rollout, Instant now);

}  // namespace serin::cli
