#include "ports/selector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace serin {

namespace {

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Splits at commas outside parentheses.
std::vector<std::string_view> split_terms(std::string_view text) {
    std::vector<std::string_view> terms;
    size_t begin = 0;
    int depth = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || (text[i] == ',' && depth == 0)) {
            terms.push_back(trimmed(text.substr(begin, i - begin)));
            begin = i + 1;
        } else if (text[i] == '(') {
            ++depth;
        } else if (text[i] == ')') {
            --depth;
        }
    }
    return terms;
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
    LabelSelector selector;
    if (trimmed(text).empty()) return selector;
    const auto invalid = [&](std::string_view term) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "'{}' in selector '{}' is not key=value, key in (a,b), key or !key", term, text));
    };
    for (const std::string_view term : split_terms(text)) {
        Requirement one;
        if (term.empty()) return invalid(term);
        if (const size_t open = term.find('('); open != std::string_view::npos) {
            if (!term.ends_with(')')) return invalid(term);
            const std::string_view head = trimmed(term.substr(0, open));
            const size_t space = head.rfind(' ');
            if (space == std::string_view::npos) return invalid(term);
            const std::string_view word = head.substr(space + 1);
            if (word != "in" && word != "notin") return invalid(term);
            one.op = word == "in" ? Operator::in : Operator::not_in;
            one.key = trimmed(head.substr(0, space));
            for (const auto value : split_terms(term.substr(open + 1, term.size() - open - 2))) {
                one.values.emplace_back(value);
            }
        } else if (const size_t equals = term.find('='); equals != std::string_view::npos) {
            const bool is_negated = equals > 0 && term[equals - 1] == '!';
            const bool is_double = equals + 1 < term.size() && term[equals + 1] == '=';
            one.op = is_negated ? Operator::not_in : Operator::in;
            one.key = trimmed(term.substr(0, equals - (is_negated ? 1 : 0)));
            one.values.emplace_back(trimmed(term.substr(equals + (is_double ? 2 : 1))));
        } else if (term.starts_with('!')) {
            one.op = Operator::does_not_exist;
            one.key = trimmed(term.substr(1));
        } else {
            one.op = Operator::exists;
            one.key = term;
        }
        if (one.key.empty() || one.key.contains(' ')) return invalid(term);
        selector.requirements_.push_back(std::move(one));
    }
    return selector;
}

Result<LabelSelector> LabelSelector::read(const json::Value& selector) {
    LabelSelector read;
    if (const json::Object* labels = json::object(json::find(selector, "/matchLabels"))) {
        for (const auto& member : *labels) {
            const auto value = json::text(&member.value());
            if (!value) return fail(ErrorKind::invalid, "matchLabels values must be strings");
            read.requirements_.push_back({member.key(), Operator::in, {std::string(*value)}});
        }
    }
    const json::Array* expressions = json::array(json::find(selector, "/matchExpressions"));
    if (expressions == nullptr) return read;
    for (const json::Value& expression : *expressions) {
        Requirement one;
        one.key = json::text(json::find(expression, "/key")).value_or("");
        const auto op = json::text(json::find(expression, "/operator")).value_or("");
        if (op == "In") {
            one.op = Operator::in;
        } else if (op == "NotIn") {
            one.op = Operator::not_in;
        } else if (op == "Exists") {
            one.op = Operator::exists;
        } else if (op == "DoesNotExist") {
            one.op = Operator::does_not_exist;
        } else {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "matchExpressions operator '{}' is none of In, NotIn, Exists, DoesNotExist",
                    op));
        }
        if (const json::Array* values = json::array(json::find(expression, "/values"))) {
            for (const json::Value& value : *values) {
                one.values.emplace_back(json::text(&value).value_or(""));
            }
        }
        read.requirements_.push_back(std::move(one));
    }
    return read;
}

LabelSelector LabelSelector::equal_to(const std::map<std::string, std::string>& labels) {
    LabelSelector selector;
    for (const auto& [key, value] : labels) {
        selector.requirements_.push_back({key, Operator::in, {value}});
    }
    return selector;
}

bool LabelSelector::matches(const std::map<std::string, std::string>& labels) const {
    return std::ranges::all_of(requirements_, [&](const Requirement& one) {
        const auto found = labels.find(one.key);
        const bool is_there = found != labels.end();
        const bool is_listed =
            is_there && std::ranges::find(one.values, found->second) != one.values.end();
        switch (one.op) {
            case Operator::in:
                return is_listed;
            case Operator::not_in:
                return !is_listed;
            case Operator::exists:
                return is_there;
            case Operator::does_not_exist:
                return !is_there;
        }
        return false;
    });
}

std::vector<std::string> LabelSelector::keys() const {
    std::vector<std::string> keys;
    for (const Requirement& one : requirements_) keys.push_back(one.key);
    return keys;
}

std::string LabelSelector::to_string() const {
    std::vector<std::string> terms;
    for (const Requirement& one : requirements_) {
        const std::string values = fmt::format("{}", fmt::join(one.values, ","));
        switch (one.op) {
            case Operator::in:
                terms.push_back(
                    one.values.size() == 1 ? fmt::format("{}={}", one.key, values)
                                           : fmt::format("{} in ({})", one.key, values));
                break;
            case Operator::not_in:
                terms.push_back(
                    one.values.size() == 1 ? fmt::format("{}!={}", one.key, values)
                                           : fmt::format("{} notin ({})", one.key, values));
                break;
            case Operator::exists:
                terms.push_back(one.key);
                break;
            case Operator::does_not_exist:
                terms.push_back("!" + one.key);
                break;
        }
    }
    return fmt::format("{}", fmt::join(terms, ","));
}

}  // namespace serin
