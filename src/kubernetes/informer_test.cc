#include "kubernetes/informer.h"

#include "ports/manual_loop.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <utility>

namespace serin::kubernetes {

namespace {

using namespace std::chrono_literals;

const ResourceType& sets = types::replica_set();

// An API of which the test answers each request by hand.
class ScriptedClient : public HttpClient {
public:
    struct Request {
        std::string url;
        std::function<void(std::string_view)> on_body;
        Done done;
        bool is_cancelled = false;
    };

    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        auto made = std::make_shared<Request>();
        made->url = request.url;
        made->on_body = std::move(request.on_body);
        made->done = std::move(done);
        requests.push_back(made);
        return std::make_unique<Cancel>(made);
    }

    Request& last() {
        REQUIRE_FALSE(requests.empty());
        return *requests.back();
    }
    void answer(int status, std::string body) {
        HttpResponse response;
        response.status = status;
        response.body = std::move(body);
        last().done(std::move(response));
    }

    std::vector<std::shared_ptr<Request>> requests;

private:
    struct Cancel : public Call {
        explicit Cancel(std::shared_ptr<Request> made) : request(std::move(made)) {}
        ~Cancel() override { request->is_cancelled = true; }
        Cancel(const Cancel&) = delete;
        Cancel& operator=(const Cancel&) = delete;
        std::shared_ptr<Request> request;
    };
};

std::string set_json(std::string_view name, int version, int replicas, std::string_view uid = "") {
    return fmt::format(
        R"({{"metadata": {{"name": "{0}", "namespace": "default", "uid": "{1}", "resourceVersion": "{2}",
            "managedFields": [{{"manager": "kubectl"}}]}}, "spec": {{"replicas": {3}}}}})",
        name,
        uid.empty() ? name : uid,
        version,
        replicas);
}

std::string list_json(
    int version, const std::vector<std::string>& items, std::string_view more = "") {
    return fmt::format(
        R"({{"kind": "ReplicaSetList", "metadata": {{"resourceVersion": "{}", "continue": "{}"}}, "items": [{}]}})",
        version,
        more,
        fmt::join(items, ","));
}

// As the API writes a watch: an event a line.
std::string on_a_line(std::string text) {
    std::erase(text, '\n');
    return text;
}

struct World {
    ManualLoop loop{Instant{24h}};
    ScriptedClient http;
    Api api{loop, http, {.server = "https://cluster"}};
    TypeCache cache{loop, sets};
    Informer informer{api, cache, {.type = &sets}};
    std::string told;
    std::unique_ptr<WatchHandle> watch;
    bool is_synced = false;

    World() {
        watch = *cache.watch(
            {.type = &sets},
            "",
            [this](const StoreEvent& event) {
                told += event.kind == EventKind::added      ? '+'
                        : event.kind == EventKind::modified ? '~'
                                                            : '-';
                told += event.object.name();
                told += event.object.resource_version();
                told += ' ';
            },
            [](const Error& error) { FAIL(error.message); });
        informer.start([this] { is_synced = true; });
    }

    void event(std::string_view type, const std::string& object) {
        http.last().on_body(
            fmt::format(R"({{"type": "{}", "object": {}}})", type, on_a_line(object)) + "\n");
    }
    std::string news() {
        loop.run_until_idle();
        return std::exchange(told, "");
    }
    void put(const std::string& object) {
        cache.put(object_from(json::parse(object).value(), sets));
    }
    std::int64_t replicas(const char* name) {
        const auto object = cache.find({"default", name});
        return object ? object->integer("/spec/replicas") : -1;
    }
};

}  // namespace

TEST_CASE("an answer that is no list does not empty what is known") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.event("ERROR", R"({"code": 410})");
    world.loop.advance(1s);
    const std::vector<std::string> answers{
        R"({"kind": "Status", "metadata": {}})", R"({"items": []})", set_json("a", 3, 1), "[]"};
    for (const std::string& answer : answers) {
        CAPTURE(answer);
        const size_t asked = world.http.requests.size();
        world.http.answer(200, answer);
        world.loop.advance(30s);
        REQUIRE(world.http.requests.size() == asked + 1);
        CHECK(world.http.last().url.ends_with("?limit=500"));
    }
    world.news();
    CHECK(world.replicas("a") == 1);
    world.http.answer(200, R"({"metadata": {"resourceVersion": "9"}, "items": null})");
    CHECK(world.news() == "-a3 ");
}

TEST_CASE("an informer lists in pages, then follows") {
    World world;
    CHECK(world.http.last().url == "https://cluster/apis/apps/v1/replicasets?limit=500");
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}, "next page"));
    CHECK_FALSE(world.is_synced);
    CHECK(world.http.last().url.ends_with("&continue=next%20page"));
    world.http.answer(200, list_json(7, {set_json("b", 5, 1)}));
    CHECK(world.is_synced);
    CHECK(world.news() == "+a3 +b5 ");
    CHECK(world.http.last().url.contains("resourceVersion=7"));
    CHECK(world.http.last().url.contains("allowWatchBookmarks=true"));
    CHECK(world.cache.find({"default", "a"})->kind() == "ReplicaSet");
    CHECK(world.cache.find({"default", "a"})->find("/metadata/managedFields") == nullptr);

    world.event("MODIFIED", set_json("a", 8, 2));
    world.event("DELETED", set_json("b", 9, 1));
    CHECK(world.news() == "~a8 -b9 ");
    CHECK(world.replicas("a") == 2);
    CHECK(world.replicas("b") == -1);
}

TEST_CASE("a watch that ends is resumed where it stopped, at bookmarks too") {
    World world;
    world.http.answer(200, list_json(7, {}));
    world.event("BOOKMARK", R"({"metadata": {"resourceVersion": "41"}})");
    world.http.answer(200, "");
    world.loop.advance(1s);
    CHECK(world.http.last().url.contains("resourceVersion=41"));
    CHECK(world.informer.lists() == 1);

    // Refused: with more and more patience, and never given up.
    const size_t before = world.http.requests.size();
    for (int i = 0; i < 4; ++i) {
        world.http.last().done(fail(ErrorKind::unavailable, "connection refused"));
        world.loop.advance(60s);
        CHECK(world.http.requests.size() == before + static_cast<size_t>(i) + 1);
    }
}

TEST_CASE("a version that is too old is listed anew, though the watch ends in the same breath") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.news();
    world.event("ERROR", R"({"kind": "Status", "code": 410, "reason": "Expired"})");
    world.http.answer(200, "");  // The stream's end, before the loop does anything else.
    world.loop.advance(60s);
    CHECK(world.http.last().url.contains("limit=500"));
    world.http.answer(200, list_json(90, {set_json("a", 80, 2)}));
    CHECK(world.news() == "~a80 ");
    CHECK(world.http.last().url.contains("resourceVersion=90"));
}

TEST_CASE("watches that end as they begin are not believed for ever: all is listed anew") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.news();
    for (int i = 0; i < 20 && world.informer.lists() == 1; ++i) {
        const std::size_t asked = world.http.requests.size();
        world.http.answer(200, "");
        while (world.http.requests.size() == asked) world.loop.advance(50ms);
    }
    CHECK(world.http.last().url.contains("limit=500"));
    world.http.answer(200, list_json(90, {set_json("a", 80, 2)}));
    CHECK(world.news() == "~a80 ");
}

TEST_CASE("the first watches are short, because they may be told nothing") {
    World world;
    world.http.answer(200, list_json(7, {}));
    for (const bool is_after_failure : {false, true}) {
        if (is_after_failure) {
            world.loop.advance(1s);
            world.http.last().done(fail(ErrorKind::unavailable, "connection refused"));
        }
        for (const int seconds : {5, 10, 20, 40, 80, 160, 290, 290}) {
            world.loop.advance(1s);
            CHECK(world.http.last().url.contains(fmt::format("timeoutSeconds={}", seconds)));
            CHECK(world.http.last().url.contains("resourceVersion=7"));
            world.loop.advance(std::chrono::seconds(seconds));
            world.http.answer(200, "");
        }
    }
    CHECK(world.informer.lists() == 1);
}

TEST_CASE("an API server that starts and does not know a type yet does not make it empty") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.news();
    const auto not_found = [&] {
        world.http.answer(404, R"({"kind": "Status", "reason": "NotFound"})");
    };
    not_found();  // The watch, then lists.
    for (int i = 0; i < 6; ++i) {
        world.loop.advance(31s);
        not_found();
    }
    CHECK(world.news().empty());
    CHECK(world.replicas("a") == 1);
    world.loop.advance(31s);
    world.http.answer(200, list_json(9, {set_json("a", 8, 2)}));
    CHECK(world.news() == "~a8 ");

    // A type that stays away is gone.
    not_found();
    for (int i = 0; i < 9; ++i) {
        world.loop.advance(31s);
        not_found();
    }
    CHECK(world.news() == "-a8 ");
}

TEST_CASE("an outrun watch lists again and tells what changed meanwhile") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1), set_json("b", 5, 1)}));
    world.news();
    world.event("ERROR", R"({"kind": "Status", "code": 410, "reason": "Expired"})");
    const auto stale = world.http.requests.back();
    world.loop.advance(1s);
    CHECK(world.informer.lists() == 2);
    // What the old stream still says is nobody's.
    stale->on_body(
        fmt::format(R"({{"type": "MODIFIED", "object": {}}})", on_a_line(set_json("a", 90, 9))) +
        "\n");
    world.http.answer(200, list_json(30, {set_json("a", 20, 4), set_json("c", 21, 1)}));
    CHECK(world.news() == "~a20 +c21 -b5 ");

    world.http.answer(410, R"({"kind": "Status", "code": 410})");
    world.loop.advance(1s);
    CHECK(world.informer.lists() == 3);
}

TEST_CASE("a busy API is left alone for as long as it asks") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    const std::size_t asked = world.http.requests.size();
    HttpResponse busy;
    busy.status = 429;
    busy.headers = {{"retry-after", "20"}};
    world.http.last().done(std::move(busy));
    world.loop.advance(15s);
    CHECK(world.http.requests.size() == asked);
    world.loop.advance(6s);
    CHECK(world.http.requests.size() == asked + 1);
    CHECK(world.http.last().url.contains("resourceVersion=7"));
}

TEST_CASE("an API that forgets what it has just listed is asked less and less") {
    World world;
    const Instant end = world.loop.now() + 120s;
    bool is_refused = false;
    while (world.loop.now() < end) {
        if (world.http.last().url.contains("limit=500")) {
            world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
        }
        is_refused = !is_refused;
        if (is_refused) {
            world.http.answer(410, R"({"kind": "Status", "code": 410})");
        } else {
            world.event("ERROR", R"({"kind": "Status", "code": 410})");
        }
        const std::size_t asked = world.http.requests.size();
        while (world.http.requests.size() == asked) world.loop.advance(50ms);
    }
    CHECK(world.informer.lists() > 5);
    CHECK(world.informer.lists() < 16);

    // A watch that tells something is as good as ever.
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.event("MODIFIED", set_json("a", 8, 2));
    const auto lists = world.informer.lists();
    world.event("ERROR", R"({"kind": "Status", "code": 410})");
    world.loop.run_until_idle();
    world.loop.advance(1ms);
    CHECK(world.informer.lists() == lists + 1);
}

TEST_CASE("a line that is no event costs a list, not the truth") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.http.last().on_body("{\"type\": \"MODIF");
    world.http.last().on_body("garbage\n");
    world.loop.advance(1s);
    CHECK(world.informer.lists() == 2);
}

TEST_CASE("a type that the cluster lacks is empty until it comes") {
    World world;
    world.http.answer(404, R"({"kind": "Status", "reason": "NotFound"})");
    CHECK(world.is_synced);
    CHECK(world.cache.select({.type = &sets}).items.empty());
    world.loop.advance(31s);
    world.http.answer(200, list_json(9, {set_json("a", 3, 1)}));
    CHECK(world.news() == "+a3 ");
}

TEST_CASE("an optional type that may not be read counts as empty, until it may") {
    const std::string refusal = R"({"kind": "Status", "reason": "Forbidden"})";
    World world;
    world.http.answer(403, refusal);
    CHECK_FALSE(world.is_synced);

    Informer optional{world.api, world.cache, {.type = &sets}, true};
    bool is_synced = false;
    optional.start([&] { is_synced = true; });
    world.http.answer(403, refusal);
    CHECK(is_synced);
    CHECK(optional.is_denied());
}

TEST_CASE("a write of ours is read at once, and older news do not undo it") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    world.news();
    world.put(set_json("a", 12, 5));
    CHECK(world.replicas("a") == 5);
    CHECK(world.news() == "~a12 ");
    world.event("MODIFIED", set_json("a", 10, 2));  // Somebody's write before ours.
    world.event("MODIFIED", set_json("a", 12, 5));  // Ours.
    CHECK(world.replicas("a") == 5);
    CHECK(world.news().empty());
    world.event("MODIFIED", set_json("a", 13, 6));
    CHECK(world.news() == "~a13 ");

    // A list as of before our write does not know of it.
    world.put(set_json("new", 40, 1));
    world.event("ERROR", R"({"kind": "Status", "code": 410})");
    world.loop.advance(1s);
    world.http.answer(200, list_json(39, {set_json("a", 13, 6)}));
    CHECK(world.replicas("new") == 1);
}

TEST_CASE("what we removed is not found, and a new one of its name is another") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1, "first")}));
    world.news();
    world.cache.hide({"default", "a"}, "first");
    CHECK(world.replicas("a") == -1);
    world.event("MODIFIED", set_json("a", 9, 1, "first"));  // On its way before the removal.
    CHECK(world.replicas("a") == -1);
    world.news();

    SUBCASE("the watch tells of the removal") {
        world.event("DELETED", set_json("a", 10, 1, "first"));
        CHECK(world.news() == "-a10 ");
    }
    SUBCASE("a new one is made first") {
        world.put(set_json("a", 15, 3, "second"));
        CHECK(world.replicas("a") == 3);
        CHECK(world.news() == "-a9 +a15 ");
        world.event("DELETED", set_json("a", 10, 1, "first"));
        CHECK(world.replicas("a") == 3);
        CHECK(world.news().empty());
    }
}

TEST_CASE("the children of one owner are found, while they are its children") {
    World world;
    const auto with_owner = [](const char* name, int version, const char* owner) {
        Object object = object_from(json::parse(set_json(name, version, 1)).value(), sets);
        if (*owner == '\0') return object;
        Object parent(types::rollout(), "default", owner);
        parent.put("/metadata/uid", json::string(owner));
        object.set_controller(parent);
        return object;
    };
    const auto children = [&](const char* owner) {
        std::string names;
        const auto list = world.cache.select({.type = &sets, .owner_uid = owner});
        for (const Object& one : list.items) names += one.name();
        return names;
    };
    world.cache.put(with_owner("b", 3, "shop"));
    world.cache.put(with_owner("a", 4, "shop"));
    world.cache.put(with_owner("c", 5, ""));
    CHECK(children("shop") == "ab");
    CHECK(children("") == "c");
    world.cache.put(with_owner("a", 6, "other"));
    world.cache.hide({"default", "b"}, "b");
    CHECK(children("shop").empty());
    CHECK(children("other") == "a");
    world.cache.retain("", {}, "9");
    CHECK(children("other").empty());
}

TEST_CASE("a cache is read in pages, which end where nothing more matches") {
    World world;
    for (int i = 0; i < 7; ++i) world.put(set_json(fmt::format("a{}", i), 10 + i, i % 2));
    world.cache.hide({"default", "a3"}, "a3");
    std::string names;
    ListQuery query{.type = &sets, .ns = "default", .limit = 2};
    int pages = 0;
    do {
        const auto page = world.cache.select(query);
        CHECK(page.items.size() <= 2);
        for (const Object& one : page.items) names += one.name();
        query.continue_at = page.continue_at;
    } while (++pages < 9 && !query.continue_at.empty());
    CHECK(names == "a0a1a2a4a5a6");
    CHECK(pages == 3);
    CHECK(world.cache.select({.type = &sets, .ns = "other", .limit = 2}).items.empty());
}

TEST_CASE("of very many objects each is read as it was put") {
    World world;
    // More than are kept parsed.
    const std::string padding(20'000, 'x');
    for (int i = 0; i < 100; ++i) {
        Object object =
            object_from(json::parse(set_json(fmt::format("a{}", i), 10 + i, i)).value(), sets);
        object.set_annotation("padding", padding);
        world.cache.put(object);
    }
    for (int i = 0; i < 100; ++i) CHECK(world.replicas(fmt::format("a{}", i).c_str()) == i);
    world.put(set_json("a0", 500, 7));
    CHECK(world.replicas("a0") == 7);
    CHECK(world.cache.find({"default", "a1"})->annotation("padding") == padding);
}

TEST_CASE("positions of the cache can be watched from while they are remembered") {
    World world;
    world.http.answer(200, list_json(7, {set_json("a", 3, 1)}));
    const std::string start = world.cache.position();
    world.put(set_json("a", 8, 2));
    world.put(set_json("a", 9, 3));
    const auto count = [&](const std::string& from) {
        int seen = 0;
        const auto handle = world.cache.watch(
            {.type = &sets}, from, [&](const auto&) { ++seen; }, [](const auto&) {});
        if (!handle) return handle.error().kind == ErrorKind::gone ? -1 : -2;
        world.loop.run_until_idle();
        return seen;
    };
    CHECK(count(start) == 2);
    CHECK(count("8") == 1);
    CHECK(count("") == 0);
    CHECK(count("4") == -1);
    CHECK(count("nonsense") == -2);
    for (int i = 0; i < 400; ++i) world.put(set_json("a", 20 + i, i));
    CHECK(count(start) == -1);
}

TEST_CASE("answers of the API become the errors that code reacts to") {
    const auto kind = [](int status, const char* reason) {
        HttpResponse response;
        response.status = status;
        response.body =
            fmt::format(R"({{"kind": "Status", "reason": "{}", "message": "why"}})", reason);
        const Error error = error_of(response);
        CHECK(error.message == "why");
        return error.kind;
    };
    CHECK(kind(404, "NotFound") == ErrorKind::not_found);
    CHECK(kind(409, "AlreadyExists") == ErrorKind::exists);
    CHECK(kind(409, "Conflict") == ErrorKind::conflict);
    CHECK(kind(410, "Expired") == ErrorKind::gone);
    CHECK(kind(401, "Unauthorized") == ErrorKind::denied);
    CHECK(kind(403, "Forbidden") == ErrorKind::denied);
    CHECK(kind(422, "Invalid") == ErrorKind::invalid);
    CHECK(kind(415, "UnsupportedMediaType") == ErrorKind::invalid);
    CHECK(kind(429, "TooManyRequests") == ErrorKind::unavailable);
    CHECK(kind(500, "InternalError") == ErrorKind::unavailable);
    HttpResponse plain;
    plain.status = 502;
    plain.body = "<html>";
    CHECK(error_of(plain).kind == ErrorKind::unavailable);
    CHECK(error_of(plain).message == "the API answered with status 502");
}

}  // namespace serin::kubernetes
