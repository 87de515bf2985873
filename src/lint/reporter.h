#pragma once

#include "lint/finding.h"
#include "lint/sources.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin::lint {

// Collects findings. The same finding at the same place is kept once, however many releases lead
// to it.
class Reporter {
public:
    // REQUIRES: `rule` is in the table.
    void add(
        std::string_view rule,
        const Source& source,
        std::string_view pointer,
        std::string message,
        std::string suggestion = {},
        std::optional<Level> level = std::nullopt);
    // One with its place, from a reader.
    void add(std::string_view rule, Diagnostic diagnostic);

    // By file, line and column.
    std::vector<Finding> take();

private:
    void keep(Finding finding);

    std::vector<Finding> found_;
};

}  // namespace serin::lint
