#include "store/memory.h"

#include "ports/manual_loop.h"

#include <doctest/doctest.h>

namespace serin::store {

using namespace std::chrono_literals;

namespace {

Object config_map(std::string_view name) {
    return {types::config_map(), "default", name};
}

}  // namespace

TEST_CASE("a failed write may or may not have taken effect") {
    ManualLoop loop;
    MemoryStore store(loop);
    std::optional<WriteFault> next;
    store.set_faults({.on_write = [&](const ObjectKey&) { return std::exchange(next, {}); }});

    next = WriteFault{.error = {ErrorKind::unavailable, "lost on the way"}};
    CHECK(store.create(config_map("a")).error().kind == ErrorKind::unavailable);
    CHECK(store.get(config_map("a").key()).error().kind == ErrorKind::not_found);

    next = WriteFault{.error = {ErrorKind::unavailable, "answer lost"}, .took_effect = true};
    CHECK(store.create(config_map("a")).error().kind == ErrorKind::unavailable);
    CHECK(store.get(config_map("a").key()));
    CHECK(store.create(config_map("a")).error().kind == ErrorKind::exists);
}

TEST_CASE("events can be lost, repeated and reordered") {
    ManualLoop loop;
    MemoryStore store(loop);
    store.set_faults({.on_event = [](const StoreEvent& event) -> Delivery {
        if (event.object.name() == "lost") return {.copies = 0};
        if (event.object.name() == "twice") return {.copies = 2};
        if (event.object.name() == "late") return {.delay = 5s};
        return {};
    }});
    std::string seen;
    const auto watch = store.watch(
        {.type = &types::config_map()},
        "",
        [&](const StoreEvent& event) { seen += std::string(event.object.name()) + " "; },
        {});
    for (const char* name : {"late", "lost", "twice", "plain"}) {
        REQUIRE(store.create(config_map(name)));
    }
    loop.run_until_idle();
    CHECK(seen == "twice twice plain ");
    loop.advance(5s);
    CHECK(seen == "twice twice plain late ");
}

TEST_CASE("forgotten history ends watches and refuses old versions") {
    ManualLoop loop;
    MemoryStore store(loop);
    const std::string before = store.list({.type = &types::config_map()})->resource_version;
    REQUIRE(store.create(config_map("a")));
    std::optional<Error> end;
    const auto watch = store.watch(
        {.type = &types::config_map()}, "", [](const auto&) {}, [&](const Error& e) { end = e; });
    store.forget_history();
    CHECK_FALSE(end);
    loop.run_until_idle();
    REQUIRE(end);
    CHECK(end.value_or(Error{}).kind == ErrorKind::gone);
    CHECK(
        store.watch({.type = &types::config_map()}, before, [](const auto&) {}, {}).error().kind ==
        ErrorKind::gone);
}

TEST_CASE("evidence in memory is chained, appended once, and fails on demand") {
    MemoryEvidenceLog log;
    const EvidenceEntry first = log.append(Instant{1s}, "a", "1", {{"weight", 5}}).value();
    CHECK(log.append(Instant{2s}, "a", "1", {}).value().hash == first.hash);
    std::optional<WriteFault> next;
    log.set_faults([&](const std::string&) { return std::exchange(next, {}); });
    next = WriteFault{.error = {ErrorKind::unavailable, "disk full"}};
    CHECK_FALSE(log.append(Instant{2s}, "b", "1", {}));
    next = WriteFault{.error = {ErrorKind::unavailable, "answer lost"}, .took_effect = true};
    CHECK_FALSE(log.append(Instant{2s}, "c", "1", {}));

    const auto all = log.read("").value();
    CHECK(all.size() == 2);
    CHECK(all.back().release == "c");
    CHECK(verify_chain(all));
    CHECK(log.read("a").value().size() == 1);
    CHECK(log.read("a", 1).value().empty());
    auto forged = all;
    forged.front().body["weight"] = 50;
    CHECK(verify_chain(forged).error().message.contains("entry 1"));
    CHECK_FALSE(verify_chain({all.back(), all.front()}));
}

TEST_CASE("equal seeds and calls make equal stores") {
    const auto run = [](const std::string& seed) {
        ManualLoop loop;
        MemoryStore store(loop, seed);
        Object generated(types::pod(), "default", "");
        generated.put("/metadata/generateName", "shop-");
        return json::print(store.create(generated).value().document());
    };
    CHECK(run("a") == run("a"));
    CHECK(run("a") != run("b"));
}

}  // namespace serin::store
