#pragma once

#include "judge/slices/slices.h"

namespace serin::judge::slices {

// What a request is to the questions that its judge's specification asks: slow by what the judge
// has learnt of stable so far, and converted as the judge counts it.
std::array<std::optional<bool>, questions_max> events_of(
    std::span<const Question> questions,
    const sequential::Spec& spec,
    const sequential::State& state,
    const sequential::Outcome& outcome);

}  // namespace serin::judge::slices
