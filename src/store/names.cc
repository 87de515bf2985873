#include "store/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::store {

namespace {

constexpr size_t label_size_max = 63;
constexpr size_t annotations_size_max = 262'144;

bool is_lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_label_word(std::string_view text) {
    if (text.empty() || text.size() > label_size_max) return false;
    if (!is_alnum(text.front()) || !is_alnum(text.back())) return false;
    return std::ranges::all_of(
        text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

// "name" or "prefix/name".
bool is_qualified_name(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos) return is_label_word(text);
    return is_dns_subdomain(text.substr(0, slash)) && is_label_word(text.substr(slash + 1));
}

std::unexpected<Error> invalid(
    std::string_view field, std::string_view value, std::string_view why) {
    return fail(
        ErrorKind::invalid, fmt::format("{}: invalid value: \"{}\": {}", field, value, why));
}

Result<> check_name(const ResourceType& type, std::string_view name) {
    if (name.empty()) {
        return fail(ErrorKind::invalid, "metadata.name: required value: name or generateName");
    }
    if (&type == &types::name_space()) {
        if (is_dns_label(name)) return {};
        return invalid("metadata.name", name, "must be a lowercase DNS label (RFC 1123)");
    }
    if (&type == &types::service()) {
        const bool starts_with_letter = name.front() >= 'a' && name.front() <= 'z';
        if (is_dns_label(name) && starts_with_letter) return {};
        return invalid(
            "metadata.name", name, "must be a lowercase DNS label that starts with a letter");
    }
    if (is_dns_subdomain(name)) return {};
    return invalid(
        "metadata.name",
        name,
        "must be a lowercase RFC 1123 subdomain: letters, digits, '-' or '.', and must start and "
        "end with a letter or digit");
}

Result<> check_namespace(const ResourceType& type, std::string_view ns) {
    if (type.is_namespaced) {
        if (ns.empty()) {
            return fail(ErrorKind::invalid, "metadata.namespace: required value");
        }
        if (!is_dns_label(ns)) {
            return invalid("metadata.namespace", ns, "must be a lowercase DNS label (RFC 1123)");
        }
    } else if (!ns.empty()) {
        return fail(
            ErrorKind::invalid,
            fmt::format("metadata.namespace: not allowed on cluster-scoped {}", type.plural));
    }
    return {};
}

Result<> check_labels(const json::Value& labels) {
    if (!labels.is_object()) return fail(ErrorKind::invalid, "metadata.labels: must be an object");
    for (const auto& member : labels.get_object()) {
        if (!is_qualified_name(member.key())) {
            return invalid("metadata.labels", member.key(), "is not a valid label key");
        }
        const auto value = json::text(&member.value());
        if (!value || (!value->empty() && !is_label_word(*value))) {
            return invalid(
                fmt::format("metadata.labels[{}]", std::string_view(member.key())),
                value.value_or(json::print(member.value())),
                "must be a string of at most 63 letters, digits, '-', '_' or '.', and must start "
                "and end with a letter or digit");
        }
    }
    return {};
}

Result<> check_annotations(const json::Value& annotations) {
    if (!annotations.is_object()) {
        return fail(ErrorKind::invalid, "metadata.annotations: must be an object");
    }
    size_t size = 0;
    for (const auto& member : annotations.get_object()) {
        if (!is_qualified_name(member.key())) {
            return invalid("metadata.annotations", member.key(), "is not a valid annotation key");
        }
        const auto value = json::text(&member.value());
        if (!value) {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "metadata.annotations[{}]: must be a string", std::string_view(member.key())));
        }
        size += member.key().size() + value->size();
    }
    if (size <= annotations_size_max) return {};
    return fail(
        ErrorKind::invalid,
        fmt::format("metadata.annotations: too long: at most {} bytes", annotations_size_max));
}

Result<> check_finalizers(const json::Value& finalizers) {
    const json::Array* items = finalizers.if_array();
    const auto is_named = [](const json::Value& item) {
        return is_qualified_name(json::text(&item).value_or(""));
    };
    if (items != nullptr && std::ranges::all_of(*items, is_named)) return {};
    return fail(ErrorKind::invalid, "metadata.finalizers: must be a list of qualified names");
}

Result<> check_owners(const json::Value& owners) {
    const json::Array* items = owners.if_array();
    if (items == nullptr) {
        return fail(ErrorKind::invalid, "metadata.ownerReferences: must be a list");
    }
    int controllers = 0;
    for (const json::Value& owner : *items) {
        for (const char* field : {"/apiVersion", "/kind", "/name", "/uid"}) {
            if (!json::text(json::find(owner, field)).value_or("").empty()) continue;
            return fail(
                ErrorKind::invalid,
                fmt::format("metadata.ownerReferences: {} must not be empty", field + 1));
        }
        if (json::boolean(json::find(owner, "/controller")).value_or(false)) ++controllers;
    }
    if (controllers <= 1) return {};
    return fail(
        ErrorKind::invalid,
        "metadata.ownerReferences: only one reference can have controller set to true");
}

}  // namespace

bool is_dns_label(std::string_view text) {
    if (text.empty() || text.size() > label_size_max) return false;
    if (!is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
    return std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    // A label of a subdomain may be longer than 63 in object names, only its ends matter.
    bool is_edge = true;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_last = i + 1 == text.size() || text[i + 1] == '.';
        if (c == '.') {
            if (is_edge) return false;
            is_edge = true;
            continue;
        }
        if (!is_lower_alnum(c) && (c != '-' || is_edge || is_last)) return false;
        is_edge = false;
    }
    return !is_edge;
}

Result<> check_metadata(const ResourceType& type, const Object& object) {
    SERIN_TRY_DO(check_name(type, object.name()));
    SERIN_TRY_DO(check_namespace(type, object.ns()));
    if (const json::Value* labels = object.find("/metadata/labels")) {
        SERIN_TRY_DO(check_labels(*labels));
    }
    if (const json::Value* annotations = object.find("/metadata/annotations")) {
        SERIN_TRY_DO(check_annotations(*annotations));
    }
    if (const json::Value* finalizers = object.find("/metadata/finalizers")) {
        SERIN_TRY_DO(check_finalizers(*finalizers));
    }
    if (const json::Value* owners = object.find("/metadata/ownerReferences")) {
        SERIN_TRY_DO(check_owners(*owners));
    }
    return {};
}

}  // namespace serin::store
