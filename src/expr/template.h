#pragma once

#include "base/json.h"
#include "base/result.h"

#include <map>
#include <set>
#include <string>

// `{{ args.name }}` in the texts of a JSON value, as AnalysisTemplates have it. The value of an
// argument is put in as it is and not looked into again.

namespace serin::expr {

using TemplateArguments = std::map<std::string, std::string, std::less<>>;

// Replaces in every text and every member's name. Fails with `invalid`: "failed to resolve
// {{args.x}}" for an argument that is not given, also for any other tag and for "{{" without "}}".
Result<json::Value> fill(const json::Value& value, const TemplateArguments& arguments);
Result<std::string> fill(std::string_view text, const TemplateArguments& arguments);

// The names a value uses. Fails with `invalid` for tags that name no argument.
Result<std::set<std::string>> arguments_used(const json::Value& value);

}  // namespace serin::expr
