#pragma once

#include "base/time.h"

#include <cstdint>

namespace serin::sim {

// The simulator's only source of chance (SplitMix64): equal seeds give equal sequences on every
// compiler, which the standard library's distributions do not promise.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31U);
    }

    // From `least` to `most`, both included.
    std::int64_t between(std::int64_t least, std::int64_t most) {
        const auto range = static_cast<std::uint64_t>(most - least) + 1;
        return least + static_cast<std::int64_t>(((next() >> 32U) * range) >> 32U);
    }
    bool chance(int permille) { return between(0, 999) < permille; }
    Duration duration(Duration least, Duration most) {
        return Duration(between(least.count(), most.count()));
    }

    // A sequence of its own for each part of a world, so that what one part asks for does not
    // change what another gets.
    Random fork(std::uint64_t stream) const {
        Random mixed(state_ ^ (stream * 0xd1b54a32d192ed03U));
        return Random(mixed.next());
    }

private:
    std::uint64_t state_;
};

}  // namespace serin::sim
