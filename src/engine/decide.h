#pragma once

#include "model/decision.h"

// The release engine is one function of what is wanted and what was seen. It reads no clock, file,
// socket or global: rehearsal, production and replay of old evidence are the same computation.

namespace serin::engine {

// A decision may be lost before it is carried out: deciding again from a fresh observation leads
// to the same end state. Being called early is harmless. The next state has to be durable before
// any action is carried out.
Decision decide(const Release& release, const Observation& seen);

}  // namespace serin::engine
