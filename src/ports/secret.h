#pragma once

#include "base/result.h"
#include "ports/object_store.h"

#include <map>
#include <string>
#include <string_view>

namespace serin {

using SecretValues = std::map<std::string, std::string, std::less<>>;

// The values of a Secret, from `data` in base64 and from `stringData`, which wins as on a cluster.
// `not_found` when there is no such Secret, `invalid` for what is not base64; messages name the
// Secret and the key and never a value.
Result<SecretValues> read_secret(
    const ObjectStore& store, std::string_view ns, std::string_view name);

}  // namespace serin
