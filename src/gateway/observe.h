#pragma once

#include "base/result.h"
#include "gateway/model.h"

#include <string>
#include <vector>

// How the data plane notes what a route's author wants to be told of each request.

namespace serin::gateway {

// Of one rule: the lines of its frontend that keep the values until the record is written. Values
// are escaped as in JSON and cut to 64 bytes; of a user only a hash by `user_key` is kept.
std::vector<std::string> observe_lines(
    const Observed& observed, const std::string& condition, const std::string& user_key);

}  // namespace serin::gateway
