#pragma once

#include "base/diagnostic.h"
#include "lint/rule.h"

#include <optional>
#include <string>

namespace serin::lint {

// What a rule found, where, and what to do about it.
struct Finding {
    const Rule* rule = nullptr;
    Level level = Level::warning;
    Diagnostic at;  // Its severity counts for nothing; `level` says it.
    // Why the object's author wants this one passed over (annotation serin.dev/lint-ignore).
    std::optional<std::string> ignored_because;
};

}  // namespace serin::lint
