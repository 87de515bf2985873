#include "stream/frames.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <vector>

namespace serin::stream {
namespace {

using namespace std::chrono_literals;

struct Seen : FrameHandler {
    std::vector<std::string> events;
    std::vector<std::string> paths;
    std::vector<RequestOutcome> numbers;  // Their texts are gone.
    void on_hello(std::string_view epoch, std::uint64_t next) override {
        events.push_back("hello " + std::string(epoch) + " " + std::to_string(next));
    }
    void on_batch(std::uint64_t first, std::span<const RequestOutcome> outcomes) override {
        events.push_back("batch " + std::to_string(first) + " " + std::to_string(outcomes.size()));
        for (const RequestOutcome& one : outcomes) {
            paths.push_back(
                std::string(one.ns) + "/" + std::string(one.route) + "/" +
                std::string(one.service) + "/" + std::string(one.revision) + "/" +
                std::string(one.pod) + " " + std::string(one.method) + " " + std::string(one.path) +
                " " + std::string(one.request_id) + " " +
                std::string(one.request_headers.find("x-a")) + " " +
                std::string(one.response_headers.find("x-b")));
            numbers.push_back(one);
        }
    }
    void on_alive(std::uint64_t next) override {
        events.push_back("alive " + std::to_string(next));
    }
    void on_end(std::uint64_t next) override { events.push_back("end " + std::to_string(next)); }
};

RequestOutcome outcome(std::int64_t ms) {
    return {
        .at = Instant(Duration(1'700'000'000'000 + ms)),
        .latency_us = 8'250,
        .ns = "default",
        .route = "shop",
        .service = "shop-canary",
        .revision = "6b7f",
        .pod = "shop-x7k2p",
        .method = "GET",
        .path = "/products",
        .request_id = "r1",
        .user = 0xffff'ffff'ffff'ffff,
        .request_headers = {"x-a=one"},
        .response_headers = {"x-b=two"},
        .status = 503,
        .is_rescue = true};
}

std::string batch_of(std::uint64_t first, std::span<const RequestOutcome> outcomes) {
    std::size_t count = 0;
    std::string frame = encode_batch(first, outcomes, count);
    REQUIRE(count == outcomes.size());
    return frame;
}

}  // namespace

TEST_CASE("outcomes arrive as they were sent, however their bytes are cut") {
    std::vector<RequestOutcome> sent{outcome(0), outcome(-3), outcome(7)};
    sent[1].status = 0;
    sent[1].revision = "";
    sent[1].is_lost = true;
    sent[1].is_rescue = false;
    const std::string bytes =
        encode_hello("gateway-0.1", 5) + batch_of(7, sent) + encode_alive(10) + encode_end(12);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
        Seen seen;
        FrameReader reader;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            REQUIRE(reader.take(std::string_view(bytes).substr(at, piece), seen));
        }
        CHECK(
            seen.events ==
            std::vector<std::string>{"hello gateway-0.1 5", "batch 7 3", "alive 10", "end 12"});
        REQUIRE(seen.paths.size() == 3);
        CHECK(seen.paths[0] == "default/shop/shop-canary/6b7f/shop-x7k2p GET /products r1 one two");
        CHECK(seen.paths[1] == "default/shop/shop-canary//shop-x7k2p GET /products r1 one two");
        CHECK(seen.numbers[0].user == 0xffff'ffff'ffff'ffff);
        CHECK(seen.numbers[0].status == 503);
        CHECK(seen.numbers[0].latency_us == 8'250);
        CHECK(seen.numbers[0].is_rescue);
        CHECK(seen.numbers[1].is_lost);
        CHECK_FALSE(seen.numbers[1].is_rescue);
        CHECK(seen.numbers[1].at == sent[1].at);
        CHECK(seen.numbers[2].at == sent[2].at);
    }
}

TEST_CASE("what no frame holds goes into the next one, and what none ever holds is left out") {
    const std::string half(600'000, 'x');
    std::vector<RequestOutcome> sent{outcome(0), outcome(1)};
    for (RequestOutcome& one : sent) one.path = half;
    std::size_t count = 0;
    CHECK(encode_batch(0, sent, count).size() < frame_bytes_max + 4);
    CHECK(count == 1);

    const std::string whole(frame_bytes_max, 'x');
    sent[0].path = whole;
    CHECK(encode_batch(0, sent, count).empty());
    CHECK(count == 1);
}

TEST_CASE("what is no stream of ours is refused in words") {
    Seen seen;
    const auto error_of = [&](const std::string& bytes) {
        FrameReader reader;
        const auto taken = reader.take(bytes, seen);
        return taken ? "" : taken.error().message;
    };
    CHECK(error_of("HTTP/1.1 200 OK\r\n").find("bad length") != std::string::npos);
    CHECK(error_of(encode_alive(1)).find("no hello") != std::string::npos);
    std::string other_version = encode_hello("e", 0);
    other_version[5] = 2;
    CHECK(error_of(other_version).find("version 2") != std::string::npos);
    std::string unknown = encode_alive(1);
    unknown[4] = 'Z';
    CHECK(error_of(encode_hello("e", 0) + unknown).find("unknown kind") != std::string::npos);
    // A count that would ask for more memory than there is.
    const std::string many{'\x08', 0, 0, 0, 'B', 0, 0, '\xff', '\xff', '\xff', '\xff', '\x0f'};
    CHECK(error_of(encode_hello("e", 0) + many).find("bad batch") != std::string::npos);
}

TEST_CASE("no bytes break the reader") {
    rc::check("changed bytes", [] {
        std::vector<RequestOutcome> sent{outcome(0), outcome(1)};
        std::string bytes = encode_hello("e", 0) + batch_of(0, sent) + encode_alive(2);
        const int changes = *rc::gen::inRange(1, 6);
        for (int i = 0; i < changes; ++i) {
            const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
            bytes[at] = static_cast<char>(*rc::gen::inRange(0, 256));
        }
        bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
        Seen seen;
        FrameReader reader;
        static_cast<void>(reader.take(bytes, seen));
        RC_ASSERT(seen.numbers.size() <= bytes.size());
    });
}

}  // namespace serin::stream
