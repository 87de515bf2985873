#include "control/event_expiry.h"

namespace serin::control {

Result<CallAgain> EventExpiry::reconcile(const ObjectKey& key) {
    const auto event = store_.get(key);
    if (!event) {
        if (event.error().kind == ErrorKind::not_found) return CallAgain();
        return std::unexpected(event.error());
    }
    auto seen = event->time("/lastTimestamp");
    if (!seen) seen = event->created();
    if (!seen) return CallAgain();

    const Duration left = *seen + keep_ - clock_.now();
    if (left > Duration(0)) return CallAgain(left);
    const auto removed =
        store_.remove(key, {.resource_version = std::string(event->resource_version())});
    if (!removed && removed.error().kind != ErrorKind::not_found) {
        return std::unexpected(removed.error());
    }
    return CallAgain();
}

}  // namespace serin::control
