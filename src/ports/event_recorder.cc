#include "ports/event_recorder.h"

#include "base/digest.h"
#include "base/log.h"

#include <fmt/format.h>

#include <utility>

namespace serin {

namespace {

// Names that are remembered, for who says the same again soon.
constexpr std::size_t said_max = 4096;

std::string_view written(EventType type) {
    return type == EventType::normal ? "Normal" : "Warning";
}

json::Object reference_to(const Object& about) {
    json::Object reference{
        {"apiVersion", about.api_version()},
        {"kind", about.kind()},
        {"name", about.name()},
        {"uid", about.uid()}};
    if (!about.ns().empty()) reference["namespace"] = about.ns();
    return reference;
}

}  // namespace

EventRecorder::EventRecorder(ObjectStore& store, const Clock& clock, std::string component)
    : store_(store), clock_(clock), component_(std::move(component)) {}

Result<Object> EventRecorder::say_again(
    const ObjectKey& key, std::int64_t count, const std::string& now) {
    const json::Object again{{"count", count + 1}, {"lastTimestamp", json::string(now)}};
    return store_.patch(key, PatchKind::merge, again);
}

void EventRecorder::record(
    const Object& about, EventType type, std::string_view reason, std::string_view message) {
    const std::string said =
        fmt::format("{}\n{}\n{}\n{}\n{}", about.uid(), component_, written(type), reason, message);
    // An Event's name may have 253 characters.
    const std::string name =
        fmt::format("{}.{}", about.name().substr(0, 230), sha256_hex(said).substr(0, 16));
    // Events about cluster-scoped objects lie in "default", as in Kubernetes.
    const std::string ns(about.ns().empty() ? "default" : about.ns());
    const ObjectKey key{.type = &types::event(), .ns = ns, .name = name};
    const std::string now = format_time(clock_.now());

    // What has not been said lately is most likely new, and a store may be far away: it is not
    // asked.
    Result<Object> stored = fail(ErrorKind::not_found, "not said lately");
    if (said_.contains(name)) stored = say_again(key, said_[name], now);
    if (!stored && stored.error().kind == ErrorKind::not_found) {
        Object event(types::event(), ns, name);
        event.put("/involvedObject", reference_to(about));
        event.put("/type", json::string(written(type)));
        event.put("/reason", json::string(reason));
        event.put("/message", json::string(message));
        event.put("/count", 1);
        event.put("/firstTimestamp", json::string(now));
        event.put("/lastTimestamp", json::string(now));
        event.put("/source", json::Object{{"component", component_}});
        event.put("/reportingComponent", json::string(component_));
        stored = store_.create(std::move(event));
    }
    if (!stored && stored.error().kind == ErrorKind::exists) {
        stored = store_.get(key);
        if (stored) stored = say_again(key, stored->integer("/count", 1), now);
    }
    if (said_.size() >= said_max) said_.clear();
    if (stored) said_[name] = stored->integer("/count", 1);
    if (!stored) {
        log::warning(
            "event_lost",
            {{"about", about.name()}, {"reason", reason}, {"error", stored.error().message}});
    }
}

}  // namespace serin
