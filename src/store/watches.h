#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "store/table.h"

#include <functional>
#include <memory>
#include <vector>

namespace serin::store {

// What to do with one event on its way to one watcher. Real stores deliver each once; the memory
// store can be told to lose, repeat and delay (and so reorder) them.
struct Delivery {
    int copies = 1;
    Duration delay{0};
};

// Whether an object's fields match, by ListQuery::fields; an absent field is the empty text.
bool matches_fields(const LabelSelector& fields, const Object& object);
// Whether the namespace, labels and fields match; the type is not looked at.
bool matches(const ListQuery& query, const Object& object);

// The open watches of one store. Events go to the loop, each watcher's in order.
class Watches {
public:
    explicit Watches(EventLoop& loop) : loop_(loop) {}

    // Starts a watch; `past` is what it has missed.
    std::unique_ptr<WatchHandle> add(
        const ListQuery& query,
        const std::vector<PastChange>& past,
        ObjectStore::OnEvent on_event,
        ObjectStore::OnEnd on_end);
    void publish(const Change& change);
    void end_all(const Error& error);

    void set_delivery(std::function<Delivery(const StoreEvent&)> delivery) {
        delivery_ = std::move(delivery);
    }

private:
    struct Watcher;
    class Handle;
    using Event = std::shared_ptr<const StoreEvent>;
    void send(const std::shared_ptr<Watcher>& watcher, Event event);

    EventLoop& loop_;
    std::vector<std::weak_ptr<Watcher>> watchers_;
    std::function<Delivery(const StoreEvent&)> delivery_;
};

}  // namespace serin::store
