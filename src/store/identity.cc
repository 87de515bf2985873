#include "store/identity.h"

#include "base/check.h"
#include "base/digest.h"

#include <fmt/format.h>

#include <array>
#include <sys/random.h>

namespace serin::store {

std::string Identities::next_seed() {
    return fmt::format("{}/{}", seed_, ++count_);
}

std::string Identities::next_uid() {
    return uuid_from(next_seed());
}

std::string Identities::next_suffix() {
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::uint64_t bits = std::stoull(sha256_hex(next_seed()).substr(0, 12), nullptr, 16);
    std::string suffix;
    for (int i = 0; i < 5; ++i) {
        suffix += alphabet[bits % alphabet.size()];
        bits /= alphabet.size();
    }
    return suffix;
}

std::string system_seed() {
    std::array<std::uint64_t, 2> bits{};
    SERIN_CHECK(getrandom(bits.data(), sizeof(bits), 0) == sizeof(bits));
    return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

}  // namespace serin::store
