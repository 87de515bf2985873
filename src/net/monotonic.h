#pragma once

#include "base/time.h"

namespace serin::net {

// Time since some instant of the past, which no change of the system's clock moves: for deadlines
// that have to hold.
Duration monotonic_now();

}  // namespace serin::net
