#pragma once

#include "ports/object_store.h"

#include <vector>

namespace serin::control {

// What the controllers of releases, analyses and experiments watch, and what they look at in every
// turn: what a store over a network keeps in memory. Of a type that is selected from, they read
// other objects now and then, by name.
std::vector<ListQuery> followed_types();

}  // namespace serin::control
