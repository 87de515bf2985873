#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <string>
#include <utility>
#include <vector>

// Fields that providers over HTTP have in common. Failures are `invalid` and name the field.

namespace serin::metrics {

// headers: [{key, value}].
Result<std::vector<std::pair<std::string, std::string>>> read_headers(const json::Object& config);

// The values of headers that say who asks, by their names: not for others to see.
std::vector<std::string> confidential_values(
    const std::vector<std::pair<std::string, std::string>>& headers);

// Whole seconds, also as text; `otherwise` when absent or 0.
Result<Duration> read_timeout(
    const json::Object& config, std::string_view field, Duration otherwise);

// A URL of a scheme that can be asked.
Result<> check_url(std::string_view field, std::string_view url);

// authentication.<kind> is refused unless it is absent or empty.
Result<> refuse_authentication(const json::Object& config, std::string_view kind);

}  // namespace serin::metrics
