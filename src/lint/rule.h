#pragma once

#include <span>
#include <string_view>

// The rules that `serin lint` knows, by name. docs/reference/lint.md explains each; a test holds
// the page and this table together.

namespace serin::lint {

enum class Level {
    info,     // Worth knowing; changes no exit code.
    warning,  // Accepted, and probably not what was meant.
    error,    // Refused when applied.
};

std::string_view to_string(Level level);

struct Rule {
    std::string_view name;
    Level level = Level::warning;  // Where a finding does not say otherwise.
    std::string_view summary;      // One clause, for machines that list rules (SARIF).
};

std::span<const Rule> rules();
// Null when there is none of that name.
const Rule* find_rule(std::string_view name);

}  // namespace serin::lint
