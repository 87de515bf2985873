#pragma once

#include "rehearse/chance.h"
#include "rehearse/settings.h"
#include "rehearse/subject.h"
#include "sim/loop.h"
#include "store/memory.h"

#include <cstdint>
#include <string>

namespace serin::rehearse {

inline constexpr std::string_view hash_pointer = "/spec/selector/rollouts-pod-template-hash";

// What all actors of one rehearsal share.
struct Scene {
    Scene(const Subject& rehearsed, const Settings& assumed, std::uint64_t seed);

    const Subject& subject;
    const Settings& settings;
    Chance chance;
    sim::Loop loop;
    store::MemoryStore store;
    store::MemoryEvidenceLog evidence;
    std::string old_revision;        // Empty until it serves; every other one is new.
    Instant began = Instant::max();  // When the new version was applied.

    bool is_new(std::string_view revision) const {
        return !old_revision.empty() && !revision.empty() && revision != old_revision;
    }
    Duration since_start() const { return loop.now() < began ? Duration(-1) : loop.now() - began; }
    // The fault of this kind that goes on now; null when none does.
    const Fault* current(Fault::Kind kind) const;
};

}  // namespace serin::rehearse
