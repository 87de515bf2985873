#pragma once

#include "base/result.h"

#include <memory>
#include <string>

namespace re2 {
class RE2;
}

// Regular expressions as Go has them, matched in linear time.

namespace serin::expr {

Result<std::shared_ptr<const re2::RE2>> compile_pattern(const std::string& text);

// Anywhere in the text.
bool matches(const re2::RE2& pattern, const std::string& text);

}  // namespace serin::expr
