#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "ports/manual_loop.h"
#include "ports/stalling_loop.h"
#include "stream/frames.h"
#include "stream/outcome_reader.h"
#include "stream/outcome_server.h"

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

// The two ends of a stream of outcomes, over HTTP and without.

namespace serin::stream {
namespace {

using namespace std::chrono_literals;

struct Counting : OutcomeSink {
    std::vector<std::int64_t> seen;  // Latencies, by which the tests tell outcomes apart.
    std::uint64_t lost = 0;
    void take(std::span<const RequestOutcome> outcomes) override {
        for (const RequestOutcome& one : outcomes) seen.push_back(one.latency_us);
    }
    void take_gap(const StreamGap& gap) override { lost += gap.outcomes_lost; }
};

std::vector<std::int64_t> numbers(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> all;
    for (; from < to; ++from) all.push_back(from);
    return all;
}

void add(OutcomeSink& sink, std::int64_t from, std::int64_t to) {
    for (; from < to; ++from) {
        const RequestOutcome one{.latency_us = from, .ns = "default", .path = "/", .status = 200};
        sink.take({&one, 1});
    }
}

// Gateways behind HTTP servers and one reader of them, on one loop.
struct World {
    net::AsioLoop loop;
    net::CurlClient http{loop};
    Counting seen;
    std::vector<std::string> tokens;  // As shown.
    std::unique_ptr<OutcomeServer> gateway;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<OutcomeReader> reader;

    explicit World(const std::string& epoch = "one") {
        start_gateway(epoch);
        reader = std::make_unique<OutcomeReader>(loop, http, seen, [] { return "secret"; });
    }

    void start_gateway(const std::string& epoch, std::size_t bytes_max = 1 << 20) {
        gateway = std::make_unique<OutcomeServer>(
            loop, OutcomeServerSettings{.epoch = epoch, .bytes_max = bytes_max});
        listen(0);
    }
    void listen(std::uint16_t port) {
        auto opened = net::HttpServer::listen(
            loop,
            {.port = port},
            [this](const net::HttpServerRequest& request, const auto& responder) {
                const std::string* token = request.header("authorization");
                tokens.push_back(token == nullptr ? "" : *token);
                gateway->serve(request, responder);
            });
        REQUIRE_MESSAGE(opened, opened.error().message);
        server = std::move(*opened);
    }
    void follow(const std::string& id = "uid-1") const {
        reader->follow(
            {{id,
              {.name = "gateway-0", .url = "http://127.0.0.1:" + std::to_string(server->port())}}});
    }
    bool wait(const std::function<bool()>& is_done) {
        for (const Instant end = loop.now() + 10s; loop.now() < end && !is_done();) {
            const auto pause = loop.after(5ms, [this] { loop.stop(); });
            loop.run();
        }
        return is_done();
    }
    bool wait_for(std::size_t count) {
        return wait([&] { return seen.seen.size() >= count; });
    }
};

}  // namespace

TEST_CASE("a reader gets every outcome, those before it came too, and shows its token") {
    World world;
    CHECK(world.reader->trouble(0ms) == "no serin gateway streams requests of this cluster");
    CHECK(world.reader->trouble(10min).empty());  // It has only just begun.
    add(world.gateway->sink(), 0, 10);
    world.follow();
    REQUIRE(world.wait_for(10));
    add(world.gateway->sink(), 10, 30);
    REQUIRE(world.wait_for(30));
    CHECK(world.seen.seen == numbers(0, 30));
    CHECK(world.seen.lost == 0);
    CHECK(world.reader->trouble(0ms).empty());
    CHECK(world.tokens == std::vector<std::string>{"Bearer secret"});
}

TEST_CASE("a torn stream goes on where it was torn, and says meanwhile that it is") {
    World world;
    world.follow();
    add(world.gateway->sink(), 0, 10);
    REQUIRE(world.wait_for(10));
    const std::uint16_t port = world.server->port();
    world.server.reset();
    REQUIRE(world.wait([&] { return !world.reader->trouble(0ms).empty(); }));
    CHECK(
        world.reader->trouble(0ms).find("the gateway gateway-0 does not stream its requests") == 0);
    add(world.gateway->sink(), 10, 20);
    world.listen(port);
    REQUIRE(world.wait_for(20));
    CHECK(world.seen.seen == numbers(0, 20));
    CHECK(world.seen.lost == 0);
}

TEST_CASE("a gateway is silent only while somebody listens") {
    // Answers nothing, and counts how often it is asked.
    struct Mute : HttpClient {
        int asked = 0;
        std::unique_ptr<Call> send(HttpRequest, Done) override {
            ++asked;
            return std::make_unique<Call>();
        }
    };
    StallingLoop loop;
    Mute http;
    Counting seen;
    OutcomeReader reader(loop, http, seen, [] { return "secret"; });
    reader.follow({{"uid-1", {.name = "gateway-0", .url = "http://gateway"}}});
    CHECK(http.asked == 1);
    for (int i = 0; i < 3; ++i) {
        // What came meanwhile waits in the socket.
        loop.post([&] { loop.stall(20s); });
        loop.advance(1s);
    }
    CHECK(http.asked == 1);
    loop.advance(7s);
    CHECK(http.asked == 2);
}

TEST_CASE("what a gateway could not keep or never saw is told as lost") {
    World world;
    world.start_gateway("one", 1000);
    add(world.gateway->sink(), 0, 1000);
    const auto dropped = world.gateway->stats().dropped;
    CHECK(dropped > 900);
    CHECK(world.gateway->stats().bytes <= 1000);
    world.follow();
    REQUIRE(world.wait_for(1000 - dropped));
    CHECK(world.seen.seen.back() == 999);
    CHECK(world.seen.lost == dropped);
    world.gateway->sink().take_gap({.outcomes_lost = 5});
    add(world.gateway->sink(), 1000, 1001);
    REQUIRE(world.wait([&] { return world.seen.seen.back() == 1000; }));
    const std::uint64_t lost = world.seen.lost;
    CHECK(lost == dropped + 5);
    // At the end of the stream too, where no number follows that could jump.
    world.gateway->sink().take_gap({.outcomes_lost = 2});
    REQUIRE(world.wait([&] { return world.seen.lost == lost + 2; }));
}

TEST_CASE("a gateway that ends in good order loses nothing, one that dies counts as a loss") {
    World world;
    world.follow();
    add(world.gateway->sink(), 0, 10);
    REQUIRE(world.wait_for(10));
    add(world.gateway->sink(), 10, 20);
    world.gateway->end();
    REQUIRE(world.wait_for(20));
    REQUIRE(world.wait([&] { return !world.reader->trouble(0ms).empty(); }));
    CHECK(world.reader->trouble(0ms) == "no serin gateway streams requests of this cluster");
    world.reader->follow({});
    CHECK(world.seen.lost == 0);

    world.start_gateway("two");
    world.follow("uid-2");
    REQUIRE(world.wait([&] { return world.reader->trouble(0ms).empty(); }));
    world.reader->follow({});
    CHECK(world.seen.lost == 1);

    // The same pod after its container has died.
    const auto pod = [&] { world.follow("uid-3"); };
    pod();
    REQUIRE(world.wait([&] { return world.reader->trouble(0ms).empty(); }));
    const std::uint16_t port = world.server->port();
    world.server.reset();
    world.gateway =
        std::make_unique<OutcomeServer>(world.loop, OutcomeServerSettings{.epoch = "three"});
    add(world.gateway->sink(), 20, 25);
    world.listen(port);
    REQUIRE(world.wait_for(25));
    CHECK(world.seen.lost == 2);
    CHECK(world.seen.seen == numbers(0, 25));
}

TEST_CASE("bytes that are no stream end the connection and are trouble") {
    net::AsioLoop loop;
    net::CurlClient http(loop);
    Counting seen;
    OutcomeReader reader(loop, http, seen, [] { return ""; });
    auto server =
        net::HttpServer::listen(loop, {}, [](const net::HttpServerRequest&, const auto& responder) {
            responder->send({.status = 200, .headers = {}, .body = "<html>hello</html>"});
        });
    REQUIRE(server);
    reader.follow(
        {{"uid",
          {.name = "other", .url = "http://127.0.0.1:" + std::to_string((*server)->port())}}});
    const auto is_told = [&] { return reader.trouble(0ms).find("is broken") != std::string::npos; };
    for (const Instant end = loop.now() + 10s; loop.now() < end && !is_told();) {
        const auto pause = loop.after(5ms, [&] { loop.stop(); });
        loop.run();
    }
    CHECK_MESSAGE(is_told(), reader.trouble(0ms));
    CHECK(seen.seen.empty());
    reader.follow({});
    CHECK(seen.lost == 0);
}

namespace {

struct FakeStream : net::HttpStream {
    explicit FakeStream(std::string& into) : bytes(into) {}
    bool write(std::string_view more) override {
        bytes += more;
        return true;
    }
    void end() override {}
    size_t queued_bytes() const override { return 0; }
    void on_closed(std::function<void()> task) override { closed = std::move(task); }
    void on_drained(std::function<void()> /*task*/) override {}
    std::string& bytes;
    std::function<void()> closed;
};

struct FakeResponder : net::HttpResponder {
    void send(net::HttpServerResponse response) override { refusal = response.status; }
    std::unique_ptr<net::HttpStream> start(net::HttpServerResponse head) override {
        bytes = head.body;
        auto made = std::make_unique<FakeStream>(bytes);
        stream = made.get();
        return made;
    }
    bool is_wanted() const override { return true; }
    std::string bytes;
    int refusal = 0;
    FakeStream* stream = nullptr;
};

struct Latencies : FrameHandler {
    std::vector<std::int64_t> seen;
    void on_hello(std::string_view /*epoch*/, std::uint64_t /*next*/) override {}
    void on_batch(std::uint64_t /*first*/, std::span<const RequestOutcome> outcomes) override {
        for (const RequestOutcome& one : outcomes) seen.push_back(one.latency_us);
    }
    void on_alive(std::uint64_t /*next*/) override {}
    void on_end(std::uint64_t /*next*/) override {}
};

std::vector<std::int64_t> seen_by(const FakeResponder& reader) {
    Latencies latencies;
    FrameReader frames;
    REQUIRE(frames.take(reader.bytes, latencies));
    return latencies.seen;
}

}  // namespace

TEST_CASE("a successor begins before the place where its predecessor was") {
    ManualLoop loop;
    OutcomeServer gateway(loop, {.epoch = "one", .readers_max = 2});
    const auto first = std::make_shared<FakeResponder>();
    gateway.serve({}, first);
    for (int second = 0; second < 20; ++second) {
        add(gateway.sink(), second, second + 1);
        loop.run_until_idle();
        loop.advance(1s);
    }
    CHECK(seen_by(*first) == numbers(0, 20));
    first->stream->closed();
    loop.run_until_idle();
    CHECK(gateway.readers() == 0);
    // While nobody reads, the place stays.
    add(gateway.sink(), 20, 30);
    loop.advance(60s);

    const auto second = std::make_shared<FakeResponder>();
    gateway.serve({}, second);
    const auto seen = seen_by(*second);
    REQUIRE(!seen.empty());
    CHECK(seen == numbers(seen.front(), 30));
    CHECK(seen.front() >= 12);
    CHECK(seen.front() <= 17);

    const auto third = std::make_shared<FakeResponder>();
    net::HttpServerRequest request;
    request.query = {{"epoch", "one"}, {"from", "28"}};
    gateway.serve(request, third);
    CHECK(seen_by(*third) == numbers(28, 30));
    const auto fourth = std::make_shared<FakeResponder>();
    gateway.serve({}, fourth);
    CHECK(fourth->refusal == 503);
}

}  // namespace serin::stream
