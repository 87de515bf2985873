#pragma once

#include "base/time.h"
#include "ports/object_store.h"
#include "store/identity.h"

#include <optional>
#include <string>

// What a write makes of an object: the semantics all our stores share, as functions of values.
// Versions and places are the store's business.

namespace serin::store {

// The type, or `invalid`.
Result<const ResourceType*> known_type(const Object& object);

// A new object as it is to be stored, without its resource version. A name made from generateName
// may be taken: then try again.
Result<Object> new_object(Object object, Instant now, Identities& identities);

// `old` with `part` replaced by that of `wanted`, generation counted on. Equal to `old` when there
// is nothing to write. `invalid` when immutable metadata would change; `conflict` when `wanted`
// names another resource version.
Result<Object> next_object(const Object& old, Object wanted, Part part);

// Whether nothing holds a deleted object back any more.
bool is_ready_to_go(const Object& object);

// What removing `old` comes to: the marked object while grace or finalizers hold it back (equal to
// `old` when it is marked already), or nothing when it can go at once.
std::optional<Object> marked_for_removal(
    const Object& old, std::optional<std::int64_t> grace_seconds, Instant now);

// The uids of all owners.
std::vector<std::string> owner_uids(const Object& object);
// Takes the references to `uid` away; true if there was one.
bool strip_owner(Object& object, std::string_view uid);

// Kubernetes' words for the usual failures.
Error not_found(const ObjectKey& key);
Error already_exists(const ObjectKey& key);
Error modified_meanwhile(const ObjectKey& key);

}  // namespace serin::store
