#pragma once

#include "base/json.h"

#include <string_view>

// What an unquoted YAML scalar means: the one rule that reading and printing share.

namespace serin {

struct PlainScalar {
    json::Value value;
    // Why a person may have meant something else, or empty; static text.
    std::string_view surprise;
    bool is_finite = true;  // False for .inf and .nan, which JSON cannot hold.
};

// Null, true/false in the three usual spellings, integers (decimal, 0x, 0o, 0b, leading-zero octal,
// with underscores), floats; everything else is a string. An integer beyond 64 bits is a float.
PlainScalar resolve_plain(std::string_view text);

}  // namespace serin
