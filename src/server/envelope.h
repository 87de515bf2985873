#pragma once

#include "server/api_path.h"
#include "server/failure.h"

namespace serin::server {

// Makes the outer parts of a body fit the path it was sent to: fills in apiVersion, kind, name and
// namespace where they are missing, and refuses others (400). The parts every component relies on
// to be objects, lists or texts must be that (422).
Answer<> fit_envelope(json::Object& body, const ApiPath& path);

}  // namespace serin::server
