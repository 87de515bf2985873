#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/shadow_source.h"
#include "ports/event_recorder.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Analysis runs that compare answers, with pods that answer as told.

namespace {

// What answers a request: a pod by its port, or nobody.
using Pod = std::function<Result<HttpResponse>(int port, const HttpRequest& request)>;

class Pods : public HttpClient {
public:
    Pods(ManualLoop& loop, Pod& pod) : loop_(loop), pod_(pod) {}

    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        struct Pending : Call {
            EventLoop::Watch watch;
        };
        sent.push_back(request);
        auto call = std::make_unique<Pending>();
        call->watch =
            loop_.after(Duration(3), [this, request = std::move(request), done = std::move(done)] {
                const std::size_t colon = request.url.rfind(':');
                auto answer = pod_(std::stoi(request.url.substr(colon + 1)), request);
                if (answer && answer->status < 300) {
                    request.on_body(answer->body);
                    answer->body.clear();
                }
                done(std::move(answer));
            });
        return call;
    }

    std::vector<HttpRequest> sent;

private:
    ManualLoop& loop_;
    Pod& pod_;
};

class Copies : public RequestCopies {
public:
    std::unique_ptr<Order> order(CopyWish wish, std::function<void(RequestCopy)> deliver) override {
        struct Held : Order {
            explicit Held(Copies& all) : all_(all) {}
            ~Held() override { all_.on_copy = nullptr; }
            std::size_t rules() const override { return all_.rules; }
            std::string trouble() const override { return ""; }
            Copies& all_;
        };
        wished = std::move(wish);
        on_copy = std::move(deliver);
        return std::make_unique<Held>(*this);
    }

    CopyWish wished;
    std::function<void(RequestCopy)> on_copy;  // Empty: nobody wants any.
    std::size_t rules = 1;
};

struct Program {
    EventRecorder events;
    Pods http;
    metrics::ShadowSource source;
    AnalysisController controller;
    Manager manager;

    Program(ManualLoop& loop, store::MemoryStore& store, Pod& pod, Copies& copies)
        : events(store, loop, "test"),
          http(loop, pod),
          source(loop, store, http, copies),
          controller(
              loop, store, events, {{std::string(metrics::ShadowSource::provider), &source}}),
          manager(loop, store, {&controller}, {.resync = 0s}) {
        manager.start();
    }
};

HttpResponse page(std::string body, int status = 200) {
    return {
        .status = status,
        .headers = {{"content-type", "application/json"}},
        .body = std::move(body)};
}

struct World {
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store{loop};
    Copies copies;
    Pod pod = [](int, const HttpRequest&) { return page("{}"); };
    std::unique_ptr<Program> program;
    std::vector<CopyTarget> candidate{{.pod = "c", .address = "127.77.0.1", .port = 1}};
    std::vector<CopyTarget> stable{
        {.pod = "s2", .address = "127.77.0.2", .port = 2},
        {.pod = "s3", .address = "127.77.0.3", .port = 3}};

    World() {
        boot();
        Object rollout(types::rollout(), "default", "shop");
        rollout.put("/spec/strategy/canary/canaryService", "shop-canary");
        rollout.put("/spec/strategy/canary/stableService", "shop-stable");
        REQUIRE(store.create(rollout));
        rollout = this->rollout();
        rollout.put("/status/stableRS", "v1");
        REQUIRE(store.update(rollout, Part::status));
        for (const char* name : {"c", "s2", "s3"})
            REQUIRE(store.create(Object(types::pod(), "default", name)));
    }
    void boot() {
        program.reset();
        program = std::make_unique<Program>(loop, store, pod, copies);
        loop.run_until_idle();
    }
    Object rollout() const {
        return *store.get({.type = &types::rollout(), .ns = "default", .name = "shop"});
    }
    void create(std::string_view config = "{}") {
        Object run(types::analysis_run(), "default", "run");
        run.set_label("rollouts-pod-template-hash", "v2");
        run.set_label("rollout-type", "Step");
        run.set_controller(rollout());
        run.put(
            "/spec/metrics",
            json::Array{json::Object{
                {"name", "same-answers"},
                {"provider",
                 json::Object{{"plugin", json::Object{{"serin/shadow", *json::parse(config)}}}}}}});
        REQUIRE(store.create(run));
        loop.run_until_idle();
    }
    Object run() const {
        return *store.get({.type = &types::analysis_run(), .ns = "default", .name = "run"});
    }
    std::string phase() const { return std::string(run().text("/status/phase")); }
    std::string message() const {
        return std::string(run().text("/status/metricResults/0/measurements/0/message")) +
               std::string(run().text("/status/metricResults/0/message"));
    }
    std::string metadata(const std::string& name) const {
        return std::string(run().text("/status/metricResults/0/measurements/0/metadata/" + name));
    }
    // A user's request, and its answers.
    void ask(const std::string& target = "/price?who=me", const std::string& method = "GET") {
        if (copies.on_copy)
            copies.on_copy(
                {.route = "default/shop",
                 .method = method,
                 .target = target,
                 .headers =
                     {{"host", "shop.test"},
                      {"connection", "keep-alive, x-hop"},
                      {"x-hop", "1"},
                      {"if-none-match", "e"},
                      {"serin-shadow", "candidate"},
                      {"x-request-id", "r1"}},
                 .candidate = candidate,
                 .stable = stable});
        loop.advance(110ms);
    }
};

}  // namespace

TEST_CASE("a candidate that answers 200 with a wrong value fails after a few requests") {
    World world;
    int count = 0;
    world.pod = [&](int port, const HttpRequest&) {
        return page(fmt::format(
            R"({{"price": {}, "trace": "{}", "token": "secret{}"}})",
            port == 1 ? 0 : 5,
            ++count,
            port));
    };
    world.create();
    CHECK(world.copies.wished.stable_service == "shop-stable");
    CHECK(world.copies.wished.stable_revision == "v1");
    CHECK(world.copies.wished.candidate_revision == "v2");
    CHECK(world.copies.wished.methods == std::vector<std::string>{"GET", "HEAD"});
    int asked = 0;
    while (world.phase() == "Running" && asked < 50) {
        world.ask();
        ++asked;
    }
    CHECK(world.phase() == "Failed");
    CHECK(asked == 6);
    CHECK(world.message().contains(
        "/price: another value, the candidate was the odd one in 6 of 6, such as GET /price of "
        "default/shop (request r1)"));
    // Nobody wants copies any more, and what is told holds no values and no query.
    CHECK_FALSE(world.copies.on_copy);
    const std::string told = json::print(world.run().document());
    CHECK_FALSE(told.contains("secret"));
    CHECK_FALSE(told.contains("who=me"));
}

TEST_CASE("each copy goes to the candidate and to two pods of stable, marked, without old hops") {
    World world;
    world.create();
    world.ask("/a?b=1");
    const auto& sent = world.program->http.sent;
    REQUIRE(sent.size() == 3);
    std::vector<std::string> urls;
    for (const HttpRequest& request : sent) {
        urls.push_back(request.url);
        std::string headers;
        for (const auto& [name, value] : request.headers) headers += name + "=" + value + ";";
        const bool is_candidate = request.url.starts_with("http://127.77.0.1:1");
        CHECK(
            headers == std::string("host=shop.test;x-request-id=r1;serin-shadow=") +
                           (is_candidate ? "candidate;" : "stable;"));
    }
    std::ranges::sort(urls);
    CHECK(
        urls ==
        std::vector<std::string>{
            "http://127.77.0.1:1/a?b=1", "http://127.77.0.2:2/a?b=1", "http://127.77.0.3:3/a?b=1"});
}

TEST_CASE("a healthy candidate passes beside noise, however the three are ordered") {
    World world;
    int count = 0;
    world.pod = [&](int, const HttpRequest&) {
        ++count;
        return page(
            fmt::format(R"({{"price": 5, "at": {}, "ab": {}}})", count, (count * 7919) % 5 / 3));
    };
    world.create(R"({"requests": 50})");
    for (int i = 0; i < 49; ++i) world.ask();
    CHECK(world.phase() == "Running");
    world.ask();
    CHECK(world.phase() == "Successful");
    CHECK(world.message().starts_with("50 comparisons without a difference"));
    CHECK(world.metadata("comparisons") == "50");
}

TEST_CASE("the rate is kept, and too little traffic is inconclusive at the time-out") {
    World world;
    world.create(R"({"rate": 2, "timeout": "30s"})");
    for (int i = 0; i < 40; ++i) world.ask();  // 4.4 s.
    CHECK(world.program->http.sent.size() <= 3 * 11);
    CHECK(world.program->http.sent.size() >= 3 * 9);
    world.loop.advance(10s);
    CHECK(world.phase() == "Running");
    CHECK(world.metadata("standing").starts_with("1"));
    CHECK(world.metadata("estimate").contains(" of 200 comparisons, about "));
    CHECK(world.metadata("estimate").contains(" to go at "));
    world.loop.advance(16s);
    CHECK(world.phase() == "Inconclusive");
    CHECK(world.message().contains("30s are over without a decision: 1"));
}

TEST_CASE("after a restart it goes on with what it knew") {
    World world;
    world.pod = [](int port, const HttpRequest&) { return page(port == 1 ? "[]" : "[1]"); };
    world.create();
    for (int i = 0; i < 4; ++i) world.ask();
    world.loop.advance(2s);
    world.boot();
    world.loop.advance(1s);
    REQUIRE(world.copies.on_copy);
    CHECK(world.phase() == "Running");
    world.ask();
    CHECK(world.phase() == "Failed");
    CHECK(world.metadata("comparisons") == "5");
}

TEST_CASE("a pod that goes says nothing, one that ends while it serves counts once") {
    World world;
    bool is_mute = true;
    world.pod = [&](int port, const HttpRequest&) -> Result<HttpResponse> {
        if (port == 1 && is_mute) return fail(ErrorKind::unavailable, "reset");
        return page("{}");
    };
    world.create(R"({"rate": 100})");
    // Six requests under way when it ends.
    for (int i = 0; i < 6; ++i)
        world.copies.on_copy(
            {.route = "default/shop",
             .method = "GET",
             .target = "/",
             .candidate = world.candidate,
             .stable = world.stable});
    world.loop.advance(6s);
    CHECK(world.phase() == "Running");
    CHECK(world.metadata("comparisons") == "1");
    CHECK(world.metadata("discarded") == "5");

    // Being stopped: its end is wanted.
    const ObjectKey pod{.type = &types::pod(), .ns = "default", .name = "c"};
    REQUIRE(world.store.remove(pod));
    for (int i = 0; i < 30; ++i) world.ask();
    REQUIRE(world.store.remove(pod, {.grace_seconds = 0}));
    for (int i = 0; i < 30; ++i) world.ask();
    CHECK(world.phase() == "Running");

    // It never answers: that is what the release does.
    REQUIRE(world.store.create(Object(types::pod(), "default", "c")));
    for (int i = 0; i < 5; ++i) world.ask();
    CHECK(world.phase() == "Failed");
    CHECK(world.message().contains("answer: the candidate lacks it"));
}

TEST_CASE("without pods, without traffic and without a route it says what is missing") {
    World world;
    world.candidate.clear();
    world.create();
    world.loop.advance(6s);
    CHECK(world.metadata("standing").ends_with("no request that may be copied has come yet"));
    world.ask();
    world.loop.advance(6s);
    CHECK(world.metadata("standing").ends_with("no pod of the candidate is ready"));
    CHECK(world.program->http.sent.empty());

    world.copies.rules = 0;
    world.loop.advance(11s);
    CHECK(world.message().contains(
        "no rule of an HTTPRoute that Serin serves names the Service \"shop-stable\""));
}

TEST_CASE("a configuration with mistakes ends the run in an error that names the field") {
    World world;
    world.create(R"({"methods": ["TRACE"]})");
    CHECK(world.phase() == "Error");
    CHECK(std::string(world.run().text("/status/message")).contains("methods[0]"));
}

TEST_CASE("no stable Service is a clear error") {
    World world;
    Object rollout = world.rollout();
    rollout.put("/spec/strategy/canary", json::Object{});
    REQUIRE(world.store.update(rollout));
    world.create();
    CHECK(world.message().contains("a canary needs stableService"));
}
