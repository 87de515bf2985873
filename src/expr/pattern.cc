#include "expr/pattern.h"

#include <fmt/format.h>

#include <re2/re2.h>

namespace serin::expr {

Result<std::shared_ptr<const re2::RE2>> compile_pattern(const std::string& text) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1U << 20U);
    auto pattern = std::make_shared<const RE2>(text, options);
    if (pattern->ok()) return pattern;
    return fail(ErrorKind::invalid, fmt::format("error parsing regexp: {}", pattern->error()));
}

bool matches(const re2::RE2& pattern, const std::string& text) {
    return RE2::PartialMatch(text, pattern);
}

}  // namespace serin::expr
