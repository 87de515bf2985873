#pragma once

#include "gateway/model.h"

namespace serin::gateway {

// An HTTPRoute as values. What is not supported or must not reach a configuration file becomes the
// route's `problem`; such a route is not served at all, because serving it without one of its
// conditions would send requests where its author did not want them. A bad backendRef is only that
// reference's problem.
RouteSpec read_route(const Object& route);

// Equal in everything but weights: the data plane can follow without a new configuration.
bool differ_in_weights_only(const RouteSpec& left, const RouteSpec& right);

}  // namespace serin::gateway
