#include "cli/output.h"

#include "base/check.h"

#include <fmt/format.h>

namespace serin::cli {

Result<Format> read_format(const std::string& text) {
    if (text.empty()) return Format::text;
    if (text == "json") return Format::json;
    if (text == "yaml") return Format::yaml;
    if (text == "name") return Format::name;
    if (text == "wide") return Format::wide;
    return fail(
        ErrorKind::invalid, fmt::format("-o {}: the forms are json, yaml, name and wide", text));
}

void print_document(const json::Value& value, Format format) {
    SERIN_CHECK(format == Format::json || format == Format::yaml);
    if (format == Format::json) {
        fmt::print("{}\n", json::print_pretty(value));
    } else {
        fmt::print("{}", json::print_yaml(value));
    }
}

}  // namespace serin::cli
