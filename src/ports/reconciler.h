#pragma once

#include "base/result.h"
#include "base/time.h"
#include "ports/object_store.h"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace serin {

// When to be called again although nothing changed. Empty: only a change matters.
using CallAgain = std::optional<Duration>;

// A change of which type concerns which keys. An event on an object of `type` asks for a turn of
// every key that `keys_of` returns.
struct Trigger {
    const ResourceType* type = nullptr;
    std::function<std::vector<ObjectKey>(const Object&)> keys_of;
};

// The object itself / the object that controls it, when that is of `owner`.
Trigger on_change_of(const ResourceType& type);
Trigger on_change_of_owned(const ResourceType& type, const ResourceType& owner);

// Asks for a turn of a key although no object changed: something asynchronous ended.
using RequestTurn = std::function<void(const ObjectKey&)>;

// A level-triggered loop between objects and the world. A request names an object, never an event:
// it may come late, twice, or for an object that is gone. control/manager.h runs it: one turn at a
// time, requests deduplicated, errors retried with backoff (`unavailable`, `conflict` quickly).
class Reconciler {
public:
    virtual ~Reconciler() = default;

    virtual std::string_view name() const = 0;
    virtual std::vector<Trigger> triggers() const = 0;
    // Called once before the first turn, for reconcilers whose work ends outside of a turn. The
    // function may be called on the event loop at any time, also within a turn, and after the
    // reconciler has been stopped (it then does nothing).
    virtual void attach(RequestTurn request) { static_cast<void>(request); }
    // Idempotent. REQUIRES: called on the event loop.
    virtual Result<CallAgain> reconcile(const ObjectKey& key) = 0;
};

}  // namespace serin
