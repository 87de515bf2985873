#include "expr/template.h"

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

namespace serin::expr {

namespace {

// What stands for an argument, or nothing if there is none of that name.
using Resolve = std::function<const std::string*(std::string_view name)>;

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    return text.substr(0, text.find_last_not_of(space) + 1);
}

Result<std::string> replace(std::string_view text, const Resolve& resolve) {
    std::string out;
    for (;;) {
        const std::size_t open = text.find("{{");
        if (open == text.npos) break;
        const std::size_t close = text.find("}}", open + 2);
        if (close == text.npos) {
            return fail(
                ErrorKind::invalid, fmt::format("no \"}}}}\" after \"{}\"", text.substr(open)));
        }
        const std::string_view tag = text.substr(open + 2, close - open - 2);
        const std::string_view name = trim(tag);
        const std::string* value = nullptr;
        if (name.starts_with("args.")) value = resolve(name.substr(5));
        if (value == nullptr) {
            return fail(ErrorKind::invalid, fmt::format("failed to resolve {{{{{}}}}}", tag));
        }
        out += text.substr(0, open);
        out += *value;
        text.remove_prefix(close + 2);
    }
    out += text;
    return out;
}

Result<json::Value> replace_all(const json::Value& value, const Resolve& resolve) {
    if (const auto content = json::text(&value)) {
        SERIN_TRY(const std::string text, replace(*content, resolve));
        return json::string(text);
    }
    if (const json::Array* items = value.if_array()) {
        json::Array out;
        for (const json::Value& item : *items) {
            SERIN_TRY(json::Value filled, replace_all(item, resolve));
            out.push_back(std::move(filled));
        }
        return json::Value(std::move(out));
    }
    if (const json::Object* members = value.if_object()) {
        json::Object out;
        for (const auto& member : *members) {
            SERIN_TRY(const std::string name, replace(member.key(), resolve));
            SERIN_TRY(json::Value filled, replace_all(member.value(), resolve));
            out.insert_or_assign(name, std::move(filled));
        }
        return json::Value(std::move(out));
    }
    return value;
}

Resolve from(const TemplateArguments& arguments) {
    return [&arguments](std::string_view name) -> const std::string* {
        const auto found = arguments.find(name);
        return found == arguments.end() ? nullptr : &found->second;
    };
}

}  // namespace

Result<json::Value> fill(const json::Value& value, const TemplateArguments& arguments) {
    return replace_all(value, from(arguments));
}

Result<std::string> fill(std::string_view text, const TemplateArguments& arguments) {
    return replace(text, from(arguments));
}

Result<std::set<std::string>> arguments_used(const json::Value& value) {
    std::set<std::string> names;
    const auto note = [&names](std::string_view name) -> const std::string* {
        return &*names.emplace(name).first;
    };
    SERIN_TRY_DO(replace_all(value, note));
    return names;
}

}  // namespace serin::expr
