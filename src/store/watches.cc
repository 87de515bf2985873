#include "store/watches.h"

#include <algorithm>

namespace serin::store {

namespace {

// What a change of an object is to a watcher whose selectors it entered, kept or left.
std::optional<EventKind> seen_as(EventKind kind, bool matched_before, bool matches_after) {
    if (kind == EventKind::removed) {
        return matched_before ? std::optional(EventKind::removed) : std::nullopt;
    }
    if (matches_after) return matched_before ? EventKind::modified : EventKind::added;
    return matched_before ? std::optional(EventKind::removed) : std::nullopt;
}

}  // namespace

bool matches_fields(const LabelSelector& fields, const Object& object) {
    if (fields.is_empty()) return true;
    Labels values;
    for (const std::string& path : fields.keys()) {
        std::string pointer = "/" + path;
        std::ranges::replace(pointer, '.', '/');
        const json::Value* value = object.find(pointer);
        if (value == nullptr || value->is_null()) {
            values[path] = "";
        } else {
            values[path] = json::text(value).value_or(json::print(*value));
        }
    }
    return fields.matches(values);
}

bool matches(const ListQuery& query, const Object& object) {
    if (query.owner_uid && object.controller_uid() != *query.owner_uid) return false;
    if (!query.ns.empty() && object.ns() != query.ns) return false;
    if (!query.labels.is_empty() && !query.labels.matches(object.labels())) return false;
    return matches_fields(query.fields, object);
}

// Lives as long as its handle, or a delivery that is running.
struct Watches::Watcher {
    ListQuery query;
    ObjectStore::OnEvent on_event;
    ObjectStore::OnEnd on_end;
    bool is_over = false;
    std::vector<EventLoop::Watch> timers;  // Of delayed events.
};

class Watches::Handle : public WatchHandle {
public:
    explicit Handle(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
    ~Handle() override { watcher_->is_over = true; }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

private:
    std::shared_ptr<Watcher> watcher_;
};

std::unique_ptr<WatchHandle> Watches::add(
    const ListQuery& query,
    const std::vector<PastChange>& past,
    ObjectStore::OnEvent on_event,
    ObjectStore::OnEnd on_end) {
    auto watcher = std::make_shared<Watcher>();
    watcher->query = query;
    watcher->on_event = std::move(on_event);
    watcher->on_end = std::move(on_end);
    std::erase_if(watchers_, [](const auto& one) { return one.expired(); });
    watchers_.push_back(watcher);

    for (const PastChange& change : past) {
        if (!query.ns.empty() && change.after.ns() != query.ns) continue;
        // The history does not keep former fields and owners: a watcher may be told of the removal
        // of an object it never saw, but never left with one that no longer matches.
        const bool matched =
            change.kind != EventKind::added && query.labels.matches(change.labels_before) &&
            (change.kind != EventKind::removed ||
             matches({.fields = query.fields, .owner_uid = query.owner_uid}, change.after));
        if (const auto kind = seen_as(change.kind, matched, matches(query, change.after))) {
            send(watcher, std::make_shared<const StoreEvent>(*kind, change.after));
        }
    }
    return std::make_unique<Handle>(std::move(watcher));
}

void Watches::publish(const Change& change) {
    std::map<EventKind, Event> events;  // One document for all watchers.
    for (const auto& one : watchers_) {
        const auto watcher = one.lock();
        if (!watcher || watcher->is_over || watcher->query.type != change.key.type) continue;
        const ListQuery& query = watcher->query;
        const bool matched = change.kind != EventKind::added && matches(query, change.before);
        const auto kind = seen_as(change.kind, matched, matches(query, change.after));
        if (!kind) continue;
        Event& event = events[*kind];
        if (!event) event = std::make_shared<const StoreEvent>(*kind, change.after);
        send(watcher, event);
    }
}

void Watches::send(const std::shared_ptr<Watcher>& watcher, Event event) {
    const Delivery delivery = delivery_ ? delivery_(*event) : Delivery{};
    const std::weak_ptr<Watcher> weak = watcher;
    const auto deliver = [weak, event = std::move(event)] {
        const auto alive = weak.lock();
        if (alive && !alive->is_over) alive->on_event(*event);
    };
    for (int i = 0; i < delivery.copies; ++i) {
        if (delivery.delay > Duration(0)) {
            watcher->timers.push_back(loop_.after(delivery.delay, deliver));
        } else {
            loop_.post(deliver);
        }
    }
}

void Watches::end_all(const Error& error) {
    for (const auto& one : std::exchange(watchers_, {})) {
        if (one.expired()) continue;
        loop_.post([one, error] {
            const auto watcher = one.lock();
            if (!watcher || watcher->is_over) return;
            watcher->is_over = true;
            if (watcher->on_end) watcher->on_end(error);
        });
    }
}

}  // namespace serin::store
