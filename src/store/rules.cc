#include "store/rules.h"

#include "base/check.h"
#include "store/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::store {

namespace {

constexpr std::string_view kept_by_store[] = {
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"};

constexpr std::int64_t pod_grace_default = 30;

// Manifests carry "creationTimestamp: null" and the like.
void drop_nulls(json::Object& members) {
    std::vector<std::string> names;
    for (const auto& member : members) {
        if (member.value().is_null()) names.emplace_back(member.key());
    }
    for (const std::string& name : names) members.erase(name);
}

Result<const json::Object*> metadata_of(const Object& object) {
    if (const json::Object* metadata = json::object(object.find("/metadata"))) return metadata;
    return fail(ErrorKind::invalid, "metadata: required value");
}

// REQUIRES: metadata_of(object) has a value.
json::Object& metadata_to_change(Object& object) {
    return object.document().at("metadata").get_object();
}

std::string named(const ResourceType& type) {
    return type.group.empty() ? std::string(type.plural)
                              : fmt::format("{}.{}", type.plural, type.group);
}

// Kubernetes cuts the base so that the name still fits a DNS label.
Result<std::string> generated_name(std::string_view base, Identities& identities) {
    return std::string(base.substr(0, 58)) + identities.next_suffix();
}

Result<> check_immutable(const json::Object& old, const json::Object& wanted) {
    for (const char* field : {"name", "namespace", "uid", "creationTimestamp"}) {
        const json::Value* value = wanted.if_contains(field);
        if (value == nullptr || value->is_null()) continue;
        const json::Value* kept = old.if_contains(field);
        if (kept != nullptr && json::same(*kept, *value)) continue;
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "metadata.{}: invalid value: {}: field is immutable", field, json::print(*value)));
    }
    return {};
}

// All that metadata.generation counts: everything but metadata and status.
bool differs_in_content(const Object& left, const Object& right) {
    const auto has_same = [](const json::Object& from, const json::Object& in) {
        return std::ranges::all_of(from, [&](const auto& member) {
            if (member.key() == "metadata" || member.key() == "status") return true;
            const json::Value* other = in.if_contains(member.key());
            return other != nullptr && json::same(member.value(), *other);
        });
    };
    return !has_same(left.document(), right.document()) ||
           !has_same(right.document(), left.document());
}

void copy_or_erase(const json::Object& from, json::Object& to, std::string_view name) {
    if (const json::Value* value = from.if_contains(name)) {
        to[name] = *value;
    } else {
        to.erase(name);
    }
}

// A former status is not copied to be replaced.
Object with_status_of(Object wanted, const Object& old) {
    json::Value* status = wanted.document().if_contains("status");
    json::Object next;
    next.reserve(old.document().size() + 1);
    for (const auto& member : old.document()) {
        if (member.key() != "status") {
            next.emplace(member.key(), member.value());
        } else if (status != nullptr) {
            next.emplace("status", std::move(*status));
        }
    }
    if (status != nullptr && !next.contains("status")) next.emplace("status", std::move(*status));
    return Object(std::move(next));
}

bool has_finalizers(const Object& object) {
    const json::Array* finalizers = json::array(object.find("/metadata/finalizers"));
    return finalizers != nullptr && !finalizers->empty();
}

// How long the object may take to end, at most.
std::int64_t grace_of(const Object& object, std::optional<std::int64_t> asked) {
    if (object.type() != &types::pod()) return 0;
    if (asked) return std::max<std::int64_t>(*asked, 0);
    return object.integer("/spec/terminationGracePeriodSeconds", pod_grace_default);
}

void count_generation(Object& object, const Object& old) {
    object.put("/metadata/generation", old.generation() + 1);
}

}  // namespace

Result<const ResourceType*> known_type(const Object& object) {
    if (const ResourceType* type = object.type()) return type;
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "no kind \"{}\" is served in version \"{}\"", object.kind(), object.api_version()));
}

Result<Object> new_object(Object object, Instant now, Identities& identities) {
    SERIN_TRY(const ResourceType* type, known_type(object));
    SERIN_TRY_DO(metadata_of(object));
    json::Object* metadata = &metadata_to_change(object);
    drop_nulls(*metadata);
    for (const std::string_view field : kept_by_store) metadata->erase(field);
    metadata->erase("resourceVersion");

    const auto base = json::text(metadata->if_contains("generateName")).value_or("");
    if (object.name().empty() && !base.empty()) {
        SERIN_TRY(const std::string name, generated_name(base, identities));
        (*metadata)["name"] = name;
    }
    SERIN_TRY_DO(check_metadata(*type, object));
    (*metadata)["uid"] = identities.next_uid();
    (*metadata)["creationTimestamp"] = format_time(now);
    (*metadata)["generation"] = 1;
    if (type->has_status) object.document().erase("status");
    return object;
}

Result<Object> next_object(const Object& old, Object wanted, Part part) {
    SERIN_TRY(const json::Object* wanted_metadata, metadata_of(wanted));
    const ObjectKey key = old.key();
    const std::string_view version = wanted.resource_version();
    if (!version.empty() && version != old.resource_version()) {
        return std::unexpected(modified_meanwhile(key));
    }
    const json::Object& old_metadata = old.document().at("metadata").get_object();
    SERIN_TRY_DO(check_immutable(old_metadata, *wanted_metadata));
    if (wanted.api_version() != old.api_version() || wanted.kind() != old.kind()) {
        return fail(ErrorKind::invalid, "apiVersion and kind: fields are immutable");
    }

    if (part == Part::status) {
        if (!key.type->has_status) {
            return fail(
                ErrorKind::invalid, fmt::format("{} have no status subresource", named(*key.type)));
        }
        return with_status_of(std::move(wanted), old);
    }
    json::Object& metadata = metadata_to_change(wanted);
    drop_nulls(metadata);
    for (const std::string_view field : kept_by_store) copy_or_erase(old_metadata, metadata, field);
    for (const char* field : {"name", "namespace", "resourceVersion"}) {
        copy_or_erase(old_metadata, metadata, field);
    }
    if (key.type->has_status) copy_or_erase(old.document(), wanted.document(), "status");
    SERIN_TRY_DO(check_metadata(*key.type, wanted));
    if (differs_in_content(old, wanted)) count_generation(wanted, old);
    return wanted;
}

bool is_ready_to_go(const Object& object) {
    return object.is_being_deleted() && !has_finalizers(object) &&
           object.integer("/metadata/deletionGracePeriodSeconds") == 0;
}

std::optional<Object> marked_for_removal(
    const Object& old, std::optional<std::int64_t> grace_seconds, Instant now) {
    std::int64_t grace = grace_of(old, grace_seconds);
    Instant start = now;
    if (old.is_being_deleted()) {
        // A running grace period can only be cut short.
        const std::int64_t former = old.integer("/metadata/deletionGracePeriodSeconds");
        if (!grace_seconds || grace >= former) grace = former;
        start = old.deletion_time().value_or(now) - std::chrono::seconds(former);
    }
    if (grace == 0 && !has_finalizers(old)) return std::nullopt;

    Object marked = old;
    marked.put(
        "/metadata/deletionTimestamp",
        json::string(format_time(start + std::chrono::seconds(grace))));
    marked.put("/metadata/deletionGracePeriodSeconds", grace);
    if (!old.is_being_deleted()) count_generation(marked, old);
    return marked;
}

std::vector<std::string> owner_uids(const Object& object) {
    std::vector<std::string> uids;
    if (const json::Array* owners = json::array(object.find("/metadata/ownerReferences"))) {
        for (const json::Value& owner : *owners) {
            uids.emplace_back(json::text(json::find(owner, "/uid")).value_or(""));
        }
    }
    return uids;
}

bool strip_owner(Object& object, std::string_view uid) {
    const json::Array* owners = json::array(object.find("/metadata/ownerReferences"));
    if (owners == nullptr) return false;
    json::Array kept;
    for (const json::Value& owner : *owners) {
        if (json::text(json::find(owner, "/uid")) != uid) kept.push_back(owner);
    }
    if (kept.size() == owners->size()) return false;
    if (kept.empty()) {
        object.erase("/metadata/ownerReferences");
    } else {
        object.put("/metadata/ownerReferences", std::move(kept));
    }
    return true;
}

Error not_found(const ObjectKey& key) {
    return {ErrorKind::not_found, fmt::format("{} \"{}\" not found", named(*key.type), key.name)};
}

Error already_exists(const ObjectKey& key) {
    return {ErrorKind::exists, fmt::format("{} \"{}\" already exists", named(*key.type), key.name)};
}

Error modified_meanwhile(const ObjectKey& key) {
    return {
        ErrorKind::conflict,
        fmt::format(
            "operation cannot be fulfilled on {} \"{}\": the object has been modified; please "
            "apply your changes to the latest version and try again",
            named(*key.type),
            key.name)};
}

}  // namespace serin::store
