#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace serin::metrics {

using CsvRow = std::vector<std::string>;

// Comma-separated values (RFC 4180), line breaks of either kind. An empty line is a row without
// fields. `invalid` for quotes that do not end or stand in the middle of a field.
Result<std::vector<CsvRow>> read_csv(std::string_view text);

}  // namespace serin::metrics
