#pragma once

#include "base/json.h"
#include "ports/object.h"
#include "ports/object_store.h"

namespace serin::control {

// Replaces the status of `object`, at the version it was read at; nothing is written when it says
// the same already.
Result<> write_status(ObjectStore& store, const Object& object, json::Object status);

}  // namespace serin::control
