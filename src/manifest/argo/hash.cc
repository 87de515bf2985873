#include "manifest/argo/hash.h"

#include "base/digest.h"
#include "manifest/argo/names.h"
#include "manifest/deployment/names.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

namespace serin::argo {

namespace {

// Canonical text. is_same_template compares what it prints, without printing: an absent and an
// empty set of labels or metadata are the same.
std::string canonical(const json::Value& pod_template) {
    const json::Object* source = json::object(&pod_template);
    if (!source) return json::print_canonical(pod_template);
    json::Object copy = *source;
    json::erase(copy, "/metadata/labels/" + json::escape_pointer(label_hash));
    json::erase(copy, "/metadata/labels/" + json::escape_pointer(deployment::label_hash));
    json::erase(copy, "/metadata/creationTimestamp");
    const auto drop_empty = [&](std::string_view pointer) {
        const json::Value* found = json::find(copy, pointer);
        if (!found) return;
        const json::Object* object = json::object(found);
        if (found->is_null() || (object && object->empty())) json::erase(copy, pointer);
    };
    drop_empty("/metadata/labels");
    drop_empty("/metadata/annotations");
    drop_empty("/metadata");
    return json::print_canonical(std::move(copy));
}

// Members that are no object are left to json::same; absent, null and empty are one.
const json::Object& members_of(const json::Value* value) {
    static const json::Object empty;
    const json::Object* object = json::object(value);
    return object ? *object : empty;
}

bool is_object_or_nothing(const json::Value* value) {
    return value == nullptr || value->is_null() || value->is_object();
}

using Ignores = bool (*)(std::string_view name);

bool same_but(const json::Object& left, const json::Object& right, Ignores ignores) {
    const auto has_all = [&](const json::Object& of, const json::Object& in, bool compares) {
        return std::ranges::all_of(of, [&](const auto& member) {
            if (ignores(member.key())) return true;
            const json::Value* other = in.if_contains(member.key());
            return other && (!compares || json::same(member.value(), *other));
        });
    };
    return has_all(left, right, true) && has_all(right, left, false);
}

bool same_member(
    const json::Object& left, const json::Object& right, std::string_view name, Ignores ignores) {
    const json::Value* one = left.if_contains(name);
    const json::Value* other = right.if_contains(name);
    if (is_object_or_nothing(one) && is_object_or_nothing(other)) {
        return same_but(members_of(one), members_of(other), ignores);
    }
    return one && other && json::same(*one, *other);
}

bool same_metadata(const json::Object& left, const json::Object& right) {
    return same_but(
               left,
               right,
               [](std::string_view name) {
                   return name == "labels" || name == "annotations" || name == "creationTimestamp";
               }) &&
           same_member(
               left,
               right,
               "labels",
               [](std::string_view name) {
                   return name == label_hash || name == deployment::label_hash;
               }) &&
           same_member(left, right, "annotations", [](std::string_view) { return false; });
}

std::string encode(const std::string& text) {
    return safe_encode(std::to_string(fnv1a32(text)));
}

using Fields = std::initializer_list<std::string_view>;

// The members in the order of Go's type, those that are null aside; empty when there is any other.
std::optional<json::Object> in_order(const json::Object& object, Fields fields) {
    json::Object ordered;
    std::size_t known = 0;
    for (const std::string_view name : fields) {
        const json::Value* value = object.if_contains(name);
        if (value) ++known;
        if (value && !value->is_null()) ordered[name] = *value;
    }
    if (known != object.size()) return std::nullopt;
    return ordered;
}

std::optional<json::Object> in_order(const json::Value* value, Fields fields) {
    const json::Object* object = json::object(value);
    return object ? in_order(*object, fields) : std::nullopt;
}

std::optional<json::Value> header_route_as_go(const json::Value& route) {
    auto ordered = in_order(&route, {"name", "match"});
    if (!ordered) return std::nullopt;
    json::Value* list = ordered->if_contains("match");
    if (!list) return *std::move(ordered);
    json::Array* matches = list->if_array();
    if (!matches || matches->empty()) return std::nullopt;
    for (json::Value& match : *matches) {
        auto one = in_order(&match, {"headerName", "headerValue"});
        if (!one || one->size() != 2) return std::nullopt;
        auto wanted = in_order(one->if_contains("headerValue"), {"exact", "prefix", "regex"});
        if (!wanted) return std::nullopt;
        (*one)["headerValue"] = *std::move(wanted);
        match = *std::move(one);
    }
    return *std::move(ordered);
}

// A step as Argo's controller prints it. Empty for kinds whose printing differs between its
// versions, and for what would be printed otherwise than it is written.
std::optional<json::Value> step_as_go(const json::Value& step) {
    const json::Object* object = json::object(&step);
    if (!object || object->size() != 1) return std::nullopt;
    const auto& [kind, value] = *object->begin();
    std::optional<json::Value> printed;
    if (kind == "setWeight") {
        if (value.is_int64() || value.is_uint64()) printed = value;
    } else if (kind == "pause") {
        auto pause = in_order(&value, {"duration"});
        const json::Value* duration = pause ? pause->if_contains("duration") : nullptr;
        if (pause && (!duration || duration->is_string() || duration->is_int64())) {
            printed = *std::move(pause);
        }
    } else if (kind == "setCanaryScale") {
        auto scale = in_order(&value, {"weight", "replicas", "matchTrafficWeight"});
        if (scale && json::boolean(scale->if_contains("matchTrafficWeight")) == false) {
            scale->erase("matchTrafficWeight");
        }
        if (scale) printed = *std::move(scale);
    } else if (kind == "setHeaderRoute") {
        printed = header_route_as_go(value);
    }
    if (!printed) return std::nullopt;
    return json::Object{{kind, *std::move(printed)}};
}

}  // namespace

std::string template_id(const json::Value& pod_template, int attempt) {
    std::string text = canonical(pod_template);
    if (attempt > 0) text += "#" + std::to_string(attempt);
    return encode(text);
}

bool is_same_template(const json::Value& left, const json::Value& right) {
    const json::Object* one = json::object(&left);
    const json::Object* other = json::object(&right);
    if (!one || !other) return json::same(left, right);
    const json::Value* metadata = one->if_contains("metadata");
    const json::Value* other_metadata = other->if_contains("metadata");
    const bool is_same_metadata =
        is_object_or_nothing(metadata) && is_object_or_nothing(other_metadata)
            ? same_metadata(members_of(metadata), members_of(other_metadata))
            : metadata && other_metadata && json::same(*metadata, *other_metadata);
    return is_same_metadata &&
           same_but(*one, *other, [](std::string_view name) { return name == "metadata"; });
}

std::string template_digest(const json::Value& pod_template) {
    return sha256_hex(canonical(pod_template));
}

std::optional<std::string> argo_steps_hash(const json::Value* steps) {
    const json::Array* array = json::array(steps);
    if (!array || array->empty()) return encode("null");
    json::Array printed;
    for (const json::Value& step : *array) {
        auto one = step_as_go(step);
        if (!one) return std::nullopt;
        printed.push_back(*std::move(one));
    }
    std::string text = json::print(json::Value(std::move(printed)));
    // Go escapes some of these in its own way.
    const bool is_plain = std::ranges::all_of(text, [](char c) {
        return c >= ' ' && c <= '~' && c != '<' && c != '>' && c != '&' && c != '\\';
    });
    if (!is_plain) return std::nullopt;
    return encode(text);
}

std::string steps_digest(const json::Value* steps) {
    if (auto hash = argo_steps_hash(steps)) return *std::move(hash);
    return encode(json::print_canonical(*steps));
}

}  // namespace serin::argo
