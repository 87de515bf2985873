#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object.h"

#include <string_view>

// Applying a manifest: what `kubectl apply` does, with the same annotation, so that both can be
// used on the same objects. Fields that others have set (status, selectors of a running release,
// weights) stay as they are.

namespace serin::cli {

// Where manifests are applied to: the REST API for commands, the object store for `serin up`.
class ApplyTarget {
public:
    virtual ~ApplyTarget() = default;
    virtual Result<Object> get(const ObjectKey& key) = 0;
    virtual Result<Object> create(const Object& object) = 0;
    virtual Result<Object> merge_patch(const ObjectKey& key, const json::Value& patch) = 0;
};

enum class Applied { created, configured, unchanged };

std::string_view to_string(Applied applied);

// Creates the object or changes it to what the manifest says. `ns` is the namespace of manifests
// that name none.
Result<Applied> apply(ApplyTarget& target, Object manifest, std::string_view ns);

// The JSON merge patch that takes `live` to what `wanted` says: members of `wanted` win, members of
// `last` (the manifest applied before) that `wanted` no longer has are removed, all others stay.
// An empty object: nothing to do.
json::Object three_way_patch(
    const json::Object& last, const json::Object& live, const json::Object& wanted);

}  // namespace serin::cli
