#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "server/exposition.h"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace serin::server {

// How many objects of each type there are, kept by watching: a scrape reads no object.
class ObjectCounts {
public:
    ObjectCounts(EventLoop& loop, ObjectStore& store) : loop_(loop), store_(store) {}
    void start();
    void add_to(Exposition& out) const;

private:
    struct Kind {
        std::set<std::string> uids;
        std::unique_ptr<WatchHandle> watch;
        EventLoop::Watch retry;
    };
    void follow(const ResourceType& type);
    void follow_later(const ResourceType& type);

    EventLoop& loop_;
    ObjectStore& store_;
    std::map<const ResourceType*, Kind> kinds_;
};

}  // namespace serin::server
