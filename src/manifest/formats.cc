#include "manifest/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace serin::manifest {

namespace {

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_lower_alphanumeric(char c) {
    return is_lower(c) || is_digit(c);
}

std::string too_long(std::string_view text, std::size_t most) {
    if (text.size() <= most) return {};
    return fmt::format("is {} characters long, more than {}", text.size(), most);
}

// Lower-case letters and digits, '-' between them.
bool is_dns_label(std::string_view text) {
    return !text.empty() && is_lower_alphanumeric(text.front()) &&
           is_lower_alphanumeric(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_lower_alphanumeric(c) || c == '-'; });
}

bool is_qualified_name(std::string_view text) {
    return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::ranges::all_of(
               text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

constexpr std::string_view label_hint = "must be lower-case letters, digits and '-' between them";

}  // namespace

std::string subdomain_problem(std::string_view text) {
    if (auto problem = too_long(text, 253); !problem.empty()) return problem;
    std::string_view rest = text;
    while (true) {
        const auto dot = rest.find('.');
        if (!is_dns_label(rest.substr(0, dot))) {
            return "must be lower-case letters, digits, '-' and '.' between them";
        }
        if (dot == rest.npos) return {};
        rest.remove_prefix(dot + 1);
    }
}

std::string label_name_problem(std::string_view text) {
    if (auto problem = too_long(text, 63); !problem.empty()) return problem;
    return is_dns_label(text) ? std::string() : std::string(label_hint);
}

std::string service_name_problem(std::string_view text) {
    if (auto problem = label_name_problem(text); !problem.empty()) return problem;
    return is_lower(text.front()) ? std::string() : "must begin with a letter";
}

std::string port_name_problem(std::string_view text) {
    if (auto problem = too_long(text, 15); !problem.empty()) return problem;
    if (!is_dns_label(text) || text.contains("--")) return std::string(label_hint);
    return std::ranges::any_of(text, is_lower) ? std::string() : "must contain a letter";
}

std::string data_key_problem(std::string_view text) {
    if (auto problem = too_long(text, 253); !problem.empty()) return problem;
    const bool has_only_valid = !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
    if (!has_only_valid) return "must be letters, digits, '-', '_' and '.'";
    return text == "." || text == ".." ? "must not be '.' or '..'" : std::string();
}

std::string label_key_problem(std::string_view text) {
    const auto slash = text.find('/');
    if (slash != text.npos) {
        if (!subdomain_problem(text.substr(0, slash)).empty()) {
            return "the part before '/' must be a DNS name";
        }
        text.remove_prefix(slash + 1);
    }
    if (auto problem = too_long(text, 63); !problem.empty()) return problem;
    if (is_qualified_name(text)) return {};
    return "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
}

std::string label_value_problem(std::string_view text) {
    if (text.empty()) return {};
    if (auto problem = too_long(text, 63); !problem.empty()) return problem;
    if (is_qualified_name(text)) return {};
    return "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
}

std::string quantity_problem(std::string_view text) {
    constexpr std::array suffixes = std::to_array<std::string_view>(
        {"", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"});
    constexpr std::string_view hint = "must be a quantity such as 500m, 0.5, 64Mi or 1G";
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    std::size_t digits = 0;
    std::size_t dots = 0;
    while (!text.empty() && (is_digit(text.front()) || text.front() == '.')) {
        (text.front() == '.' ? dots : digits) += 1;
        text.remove_prefix(1);
    }
    if (digits == 0 || dots > 1) return std::string(hint);
    if (text.size() > 1 && (text.front() == 'e' || text.front() == 'E')) {
        std::string_view exponent = text.substr(1);
        if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
        if (!exponent.empty() && std::ranges::all_of(exponent, is_digit)) return {};
    }
    const bool is_known = std::ranges::find(suffixes, text) != suffixes.end();
    return is_known ? std::string() : std::string(hint);
}

std::string base64_problem(std::string_view text) {
    std::size_t count = 0;
    std::size_t padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r') continue;
        ++count;
        if (c == '=') {
            ++padding;
            continue;
        }
        if (padding > 0 || !(is_alphanumeric(c) || c == '+' || c == '/')) {
            return "is not base64";
        }
    }
    return count % 4 == 0 && padding <= 2 ? std::string() : "is not base64: its end is missing";
}

std::string percentage_problem(std::string_view text) {
    if (text.ends_with('%')) text.remove_suffix(1);
    const bool is_number = !text.empty() && text.size() <= 9 && std::ranges::all_of(text, is_digit);
    return is_number ? std::string() : "must be a number or a percentage such as 25%";
}

}  // namespace serin::manifest
