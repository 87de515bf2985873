#pragma once

#include "ports/clock.h"
#include "ports/object_store.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace serin {

enum class EventType { normal, warning };

// Tells people what happened to an object, as `kubectl describe` and `serin events` show it: Event
// objects in the object's namespace. Saying the same about the same object again counts up one
// Event, so its name derives from what it says.
//
// Events are news, not state: nothing may depend on one, and one that cannot be written is only
// logged. Messages never hold secrets. REQUIRES: used on the event loop.
class EventRecorder {
public:
    // `component` names the speaker: "serin-node". Store and clock outlive the recorder.
    EventRecorder(ObjectStore& store, const Clock& clock, std::string component);

    // `reason` is one CamelCase word; `message` is a clause for people.
    void record(
        const Object& about, EventType type, std::string_view reason, std::string_view message);

private:
    Result<Object> say_again(const ObjectKey& key, std::int64_t count, const std::string& now);

    ObjectStore& store_;
    const Clock& clock_;
    std::string component_;
    std::map<std::string, std::int64_t> said_;  // How often, of the latest.
};

}  // namespace serin
