#pragma once

#include "ports/evidence_log.h"

#include <string>
#include <vector>

namespace serin::evidence {

// The entries as a page to read, in their order: when, where the release stood, what was decided
// and why, the numbers, and what was done. An entry it does not understand is shown with its rule.
std::string render_timeline(const std::vector<EvidenceEntry>& entries);

}  // namespace serin::evidence
