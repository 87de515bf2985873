#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace serin::node {

// The whole file. `not_found` when there is none, `unavailable` when it cannot be read.
Result<std::string> read_file(const std::string& path);

// Replaces the file as a whole: readers and crashes see the old text or the new one. Mode 0600.
Result<> write_file(const std::string& path, std::string_view text);

}  // namespace serin::node
