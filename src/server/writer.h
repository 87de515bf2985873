#pragma once

#include "ports/admission.h"
#include "ports/object_store.h"
#include "server/api_path.h"
#include "server/failure.h"

#include <functional>
#include <string>
#include <vector>

namespace serin::server {

// A patch document applied to a value; store::apply_patch.
using ApplyPatch = std::function<Result<json::Value>(
    const ResourceType& type,
    const json::Object& document,
    PatchKind kind,
    const json::Value& patch)>;

// An object as it was written, and what admission had to say about it.
struct Written {
    Object object;
    std::vector<std::string> warnings;
};

struct WriteOptions {
    bool is_dry_run = false;  // Everything but the write itself.
};

// The writes of the API. The change is made on a copy, judged by admission, and written with the
// version it was made from as precondition; when another writer came between, it is made anew on
// what that one left (unless the client named a version itself).
class Writer {
public:
    Writer(ObjectStore& store, const Admission& admission, ApplyPatch apply_patch);

    Answer<Written> create(const ApiPath& path, json::Object body, WriteOptions options = {});
    Answer<Written> replace(const ApiPath& path, json::Object body, WriteOptions options = {});
    Answer<Written> patch(
        const ApiPath& path, PatchKind kind, const json::Value& patch, WriteOptions options = {});

    // autoscaling/v1 Scale of a type that has it.
    Answer<json::Object> scale(const ApiPath& path) const;
    Answer<Written> replace_scale(
        const ApiPath& path, const json::Object& body, WriteOptions options = {});
    Answer<Written> patch_scale(
        const ApiPath& path, PatchKind kind, const json::Value& patch, WriteOptions options = {});

    struct Removed {
        Object object;
        bool is_gone = true;  // False while finalizers or a grace period hold it.
    };
    Answer<Removed> remove(
        const ApiPath& path, const RemoveOptions& how, WriteOptions options = {});

private:
    using Edit = std::function<Answer<Object>(const Object& current)>;
    Answer<Written> change(
        const ApiPath& path, Part part, const Edit& edit, const WriteOptions& options);
    Answer<std::vector<std::string>> review(
        Object& object, const Object* old, const ApiPath& path) const;

    ObjectStore& store_;
    const Admission& admission_;
    ApplyPatch apply_patch_;
};

// The Scale view of an object.
json::Object scale_of(const Object& object);

}  // namespace serin::server
