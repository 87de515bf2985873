#include "base/redaction.h"

#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>

namespace serin {

namespace {

constexpr std::string_view hidden = "*****";
constexpr std::string_view cut_off = "...";

// What is left of a secret when it is cut off after fewer bytes is of no use to anybody.
constexpr std::size_t cut_bytes_min = 4;

std::string trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto start = text.find_first_not_of(blank);
    if (start == std::string_view::npos) return {};
    return std::string(text.substr(start, text.find_last_not_of(blank) - start + 1));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

enum class Hex { upper, lower };

std::string percent_encoded(std::string_view text, Hex hex) {
    std::string out;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (std::isalnum(byte) != 0 || std::string_view("-_.~").contains(letter)) {
            out.push_back(letter);
        } else if (hex == Hex::upper) {
            fmt::format_to(std::back_inserter(out), "%{:02X}", byte);
        } else {
            fmt::format_to(std::back_inserter(out), "%{:02x}", byte);
        }
    }
    return out;
}

void add_forms(std::string_view given, std::vector<std::string>& forms) {
    // Many a Secret was made from a file that ends with a line break.
    const std::string secret = trimmed(given);
    if (secret.empty()) return;
    forms.push_back(secret);
    for (const Hex hex : {Hex::upper, Hex::lower}) {
        const std::string encoded = percent_encoded(secret, hex);
        forms.push_back(replaced(encoded, "%20", "+"));
        forms.push_back(encoded);
    }
    const std::string quoted = json::print(json::string(secret));
    const std::string escaped = quoted.substr(1, quoted.size() - 2);
    forms.push_back(replaced(escaped, "/", "\\/"));
    forms.push_back(escaped);
    // One line, as excerpts are.
    std::string line = secret;
    std::ranges::replace_if(
        line, [](char letter) { return static_cast<unsigned char>(letter) < ' '; }, ' ');
    forms.push_back(std::move(line));
}

// How much of one of the forms stands right before `end`, cut off there.
std::size_t cut_bytes(
    std::string_view text, std::size_t end, const std::vector<std::string>& forms) {
    std::size_t longest = 0;
    for (const std::string& form : forms) {
        for (std::size_t size = std::min(form.size() - 1, end); size >= cut_bytes_min; --size) {
            if (text.substr(end - size, size) != std::string_view(form).substr(0, size)) continue;
            longest = std::max(longest, size);
            break;
        }
    }
    return longest;
}

}  // namespace

Redaction::Redaction(const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) add_forms(secret, forms_);
    std::ranges::sort(forms_);
    forms_.erase(std::ranges::unique(forms_).begin(), forms_.end());
    std::ranges::stable_sort(forms_, std::ranges::greater(), &std::string::size);
}

std::string Redaction::hide(std::string text) const {
    for (const std::string& form : forms_) text = replaced(std::move(text), form, hidden);
    auto at = text.rfind(cut_off);
    while (at != std::string::npos && at > 0) {
        const std::size_t size = cut_bytes(text, at, forms_);
        if (size > 0) text.replace(at - size, size, hidden);
        at = text.rfind(cut_off, at - std::max<std::size_t>(size, 1));
    }
    return text;
}

}  // namespace serin
