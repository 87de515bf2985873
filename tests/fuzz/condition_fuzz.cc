// Conditions of AnalysisTemplates. The first line is the condition, the rest a measurement in JSON.

#include "base/check.h"
#include "expr/condition.h"
#include "expr/template.h"

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace serin;
    std::string_view rest = fuzz::text_of(data, size);
    const std::string_view source = fuzz::take_until(rest, "\n");
    const auto condition = expr::compile(source);
    SERIN_CHECK(condition.has_value() != expr::find_problem(source).has_value());
    static_cast<void>(expr::fill(source, {{"service", "shop"}, {"limit", "{{args.limit}}"}}));

    const auto measurement = json::parse(rest);
    if (!measurement) return 0;
    if (const auto used = expr::arguments_used(*measurement)) {
        expr::TemplateArguments arguments;
        for (const std::string& name : *used) arguments[name] = "1";
        SERIN_CHECK(expr::fill(*measurement, arguments).has_value());
    }
    if (!condition) return 0;
    const Instant now{std::chrono::hours(24 * 365 * 55)};
    const auto verdict = expr::evaluate_condition(*condition, *measurement, now);
    const auto again = expr::evaluate_condition(*condition, *measurement, now);
    SERIN_CHECK(verdict.has_value() == again.has_value());
    if (verdict) SERIN_CHECK(*verdict == *again);
    return 0;
}
