#pragma once

#include "base/time.h"

namespace serin {

// The only source of the current time. The real one is in net, the virtual one in sim.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Instant now() const = 0;
};

}  // namespace serin
