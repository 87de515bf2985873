#include "cli/apply.h"

namespace serin::cli {

namespace {

constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";

std::string pointer_to_last_applied() {
    return "/metadata/annotations/" + json::escape_pointer(last_applied);
}

json::Object last_of(const Object& live) {
    const auto text = live.annotation(last_applied);
    if (!text) return {};
    auto parsed = json::parse(*text);
    return parsed && parsed->is_object() ? std::move(parsed->get_object()) : json::Object();
}

// The manifest with itself as the annotation, as kubectl stores it.
void annotate(Object& manifest) {
    manifest.erase(pointer_to_last_applied());
    manifest.erase("/status");
    const std::string text = json::print(manifest.document()) + "\n";
    manifest.put(pointer_to_last_applied(), json::string(text));
}

// A list that the manifest has not changed since it was last applied is left as it is: controllers
// write into lists (the weights in a route's backendRefs), and applying a folder again in the
// middle of a release must not take their work back, not even for a moment.
bool is_settled_list(
    const json::Object& last, const json::Value& wanted, boost::json::string_view name) {
    const json::Value* before = last.if_contains(name);
    return wanted.is_array() && before != nullptr && json::same(*before, wanted);
}

}  // namespace

std::string_view to_string(Applied applied) {
    switch (applied) {
        case Applied::created:
            return "created";
        case Applied::configured:
            return "configured";
        case Applied::unchanged:
            return "unchanged";
    }
    return "unchanged";
}

json::Object three_way_patch(
    const json::Object& last, const json::Object& live, const json::Object& wanted) {
    json::Object patch;
    for (const auto& member : wanted) {
        const json::Value* now = live.if_contains(member.key());
        if (now == nullptr) {
            if (!member.value().is_null()) patch[member.key()] = member.value();
            continue;
        }
        if (member.value().is_object() && now->is_object()) {
            const json::Value* before = last.if_contains(member.key());
            json::Object inner = three_way_patch(
                before != nullptr && before->is_object() ? before->get_object() : json::Object(),
                now->get_object(),
                member.value().get_object());
            if (!inner.empty()) patch[member.key()] = std::move(inner);
        } else if (is_settled_list(last, member.value(), member.key())) {
            continue;
        } else if (!json::same(*now, member.value())) {
            patch[member.key()] = member.value();
        }
    }
    for (const auto& member : last) {
        if (!wanted.contains(member.key()) && live.contains(member.key())) {
            patch[member.key()] = nullptr;
        }
    }
    return patch;
}

Result<Applied> apply(ApplyTarget& target, Object manifest, std::string_view ns) {
    const ResourceType* type = manifest.type();
    if (type == nullptr) {
        return fail(ErrorKind::invalid, "no such kind: " + std::string(manifest.kind()));
    }
    if (type->is_namespaced && manifest.ns().empty()) {
        manifest.put("/metadata/namespace", json::string(ns));
    }
    annotate(manifest);
    const ObjectKey key = manifest.key();
    const Result<Object> live = target.get(key);
    if (!live && live.error().kind == ErrorKind::not_found) {
        SERIN_TRY_DO(target.create(manifest));
        return Applied::created;
    }
    if (!live) return std::unexpected(live.error());

    json::Object last = last_of(*live);
    // The annotation itself is not a part of what was applied.
    const json::Object patch = three_way_patch(last, live->document(), manifest.document());
    if (patch.empty()) return Applied::unchanged;
    SERIN_TRY(const Object after, target.merge_patch(key, patch));
    return after.resource_version() == live->resource_version() ? Applied::unchanged
                                                                : Applied::configured;
}

}  // namespace serin::cli
