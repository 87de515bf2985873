#pragma once

#include "base/json.h"
#include "lint/finding.h"

#include <string>
#include <vector>

namespace serin::cli {

// One finding a line: "file:12:9: warning: path: message (suggestion) [rule]", those passed over
// with their reason, and a last line with the counts.
std::string to_text(const std::vector<lint::Finding>& findings);

// {"findings": [...], "summary": {"errors": 0, "warnings": 1, "infos": 2, "ignored": 0}}.
json::Value to_json(const std::vector<lint::Finding>& findings);

// SARIF 2.1.0, as code review tools read it.
json::Value to_sarif(const std::vector<lint::Finding>& findings, const std::string& version);

}  // namespace serin::cli
