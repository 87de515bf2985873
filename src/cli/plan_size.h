#pragma once

#include "base/json.h"
#include "base/result.h"
#include "cli/commands.h"

#include <string>

namespace serin::cli {

// What a canary can show with this traffic, as the document that `-o json` prints. Fails with
// `invalid`, naming the option.
Result<json::Object> plan_size(const SizeOptions& options);

std::string to_text_of_size(const json::Object& plan);

}  // namespace serin::cli
