#include "server/envelope.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::server {

namespace {

// Fills in a text member, or checks the one that is there.
Answer<> fit(
    json::Object& object, std::string_view name, const std::string& wanted, std::string_view what) {
    const json::Value* value = object.if_contains(name);
    if (value == nullptr || value->is_null() || json::text(value) == "") {
        if (!wanted.empty()) object[name] = wanted;
        if (wanted.empty()) object.erase(name);
        return {};
    }
    if (json::text(value) == wanted) return {};
    return std::unexpected(bad_request(fmt::format(
        "the {} of the object ({}) does not match the {} of the request ({})",
        what,
        json::text(value).value_or("not a text"),
        what,
        wanted)));
}

using Check = bool (*)(const json::Value&);

bool is_map_of_texts(const json::Value& value) {
    const json::Object* map = value.if_object();
    return map != nullptr &&
           std::ranges::all_of(*map, [](const auto& one) { return one.value().is_string(); });
}

bool is_list_of_texts(const json::Value& value) {
    const json::Array* list = value.if_array();
    return list != nullptr &&
           std::ranges::all_of(*list, [](const json::Value& one) { return one.is_string(); });
}

bool is_list_of_objects(const json::Value& value) {
    const json::Array* list = value.if_array();
    return list != nullptr &&
           std::ranges::all_of(*list, [](const json::Value& one) { return one.is_object(); });
}

bool is_object(const json::Value& value) {
    return value.is_object();
}
bool is_text(const json::Value& value) {
    return value.is_string();
}

struct Shape {
    std::string_view pointer;
    std::string_view field;
    Check check;
    std::string_view what;
};

constexpr Shape shapes[] = {
    {"/metadata/name", "metadata.name", is_text, "a text"},
    {"/metadata/generateName", "metadata.generateName", is_text, "a text"},
    {"/metadata/uid", "metadata.uid", is_text, "a text"},
    {"/metadata/resourceVersion", "metadata.resourceVersion", is_text, "a text"},
    {"/metadata/labels", "metadata.labels", is_map_of_texts, "a map of texts"},
    {"/metadata/annotations", "metadata.annotations", is_map_of_texts, "a map of texts"},
    {"/metadata/finalizers", "metadata.finalizers", is_list_of_texts, "a list of texts"},
    {"/metadata/ownerReferences",
     "metadata.ownerReferences",
     is_list_of_objects,
     "a list of objects"},
    {"/spec", "spec", is_object, "an object"},
    {"/status", "status", is_object, "an object"},
};

}  // namespace

Answer<> fit_envelope(json::Object& body, const ApiPath& path) {
    SERIN_TRY_DO(fit(body, "apiVersion", path.type->api_version(), "API version"));
    SERIN_TRY_DO(fit(body, "kind", std::string(path.type->kind), "kind"));
    json::Value& metadata = body["metadata"];
    if (metadata.is_null()) metadata = json::Object{};
    if (!metadata.is_object()) {
        return std::unexpected(bad_request("the object's metadata is not an object"));
    }
    std::vector<Diagnostic> wrong;
    for (const Shape& shape : shapes) {
        const json::Value* value = json::find(body, shape.pointer);
        if (value == nullptr) continue;
        if (value->is_null()) {
            json::erase(body, shape.pointer);
        } else if (!shape.check(*value)) {
            wrong.push_back(
                {.path = std::string(shape.field),
                 .message = fmt::format("wrong type: expected {}", shape.what)});
        }
    }
    const std::string name(json::text(json::find(body, "/metadata/name")).value_or(path.name));
    if (!wrong.empty()) {
        return std::unexpected(invalid_object(wrong, {.type = path.type, .name = name}));
    }
    json::Object& fields = body["metadata"].get_object();
    SERIN_TRY_DO(fit(fields, "namespace", path.ns, "namespace"));
    if (!path.name.empty()) SERIN_TRY_DO(fit(fields, "name", path.name, "name"));
    return {};
}

}  // namespace serin::server
