#pragma once

#include "control/release_observe.h"
#include "evidence/record.h"
#include "model/decision.h"
#include "ports/evidence_log.h"

namespace serin::control {

// The decision with what it was made from. `after` is the status to be written.
evidence::Record make_record(
    const ReleaseWorld& world,
    const ReleaseState& before,
    const Decision& decision,
    const json::Object& after);

// Appends the record. The id derives from the Rollout's version and the decision, so a turn that
// is repeated after a crash or a failed write appends nothing new. Decisions that change nothing
// and do nothing leave no entry.
Result<> append_record(
    EvidenceLog& log,
    const ReleaseWorld& world,
    const ReleaseState& before,
    const Decision& decision,
    const json::Object& after);

}  // namespace serin::control
