#include "ports/object.h"

#include "base/check.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <utility>

namespace serin {

std::strong_ordering operator<=>(const ObjectKey& left, const ObjectKey& right) {
    if (left.type != right.type) {
        const auto named = [](const ResourceType* type) {
            using Names = std::array<std::string_view, 3>;
            return type == nullptr ? Names() : Names{type->group, type->plural, type->version};
        };
        const auto order = named(left.type) <=> named(right.type);
        if (order != std::strong_ordering::equal) return order;
    }
    const auto order = left.ns <=> right.ns;
    return order != std::strong_ordering::equal ? order : left.name <=> right.name;
}

std::string to_string(const ObjectKey& key) {
    std::string text = key.type == nullptr ? "?" : std::string(key.type->plural);
    if (key.type != nullptr && !key.type->group.empty())
        text += fmt::format(".{}", key.type->group);
    text += " ";
    if (!key.ns.empty()) text += key.ns + "/";
    return text + key.name;
}

Object::Object(const ResourceType& type, std::string_view ns, std::string_view name)
    : document_(std::make_shared<json::Object>()) {
    (*document_)["apiVersion"] = type.api_version();
    (*document_)["kind"] = type.kind;
    json::Object metadata;
    if (!name.empty()) metadata["name"] = name;
    if (!ns.empty()) metadata["namespace"] = ns;
    (*document_)["metadata"] = std::move(metadata);
}

const json::Object& Object::document() const {
    static const json::Object empty;
    return document_ == nullptr ? empty : *document_;
}

json::Object& Object::document() {
    if (document_ == nullptr) {
        document_ = std::make_shared<json::Object>();
    } else if (document_.use_count() > 1) {
        document_ = std::make_shared<json::Object>(*document_);
    } else {
        // What another thread read of it before it let go is over.
        std::atomic_thread_fence(std::memory_order_acquire);
    }
    return *document_;
}

const ResourceType* Object::type() const {
    return find_kind(api_version(), kind());
}

ObjectKey Object::key() const {
    const ResourceType* of = type();
    SERIN_CHECK(of != nullptr);
    return {.type = of, .ns = std::string(ns()), .name = std::string(name())};
}

namespace {

std::optional<std::string_view> entry(const json::Value* map, std::string_view key) {
    const json::Object* entries = json::object(map);
    return entries == nullptr ? std::nullopt : json::text(entries->if_contains(key));
}

}  // namespace

std::optional<std::string_view> Object::label(std::string_view key) const {
    return entry(metadata("labels"), key);
}

std::optional<std::string_view> Object::annotation(std::string_view key) const {
    return entry(metadata("annotations"), key);
}

std::map<std::string, std::string> Object::labels() const {
    std::map<std::string, std::string> all;
    if (const json::Object* entries = json::object(metadata("labels"))) {
        for (const auto& member : *entries) {
            if (const auto value = json::text(&member.value())) all[member.key()] = *value;
        }
    }
    return all;
}

void Object::set_label(std::string_view key, std::string_view value) {
    put("/metadata/labels/" + json::escape_pointer(key), json::string(value));
}

void Object::set_annotation(std::string_view key, std::string_view value) {
    put("/metadata/annotations/" + json::escape_pointer(key), json::string(value));
}

void Object::remove_annotation(std::string_view key) {
    erase("/metadata/annotations/" + json::escape_pointer(key));
}

const json::Object* Object::controller() const {
    const json::Array* owners = json::array(metadata("ownerReferences"));
    if (owners == nullptr) return nullptr;
    for (const json::Value& owner : *owners) {
        const json::Object* reference = owner.if_object();
        if (reference == nullptr) continue;
        if (json::boolean(reference->if_contains("controller")).value_or(false)) return reference;
    }
    return nullptr;
}

std::string_view Object::controller_uid() const {
    const json::Object* owner = controller();
    return owner == nullptr ? std::string_view()
                            : json::text(owner->if_contains("uid")).value_or(std::string_view());
}

void Object::set_controller(const Object& owner) {
    put("/metadata/ownerReferences",
        json::Array{json::Object{
            {"apiVersion", owner.api_version()},
            {"kind", owner.kind()},
            {"name", owner.name()},
            {"uid", owner.uid()},
            {"controller", true},
            {"blockOwnerDeletion", true}}});
}

std::string_view Object::top(std::string_view field) const {
    return json::text(document().if_contains(field)).value_or(std::string_view());
}

const json::Value* Object::metadata(std::string_view field) const {
    const json::Object* members = json::object(document().if_contains("metadata"));
    return members == nullptr ? nullptr : members->if_contains(field);
}

std::string_view Object::metadata_text(std::string_view field) const {
    return json::text(metadata(field)).value_or(std::string_view());
}

const json::Value* Object::find(std::string_view pointer) const {
    return json::find(document(), pointer);
}

std::string_view Object::text(std::string_view pointer, std::string_view otherwise) const {
    return json::text(find(pointer)).value_or(otherwise);
}

std::int64_t Object::integer(std::string_view pointer, std::int64_t otherwise) const {
    return json::integer(find(pointer)).value_or(otherwise);
}

bool Object::boolean(std::string_view pointer, bool otherwise) const {
    return json::boolean(find(pointer)).value_or(otherwise);
}

std::optional<Instant> Object::time(std::string_view pointer) const {
    const auto written = json::text(find(pointer));
    if (!written) return std::nullopt;
    const auto at = parse_time(*written);
    return at ? std::optional(*at) : std::nullopt;
}

json::Value& Object::put(std::string_view pointer, json::Value value) {
    return json::put(document(), pointer, std::move(value));
}

bool Object::erase(std::string_view pointer) {
    if (find(pointer) == nullptr) return false;
    return json::erase(document(), pointer);
}

}  // namespace serin
