#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object_store.h"

// The three patch languages of the Kubernetes API, as functions of values. All fail with `invalid`.

namespace serin::store {

// The document after the patch; an object whenever it succeeds. Strategic patches need list keys
// and so exist for the Kubernetes types only: custom types refuse them, as a cluster does.
Result<json::Value> apply_patch(
    const ResourceType& type,
    const json::Object& document,
    PatchKind kind,
    const json::Value& patch);

// RFC 7386: null removes a member, lists are replaced as a whole.
json::Value merge_patch(json::Value target, const json::Value& patch);

// RFC 6902: add, remove, replace, move, copy, test. All or nothing.
Result<json::Value> json_patch(json::Value target, const json::Value& operations);

// As merge_patch, but lists whose items have a key are merged by it ("containers" by name), with
// the directives $patch, $retainKeys, $setElementOrder and $deleteFromPrimitiveList.
Result<json::Value> strategic_patch(
    const ResourceType& type, json::Value target, const json::Value& patch);

}  // namespace serin::store
