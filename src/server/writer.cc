#include "server/writer.h"

#include "ports/selector.h"
#include "server/envelope.h"

#include <fmt/format.h>

namespace serin::server {

namespace {

constexpr int attempts_max = 8;

ObjectKey key_of(const ApiPath& path) {
    return {.type = path.type, .ns = path.ns, .name = path.name};
}

Subject subject_of(const ApiPath& path) {
    return {.type = path.type, .name = path.name};
}

std::unexpected<Failure> failed(const Error& error, const ApiPath& path) {
    return std::unexpected(failure_of(error, subject_of(path)));
}

Part part_of(const ApiPath& path) {
    return path.subresource == "status" ? Part::status : Part::main;
}

// A version or uid that the client names is a precondition.
Answer<> check_preconditions(const Object& wanted, const Object& current, const ApiPath& path) {
    const std::string_view version = wanted.resource_version();
    if (!version.empty() && version != current.resource_version()) {
        return failed(
            {ErrorKind::conflict,
             fmt::format("it is at version {}, not {}", current.resource_version(), version)},
            path);
    }
    if (!wanted.uid().empty() && wanted.uid() != current.uid()) {
        return failed(
            {ErrorKind::conflict,
             fmt::format(
                 "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                 wanted.uid(),
                 current.uid())},
            path);
    }
    return {};
}

}  // namespace

Writer::Writer(ObjectStore& store, const Admission& admission, ApplyPatch apply_patch)
    : store_(store), admission_(admission), apply_patch_(std::move(apply_patch)) {}

Answer<std::vector<std::string>> Writer::review(
    Object& object, const Object* old, const ApiPath& path) const {
    const std::vector<Diagnostic> diagnostics = admission_.review(object, old);
    if (has_errors(diagnostics)) {
        return std::unexpected(
            invalid_object(diagnostics, {.type = path.type, .name = std::string(object.name())}));
    }
    std::vector<std::string> warnings;
    for (const Diagnostic& one : diagnostics) {
        std::string text = one.path.empty() ? one.message : one.path + ": " + one.message;
        if (!one.suggestion.empty()) text += fmt::format(" ({})", one.suggestion);
        warnings.push_back(std::move(text));
    }
    return warnings;
}

Answer<Written> Writer::create(const ApiPath& path, json::Object body, WriteOptions options) {
    SERIN_TRY_DO(fit_envelope(body, path));
    Written written{.object = Object(std::move(body))};
    SERIN_TRY(written.warnings, review(written.object, nullptr, path));

    ApiPath named = path;
    named.name = written.object.name();
    if (options.is_dry_run) {
        if (!named.name.empty() && store_.get(key_of(named))) {
            return failed({ErrorKind::exists, ""}, named);
        }
        return written;
    }
    auto stored = store_.create(written.object);
    if (!stored) return failed(stored.error(), named);
    written.object = std::move(*stored);
    return written;
}

Answer<Written> Writer::change(
    const ApiPath& path, Part part, const Edit& edit, const WriteOptions& options) {
    for (int attempt = 1;; ++attempt) {
        const auto current = store_.get(key_of(path));
        if (!current) return failed(current.error(), path);

        Written written;
        SERIN_TRY(written.object, edit(*current));
        SERIN_TRY_DO(fit_envelope(written.object.document(), path));
        SERIN_TRY_DO(check_preconditions(written.object, *current, path));
        const bool is_pinned = !written.object.resource_version().empty();
        if (part == Part::main) {
            SERIN_TRY(written.warnings, review(written.object, &*current, path));
        }
        if (options.is_dry_run) return written;

        written.object.put("/metadata/resourceVersion", json::string(current->resource_version()));
        auto stored = store_.update(written.object, part);
        if (stored) {
            written.object = std::move(*stored);
            return written;
        }
        const bool can_retry = stored.error().kind == ErrorKind::conflict && !is_pinned;
        if (!can_retry || attempt == attempts_max) return failed(stored.error(), path);
    }
}

Answer<Written> Writer::replace(const ApiPath& path, json::Object body, WriteOptions options) {
    const Edit edit = [&](const Object&) -> Answer<Object> { return Object(body); };
    return change(path, part_of(path), edit, options);
}

Answer<Written> Writer::patch(
    const ApiPath& path, PatchKind kind, const json::Value& patch, WriteOptions options) {
    const Edit edit = [&](const Object& current) -> Answer<Object> {
        // The patch must name a version itself to have it as precondition.
        json::Object before = current.document();
        json::erase(before, "/metadata/resourceVersion");
        auto after = apply_patch_(*path.type, before, kind, patch);
        // A JSON patch may test the version, which then has to be there.
        if (!after) after = apply_patch_(*path.type, current.document(), kind, patch);
        if (!after) return failed(after.error(), path);
        if (!after->is_object()) {
            return std::unexpected(bad_request("the patch does not leave an object"));
        }
        return Object(std::move(after->get_object()));
    };
    return change(path, part_of(path), edit, options);
}

// Scale

json::Object scale_of(const Object& object) {
    json::Object metadata;
    for (const char* name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
        if (const json::Value* value = object.find(fmt::format("/metadata/{}", name))) {
            metadata[name] = *value;
        }
    }
    std::string selector(object.text("/status/selector"));
    if (const json::Value* written = object.find("/spec/selector");
        selector.empty() && written != nullptr) {
        if (const auto read = LabelSelector::read(*written)) selector = read->to_string();
    }
    return {
        {"kind", "Scale"},
        {"apiVersion", "autoscaling/v1"},
        {"metadata", std::move(metadata)},
        {"spec", json::Object{{"replicas", object.integer("/spec/replicas", 1)}}},
        {"status",
         json::Object{{"replicas", object.integer("/status/replicas")}, {"selector", selector}}}};
}

Answer<json::Object> Writer::scale(const ApiPath& path) const {
    const auto current = store_.get(key_of(path));
    if (!current) return failed(current.error(), path);
    return scale_of(*current);
}

namespace {

// The object with the Scale's replicas and preconditions.
Answer<Object> rescaled(const Object& current, const json::Object& scale, const ApiPath& path) {
    const auto replicas = json::integer(json::find(scale, "/spec/replicas"));
    if (!replicas || *replicas < 0) {
        return std::unexpected(invalid_object(
            {{.path = "spec.replicas", .message = "must be an integer of at least 0"}},
            subject_of(path)));
    }
    Object wanted = current;
    wanted.put("/spec/replicas", json::Value(*replicas));
    for (const std::string_view pointer : {"/metadata/resourceVersion", "/metadata/uid"}) {
        wanted.erase(pointer);
        if (const auto named = json::text(json::find(scale, pointer))) {
            wanted.put(pointer, json::string(*named));
        }
    }
    return wanted;
}

}  // namespace

Answer<Written> Writer::replace_scale(
    const ApiPath& path, const json::Object& body, WriteOptions options) {
    const Edit edit = [&](const Object& current) { return rescaled(current, body, path); };
    return change(path, Part::main, edit, options);
}

Answer<Written> Writer::patch_scale(
    const ApiPath& path, PatchKind kind, const json::Value& patch, WriteOptions options) {
    const Edit edit = [&](const Object& current) -> Answer<Object> {
        json::Object before = scale_of(current);
        json::erase(before, "/metadata/resourceVersion");
        // A Scale has no lists, so a strategic patch of it is a merge patch.
        const PatchKind plain = kind == PatchKind::strategic ? PatchKind::merge : kind;
        const auto after = apply_patch_(*path.type, before, plain, patch);
        if (!after) return failed(after.error(), path);
        if (!after->is_object()) {
            return std::unexpected(bad_request("the patch does not leave an object"));
        }
        return rescaled(current, after->get_object(), path);
    };
    return change(path, Part::main, edit, options);
}

Answer<Writer::Removed> Writer::remove(
    const ApiPath& path, const RemoveOptions& how, WriteOptions options) {
    const ObjectKey key = key_of(path);
    auto left = options.is_dry_run ? store_.get(key) : store_.remove(key, how);
    if (!left) return failed(left.error(), path);
    Removed removed{.object = std::move(*left)};
    if (!options.is_dry_run) {
        const auto now = store_.get(key);
        removed.is_gone = !now || now->uid() != removed.object.uid();
    }
    return removed;
}

}  // namespace serin::server
