#pragma once

#include "ports/manual_loop.h"
#include "ports/object_store.h"

#include <memory>
#include <string>
#include <vector>

// The acceptance suite of object stores (acceptance_*_test.cc) runs each claim in every world. A
// new store joins by a world of its own in SERIN_STORE_WORLDS.

namespace serin::store {

// One fresh, empty store and the loop it lives on.
class World {
public:
    virtual ~World() = default;

    virtual ObjectStore& store() = 0;
    // Lets everything that is under way arrive.
    virtual void settle() { loop.run_until_idle(); }

    ManualLoop loop{Instant{std::chrono::hours(24)}};
};

// Changes that a watch can catch up on, in every world.
inline constexpr int kept_changes = 50;

class MemoryWorld : public World {
public:
    MemoryWorld();
    ~MemoryWorld() override;
    ObjectStore& store() override { return *store_; }

private:
    std::unique_ptr<ObjectStore> store_;
};

// A folder that is removed with all it holds.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
    std::string path_;
};

class SqliteWorld : public World {
public:
    SqliteWorld();
    ~SqliteWorld() override;
    ObjectStore& store() override { return *store_; }

private:
    TemporaryFolder folder_;
    std::unique_ptr<ObjectStore> store_;
};

#define SERIN_STORE_WORLDS MemoryWorld, SqliteWorld

// What a watch has told so far, one word an event: "+a ~a -a" for added, modified, removed.
class Watcher {
public:
    Watcher(World& world, const ListQuery& query, const std::string& from = "");
    std::string seen();  // And forgets it.
    const std::vector<StoreEvent>& events() const { return events_; }

private:
    World& world_;
    std::vector<StoreEvent> events_;
    size_t told_ = 0;
    std::unique_ptr<WatchHandle> handle_;
};

// Objects to write; text is JSON for the members beside the envelope.
Object make(const ResourceType& type, std::string_view name, std::string_view members = "{}");
json::Value parsed(std::string_view text);
std::string names(const ObjectList& list);

}  // namespace serin::store
