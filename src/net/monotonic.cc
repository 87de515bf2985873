#include "net/monotonic.h"

#include <chrono>

namespace serin::net {

Duration monotonic_now() {
    return std::chrono::duration_cast<Duration>(
        std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace serin::net
