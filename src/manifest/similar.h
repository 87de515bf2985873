#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace serin::manifest {

// The candidate that `text` is most likely a misspelling of, or empty. Case alone never counts as
// a difference.
std::string most_similar(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace serin::manifest
