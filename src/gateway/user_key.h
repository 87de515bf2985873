#pragma once

#include "base/result.h"
#include "ports/object_store.h"

#include <string>

namespace serin::gateway {

// The base64 key by which users are hashed: the same for all processes of this state folder, so
// that a user is known again. It is made when it is first needed.
Result<std::string> user_key(const std::string& folder);

// Makes this folder's key the one in the Secret, which has to exist, or the Secret's this folder's
// if it has none: so that a user is the same one at all gateways of a cluster.
Result<> share_user_key(ObjectStore& store, const ObjectKey& secret, const std::string& folder);

}  // namespace serin::gateway
