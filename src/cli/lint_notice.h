#pragma once

#include "base/document.h"

#include <string>
#include <vector>

namespace serin::cli {

// "3 warnings; run serin lint -f PATH" for commands that apply manifests, or empty: findings
// beyond what applying itself says.
std::string lint_notice(
    const std::vector<Document>& documents, const std::vector<std::string>& paths);

}  // namespace serin::cli
