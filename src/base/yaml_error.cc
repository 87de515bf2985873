#include "base/yaml_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace serin {

namespace {

struct Explanation {
    std::string_view problem;  // A part of libyaml's text.
    std::string_view context;  // The same for its context; empty: any.
    std::string_view message;
    std::string_view suggestion;
    bool starts_at_context = false;  // The fault lies where the construct began.
};

// The first that fits.
constexpr Explanation explanations[] = {
    {"unexpected end of stream",
     "quoted scalar",
     "the quote is never closed",
     "add the closing quote",
     true},
    {"unexpected document indicator",
     "quoted scalar",
     "the quote is never closed",
     "add the closing quote",
     true},
    {"tab character", "", "a tab character indents this line", "use spaces"},
    {"unknown escape character",
     "",
     "unknown escape in double quotes",
     "double the backslash, or use single quotes"},
    {"mapping values are not allowed",
     "",
     "a ':' is not expected here",
     "align this line with its neighbours, or quote a text that has ': ' in it"},
    {"could not find expected ':'",
     "",
     "this line is no 'key: value'",
     "add the ':' and a space after the key, or indent a text over several lines",
     true},
    {"did not find expected key",
     "block mapping",
     "wrong indentation or an unexpected text",
     "align this line with the other keys"},
    {"did not find expected '-' indicator",
     "",
     "wrong indentation: a list item '- ' belongs here",
     "align this line with the other items"},
    {"block sequence entries are not allowed",
     "",
     "a list item '- ' is not expected here",
     "begin the list on its own line, indented below its key"},
    {"did not find expected ',' or ']'", "", "the list is not closed", "add ',' or ']'"},
    {"did not find expected ',' or '}'", "", "the mapping is not closed", "add ',' or '}'"},
    {"did not find expected node content", "flow", "a value is missing", "remove the extra ','"},
    {"did not find expected <document start>",
     "",
     "text after the end of the document",
     "separate documents with a line '---', or correct the indentation"},
    {"undefined tag handle", "", "unsupported tag", "remove the tag"},
    {"incompatible YAML document",
     "",
     "only YAML 1.1 and 1.2 can be read",
     "remove the %YAML line"},
    {"control characters are not allowed",
     "",
     "a control character is not allowed",
     "remove it, or write it as an escape in double quotes"},
    {"UTF-8", "", "the text is not UTF-8", "save the file as UTF-8"},
    {"UTF-16", "", "the text is not UTF-8", "save the file as UTF-8"},
    {"surrogate", "", "the text is not UTF-8", "save the file as UTF-8"},
};

std::string_view view(const char* text) {
    return text == nullptr ? "" : text;
}

std::string_view line_of(std::string_view text, size_t index) {
    const size_t at = std::min(index, text.size());
    const size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
}

bool is_indented_by_tab(std::string_view line) {
    return line.substr(0, line.find_first_not_of(" \t")).contains('\t');
}

void place_at(Diagnostic& diagnostic, const yaml_mark_t& mark) {
    diagnostic.line = static_cast<int>(mark.line) + 1;
    diagnostic.column = static_cast<int>(mark.column) + 1;
}

// The reader of bytes has no line and column, only an offset.
void place_at(Diagnostic& diagnostic, std::string_view text, size_t offset) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    diagnostic.line = static_cast<int>(std::ranges::count(before, '\n')) + 1;
    diagnostic.column = static_cast<int>(before.size() - (before.rfind('\n') + 1)) + 1;
}

void explain_character(Diagnostic& diagnostic, char character) {
    diagnostic.message = fmt::format("an unquoted text cannot start with '{}'", character);
    diagnostic.suggestion = "quote the text";
}

}  // namespace

Diagnostic explain_yaml_error(const yaml_parser_t& parser, std::string_view text) {
    const std::string_view problem = view(parser.problem);
    const std::string_view context = view(parser.context);
    Diagnostic diagnostic;
    if (parser.error == YAML_MEMORY_ERROR) {
        diagnostic.message = "the text is too large to read";
        return diagnostic;
    }
    if (parser.error == YAML_READER_ERROR) {
        place_at(diagnostic, text, parser.problem_offset);
    } else {
        place_at(diagnostic, parser.problem_mark);
    }

    const size_t index = std::min(parser.problem_mark.index, text.size());
    const char character = index < text.size() ? text[index] : '\0';
    const bool is_syntax = parser.error != YAML_READER_ERROR;
    if (is_syntax && is_indented_by_tab(line_of(text, index))) {
        diagnostic.message = "a tab character indents this line";
        diagnostic.suggestion = "use spaces";
        return diagnostic;
    }
    if (problem.contains("cannot start any token") && std::string_view("@`%").contains(character)) {
        explain_character(diagnostic, character);
        return diagnostic;
    }
    const auto* found = std::ranges::find_if(explanations, [&](const Explanation& one) {
        return problem.contains(one.problem) && context.contains(one.context);
    });
    if (found == std::end(explanations)) {
        diagnostic.message = fmt::format("not YAML: {}", problem);
        return diagnostic;
    }
    if (found->starts_at_context) place_at(diagnostic, parser.context_mark);
    diagnostic.message = found->message;
    diagnostic.suggestion = found->suggestion;
    return diagnostic;
}

}  // namespace serin
