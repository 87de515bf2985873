#pragma once

#include "judge/shadow/spec.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Three answers to one request, of which one may be the odd one in some of their fields: it
// differs from the other two, which are equal. Names of fields leave this place, values never do.

namespace serin::judge::shadow {

// Bodies are kept to this size; of what is longer, a digest is compared.
inline constexpr std::size_t body_bytes_max = std::size_t{256} * 1024;

struct Answer {
    int status = 0;  // 0: there was none, and nothing else counts.
    std::string content_type;
    std::map<std::string, std::string, std::less<>> headers;  // Names in lower case.
    std::string body;
    bool is_cut = false;     // The body goes on.
    std::uint64_t rest = 0;  // Digest of how.
};

enum class Difference { missing, type, length, value };
std::string_view to_string(Difference difference);
// `invalid` for another word.
Result<Difference> difference_from(std::string_view word);

// A field may differ in several ways, and each is a field of its own to the statistics: whether an
// optional part is there says nothing about noise in its value.
struct OddOne {
    // "answer", "status", "content-type", "header x-cache", "body", or a part of a JSON body:
    // "/items/*/price". Indexes, and names of members that look like data, are written as "*".
    std::string field;
    Difference difference = Difference::value;
    bool is_candidate = false;
    bool has_it = false;  // For `missing`: the odd one alone has it.
};

// In an order that does not depend on which is odd: what is told first matters most. Equal in what
// it finds however the three are swapped.
std::vector<OddOne> find_odd_ones(
    const Spec& spec, const Answer& candidate, const Answer& stable, const Answer& other_stable);

}  // namespace serin::judge::shadow
