#include "control/pod_metadata.h"

#include "manifest/argo/names.h"
#include "manifest/argo/pod_metadata.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::control {

namespace {

using Texts = std::map<std::string, std::string>;

// A merge patch's member from what was added to what is wanted; what `object` has right is left
// out.
json::Object changes(
    const Object& object, const std::string& pointer, const Texts& added, const Texts& wanted) {
    json::Object change;
    for (const auto& [name, text] : added) {
        const std::string at = pointer + "/" + json::escape_pointer(name);
        if (!wanted.contains(name) && object.find(at)) change[name] = nullptr;
    }
    for (const auto& [name, text] : wanted) {
        if (object.text(pointer + "/" + json::escape_pointer(name)) != text) {
            change[name] = json::string(text);
        }
    }
    return change;
}

// Of the metadata at `pointer`.
json::Object metadata_changes(
    const Object& object,
    const std::string& pointer,
    const argo::PodMetadata& added,
    const argo::PodMetadata& wanted) {
    json::Object change;
    json::Object labels = changes(object, pointer + "/labels", added.labels, wanted.labels);
    json::Object annotations =
        changes(object, pointer + "/annotations", added.annotations, wanted.annotations);
    if (!labels.empty()) change["labels"] = std::move(labels);
    if (!annotations.empty()) change["annotations"] = std::move(annotations);
    return change;
}

// What a template says itself is not for a role to change.
argo::PodMetadata addable(
    argo::PodMetadata wanted, const Object& group, const argo::PodMetadata& added) {
    const auto drop_own = [&](Texts& texts, const Texts& former, const std::string& member) {
        std::erase_if(texts, [&](const auto& one) {
            const std::string at =
                "/spec/template/metadata/" + member + "/" + json::escape_pointer(one.first);
            return group.find(at) && !former.contains(one.first);
        });
    };
    drop_own(wanted.labels, added.labels, "labels");
    drop_own(wanted.annotations, added.annotations, "annotations");
    return wanted;
}

Result<> keep_pods(
    ObjectStore& store,
    const Object& group,
    const argo::PodMetadata& added,
    const argo::PodMetadata& wanted) {
    SERIN_TRY(
        const ObjectList pods,
        store.list(
            {.type = &types::pod(),
             .ns = std::string(group.ns()),
             .owner_uid = std::string(group.uid())}));
    for (const Object& pod : pods.items) {
        if (pod.is_being_deleted()) continue;
        json::Object change = metadata_changes(pod, "/metadata", added, wanted);
        if (change.empty()) continue;
        const auto patched =
            store.patch(pod.key(), PatchKind::merge, json::Object{{"metadata", std::move(change)}});
        if (!patched && patched.error().kind != ErrorKind::not_found) {
            return std::unexpected(patched.error());
        }
    }
    return {};
}

// Pods first: while the annotation tells what was added, a turn that is cut short is repeated.
Result<> keep_group(ObjectStore& store, const Object& group, const argo::PodMetadata& role) {
    const argo::PodMetadata added = argo::added_metadata(group);
    const argo::PodMetadata wanted = addable(role, group, added);
    if (added.empty() && wanted.empty()) return {};
    json::Object change;
    json::Object pod_template = metadata_changes(group, "/spec/template/metadata", added, wanted);
    if (!pod_template.empty()) {
        change["spec"] =
            json::Object{{"template", json::Object{{"metadata", std::move(pod_template)}}}};
    }
    if (added != wanted) {
        const json::Value note =
            wanted.empty() ? json::Value() : json::string(json::print(argo::to_json(wanted)));
        change["metadata"] =
            json::Object{{"annotations", json::Object{{argo::annotation_pod_metadata, note}}}};
    }
    SERIN_TRY_DO(keep_pods(store, group, added, wanted));
    if (change.empty()) return {};
    const auto patched = store.patch(group.key(), PatchKind::merge, change);
    if (!patched && patched.error().kind != ErrorKind::not_found) {
        return std::unexpected(patched.error());
    }
    // Those that were made of the former template meanwhile.
    return keep_pods(store, group, added, wanted);
}

}  // namespace

Result<> keep_pod_metadata(
    ObjectStore& store, const ReleaseWorld& world, const ReleaseState& state) {
    for (const Object& group : world.groups) {
        const std::string id(group.label(world.dialect->label_hash).value_or(""));
        argo::PodMetadata role;
        if (id == state.stable) {
            role = world.lowered.stable_metadata;
        } else if (id == state.candidate && !state.stable.empty()) {
            role = world.lowered.candidate_metadata;
        }
        SERIN_TRY_DO(keep_group(store, group, role));
    }
    return {};
}

}  // namespace serin::control
