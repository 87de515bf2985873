#pragma once

#include <cstdint>
#include <string>

namespace serin::store {

// Makes uids and name suffixes from a seed: equal seeds give equal sequences, so a simulated store
// repeats itself, and a real one is seeded by the operating system.
class Identities {
public:
    explicit Identities(std::string seed) : seed_(std::move(seed)) {}

    std::string next_uid();
    // Five letters of Kubernetes' safe alphabet, for generateName.
    std::string next_suffix();

private:
    std::string next_seed();

    std::string seed_;
    std::uint64_t count_ = 0;
};

// 128 bits from the operating system, as text.
std::string system_seed();

}  // namespace serin::store
