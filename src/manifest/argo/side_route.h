#pragma once

#include "base/diagnostic.h"
#include "base/json.h"
#include "ports/traffic.h"

#include <string>
#include <vector>

// The steps setHeaderRoute and setMirrorRoute as shapes of requests. Without a match the route of
// that name ends: the shape then has no matches. `path` is the step's, for diagnostics.

namespace serin::argo {

SideRouteShape read_header_route(
    const json::Object& step, const std::string& path, std::vector<Diagnostic>& diagnostics);
SideRouteShape read_mirror_route(
    const json::Object& step, const std::string& path, std::vector<Diagnostic>& diagnostics);

}  // namespace serin::argo
