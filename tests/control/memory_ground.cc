#include "memory_ground.h"

namespace serin::control {

std::unique_ptr<Ground> make_ground(Instant start) {
    return std::make_unique<MemoryGround>(start);
}

}  // namespace serin::control
