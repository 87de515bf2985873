#include "store/acceptance.h"
#include "store/memory.h"
#include "store/sqlite.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <stdlib.h>

namespace serin::store {

TemporaryFolder::TemporaryFolder() {
    path_ = (std::filesystem::temp_directory_path() / "serin-store-XXXXXX").string();
    REQUIRE(mkdtemp(path_.data()) != nullptr);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

MemoryWorld::MemoryWorld() : store_(std::make_unique<MemoryStore>(loop, "seed", kept_changes)) {}
MemoryWorld::~MemoryWorld() = default;

SqliteWorld::SqliteWorld() {
    auto opened =
        SqliteStore::open(loop, {.path = folder_.file("serin.db"), .history_max = kept_changes});
    REQUIRE_MESSAGE(opened, opened.error().message);
    store_ = *std::move(opened);
}
SqliteWorld::~SqliteWorld() = default;

Watcher::Watcher(World& world, const ListQuery& query, const std::string& from) : world_(world) {
    auto handle = world.store().watch(
        query,
        from,
        [this](const StoreEvent& event) { events_.push_back(event); },
        [this](const Error& error) { FAIL(error.message); });
    REQUIRE_MESSAGE(handle, handle.error().message);
    handle_ = *std::move(handle);
}

std::string Watcher::seen() {
    world_.settle();
    std::string words;
    for (; told_ < events_.size(); ++told_) {
        const StoreEvent& event = events_[told_];
        if (!words.empty()) words += ' ';
        words += event.kind == EventKind::added      ? '+'
                 : event.kind == EventKind::modified ? '~'
                                                     : '-';
        words += event.object.name();
    }
    return words;
}

Object make(const ResourceType& type, std::string_view name, std::string_view members) {
    Object object(type, type.is_namespaced ? "default" : "", name);
    const json::Value extra = parsed(members);
    for (const auto& member : extra.get_object()) {
        if (member.key() != "metadata") {
            object.document()[member.key()] = member.value();
            continue;
        }
        for (const auto& field : member.value().get_object()) {
            object.document()["metadata"].get_object()[field.key()] = field.value();
        }
    }
    return object;
}

json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE_MESSAGE(value, value.error().message);
    return *std::move(value);
}

std::string names(const ObjectList& list) {
    std::string all;
    for (const Object& object : list.items) {
        all += fmt::format("{}{}", all.empty() ? "" : " ", object.name());
    }
    return all;
}

}  // namespace serin::store
