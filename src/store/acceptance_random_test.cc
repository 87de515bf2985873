#include "store/acceptance.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>

// Random sequences of writes: whoever lists and watches ends with what is stored, and all stores
// answer alike.

namespace serin::store {

namespace {

const ResourceType& pods = types::pod();
constexpr int rounds = 10;
constexpr int writes = 120;

// What a client knows that listed once and has followed the events since.
class Mirror {
public:
    Mirror(World& world, ListQuery query) : world_(world), query_(std::move(query)) {
        const ObjectList list = world.store().list(query_).value();
        for (const Object& object : list.items) put(object);
        from_ = list.resource_version;
    }

    void start() {
        handle_ = world_.store()
                      .watch(
                          query_,
                          from_,
                          [this](const StoreEvent& event) { take(event); },
                          [](const Error& error) { FAIL(error.message); })
                      .value();
    }

    bool is_up_to_date() const {
        std::map<std::string, std::string> stored;
        const ObjectList list = world_.store().list(query_).value();
        for (const Object& object : list.items) {
            stored[std::string(object.name())] = json::print(object.document());
        }
        return stored == objects_;
    }

private:
    void take(const StoreEvent& event) {
        if (event.kind == EventKind::removed) {
            objects_.erase(std::string(event.object.name()));
        } else {
            put(event.object);
        }
    }
    void put(const Object& object) {
        objects_[std::string(object.name())] = json::print(object.document());
    }

    World& world_;
    ListQuery query_;
    std::string from_;
    std::map<std::string, std::string> objects_;
    std::unique_ptr<WatchHandle> handle_;
};

// Small worlds collide: few names, few values.
class Writer {
public:
    Writer(World& world, unsigned seed) : world_(world), random_(seed) {}

    // Does one random write and tells what came of it, without the uids, which differ.
    std::string write() {
        const std::string name(1, static_cast<char>('a' + below(5)));
        const ObjectKey key{&pods, "default", name};
        switch (below(7)) {
            case 0:
            case 1: {
                Object pod = make(pods, name);
                pod.set_label("app", below(2) == 0 ? "shop" : "web");
                own(pod);
                return told(world_.store().create(pod));
            }
            case 2:
                return told(world_.store().patch(
                    key, PatchKind::merge, parsed(below(2) == 0 ? to_shop : to_web)));
            case 3:
                return told(world_.store().patch(
                    key, PatchKind::merge, json::Object{{"spec", json::Object{{"x", below(3)}}}}));
            case 4:
                return told(world_.store().patch(
                    key, PatchKind::merge, parsed(below(2) == 0 ? running : failed), Part::status));
            case 5:
                return told(world_.store().patch(
                    key, PatchKind::merge, parsed(below(3) == 0 ? hold : release)));
            default:
                return told(world_.store().remove(key, options()));
        }
    }

private:
    static constexpr const char* to_shop = R"({"metadata": {"labels": {"app": "shop"}}})";
    static constexpr const char* to_web = R"({"metadata": {"labels": {"app": "web"}}})";
    static constexpr const char* running = R"({"status": {"phase": "Running"}})";
    static constexpr const char* failed = R"({"status": {"phase": "Failed"}})";
    static constexpr const char* hold = R"({"metadata": {"finalizers": ["serin.dev/hold"]}})";
    static constexpr const char* release = R"({"metadata": {"finalizers": null}})";

    unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }

    RemoveOptions options() {
        RemoveOptions options;
        if (below(4) != 0) options.grace_seconds = 0;
        if (below(4) == 0) options.dependents = RemoveOptions::Dependents::orphan;
        return options;
    }

    // Sometimes another pod is the owner.
    void own(Object& pod) {
        const ObjectList all = world_.store().list({.type = &pods}).value();
        if (all.items.empty() || below(2) == 0) return;
        pod.set_controller(all.items[below(static_cast<unsigned>(all.items.size()))]);
    }

    static std::string told(Result<Object> result) {
        if (!result) return std::string(to_string(result.error().kind));
        result->erase("/metadata/uid");
        result->erase("/metadata/ownerReferences");
        return json::print_canonical(result->document());
    }

    World& world_;
    std::mt19937 random_;
};

std::vector<ListQuery> queries() {
    return {
        {.type = &pods},
        {.type = &pods, .ns = "default", .labels = LabelSelector::parse("app=shop").value()},
        {.type = &pods, .fields = LabelSelector::parse("status.phase=Running").value()},
        {.type = &pods,
         .labels = LabelSelector::parse("app!=web").value(),
         .fields = LabelSelector::parse("metadata.name!=a,status.phase!=Failed").value()}};
}

}  // namespace

TEST_CASE_TEMPLATE("who lists and watches knows what is stored", W, SERIN_STORE_WORLDS) {
    for (unsigned seed = 0; seed < rounds; ++seed) {
        CAPTURE(seed);
        W world;
        Writer writer(world, seed);
        std::vector<std::unique_ptr<Mirror>> mirrors;
        for (int i = 0; i < writes; ++i) {
            if (i % 20 == 0) {
                for (const ListQuery& query : queries()) {
                    mirrors.push_back(std::make_unique<Mirror>(world, query));
                }
            }
            writer.write();
            // Some begin to watch a while after they have listed.
            if (i % 20 == 7) {
                for (size_t at = mirrors.size() - 4; at < mirrors.size(); ++at)
                    mirrors[at]->start();
            }
            if (i % 3 == 0) world.settle();
        }
        world.settle();
        for (const auto& mirror : mirrors) CHECK(mirror->is_up_to_date());
    }
}

TEST_CASE("all stores answer the same writes alike") {
    for (unsigned seed = 100; seed < 100 + rounds; ++seed) {
        MemoryWorld memory;
        SqliteWorld sqlite;
        Writer to_memory(memory, seed);
        Writer to_sqlite(sqlite, seed);
        for (int i = 0; i < writes; ++i) {
            CAPTURE(seed);
            CAPTURE(i);
            REQUIRE(to_memory.write() == to_sqlite.write());
        }
    }
}

}  // namespace serin::store
