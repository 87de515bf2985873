#include "manifest/argo/hash.h"

#include "base/digest.h"
#include "manifest/argo/names.h"
#include "manifest/deployment/names.h"

namespace serin::argo {

namespace {

// Canonical text; an absent and an empty set of labels or metadata are the same.
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

std::string encode(const std::string& text) {
    return safe_encode(std::to_string(fnv1a32(text)));
}

}  // namespace

std::string template_id(const json::Value& pod_template, int attempt) {
    std::string text = canonical(pod_template);
    if (attempt > 0) text += "#" + std::to_string(attempt);
    return encode(text);
}

bool is_same_template(const json::Value& left, const json::Value& right) {
    return canonical(left) == canonical(right);
}

std::string steps_digest(const json::Value* steps) {
    const json::Array* array = json::array(steps);
    return encode(array ? json::print_canonical(*array) : "[]");
}

}  // namespace serin::argo
