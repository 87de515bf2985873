#pragma once

#include "model/observation.h"
#include "model/release.h"

#include <optional>
#include <string_view>

// The dialect's words for the model's, one table for both ways.

namespace serin::argo {

std::string_view word_of(HoldKind kind);
std::optional<HoldKind> hold_of(std::string_view word);

std::string_view word_of(RunPhase phase);
RunPhase run_phase_of(std::string_view word);  // Unknown words count as pending.

// The label of a run.
std::string_view run_word_of(RunKind kind);
RunKind run_kind_of(std::string_view word);  // Unknown words count as background.

std::string_view reason_of(Progress::Kind kind);
Progress::Kind progress_of(std::string_view reason);  // Unknown ones count as none.

// Serin's own words, in status.serin.
std::string_view word_of(AbortCause::Kind kind);
std::optional<AbortCause::Kind> abort_of(std::string_view word);

}  // namespace serin::argo
