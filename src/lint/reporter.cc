#include "lint/reporter.h"

#include "base/check.h"
#include "manifest/findings.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace serin::lint {

void Reporter::add(
    std::string_view rule,
    const Source& source,
    std::string_view pointer,
    std::string message,
    std::string suggestion,
    std::optional<Level> level) {
    const Rule* known = find_rule(rule);
    SERIN_CHECK(known != nullptr);
    const Mark mark = source.document->mark(pointer);
    keep(
        {.rule = known,
         .level = level.value_or(known->level),
         .at =
             {.file = source.document->file,
              .line = mark.line,
              .column = mark.column,
              .path = manifest::path_of(source.object.document(), pointer),
              .message = std::move(message),
              .suggestion = std::move(suggestion)},
         .ignored_because = std::nullopt});
}

void Reporter::add(std::string_view rule, Diagnostic diagnostic) {
    const Rule* known = find_rule(rule);
    SERIN_CHECK(known != nullptr);
    keep(
        {.rule = known,
         .level = known->level,
         .at = std::move(diagnostic),
         .ignored_because = std::nullopt});
}

void Reporter::keep(Finding finding) {
    found_.push_back(std::move(finding));
}

std::vector<Finding> Reporter::take() {
    const auto key = [](const Finding& one) {
        return std::tuple(one.rule->name, one.at.file, one.at.line, one.at.path, one.at.message);
    };
    std::set<decltype(key(found_.front()))> seen;
    std::erase_if(found_, [&](const Finding& one) { return !seen.insert(key(one)).second; });
    std::ranges::stable_sort(found_, [](const Finding& left, const Finding& right) {
        return std::tie(left.at.file, left.at.line, left.at.column, left.rule->name) <
               std::tie(right.at.file, right.at.line, right.at.column, right.rule->name);
    });
    return std::move(found_);
}

}  // namespace serin::lint
