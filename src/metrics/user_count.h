#pragma once

#include "base/json.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <utility>

namespace serin::metrics {

// How many different users there were, up to a limit: in all, or since a moving moment. Exact while
// the limit is at most `kept_max`. For a higher one a sample of the users is kept, chosen by hash,
// such that it has `kept_max` at the limit; what is told is then three standard errors above the
// estimate: at the limit about 5 % more than there were, and less than there were once in a
// thousand releases. Memory and time do not grow with traffic.
class UserCount {
public:
    static constexpr std::uint64_t kept_max = 4096;

    explicit UserCount(std::uint64_t limit = kept_max);

    // `user` is a hash, `moment` a number that does not fall.
    void add(std::uint64_t user, std::int64_t moment);
    // Users not seen from this moment on are forgotten.
    void forget_before(std::int64_t moment);
    std::uint64_t count() const;
    bool is_exact() const;

    json::Array memory() const;
    // `invalid` if this is no such memory; it is then as it was.
    Result<> recall(const json::Array& memory);

private:
    std::uint64_t threshold_;                     // Of the hash: who is kept.
    std::map<std::uint32_t, std::int64_t> seen_;  // When last.
    std::map<std::int64_t, std::uint32_t> at_;    // How many of them at each moment.
};

}  // namespace serin::metrics
