#include "judge/sequential/simulated_traffic.h"
#include "judge/slices/slices.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

namespace serin::judge::slices {

namespace {

using sequential::Dice;

constexpr const char* all_kinds = R"({"metrics": [{"metric": "error-rate"},
    {"metric": "latency"}, {"metric": "business", "header": "x-checkout", "good": "ok"}]})";

struct Crowd {
    std::uint64_t seed = 1;
    int requests = 4000;
    int routes = 20;
    int headers = 1;
    int values = 5;      // Of each header.
    int step_every = 0;  // 0: one step.
    int restart_every = 0;
};

sequential::Spec spec_of(const char* text) {
    return *sequential::parse_spec(*json::parse(text));
}

Slices slices_for(const sequential::Spec& spec) {
    return {questions_of(spec), spec.plan};
}

// A fault of one route; what a restart forgets is made anew from what was kept.
Slices play(const Crowd& crowd, const char* text = all_kinds) {
    const sequential::Spec spec = spec_of(text);
    statistics::FactorCache cache;
    Slices slices = slices_for(spec);
    Dice dice(crowd.seed);
    double at_s = 1.7e9;
    for (int i = 0; i < crowd.requests; ++i) {
        at_s += dice.waiting_time(400);
        const bool is_canary = i > 200 && dice.hits(0.2);
        const int route = int(dice.uniform() * crowd.routes);
        const bool failed = dice.hits(is_canary && route == 3 ? 0.6 : 0.01);
        const std::string path = fmt::format("/r{}x/{}", char('a' + route % 26), route / 26);
        const std::string id = fmt::format("id-{}", i);
        const std::string pod = fmt::format("pod-{}", int(dice.uniform() * 3));
        std::vector<std::string> values;
        for (int j = 0; j < crowd.headers; ++j)
            values.push_back(fmt::format("v{}", int(dice.uniform() * crowd.values)));
        const std::array<std::string_view, 4> names{"x-a", "x-b", "x-c", "x-d"};
        std::vector<std::pair<std::string_view, std::string_view>> headers;
        for (std::size_t j = 0; j < values.size(); ++j) headers.emplace_back(names[j], values[j]);
        slices.take(
            {.arm = is_canary ? Arm::canary : Arm::stable,
             .at_s = at_s,
             .path = path,
             .method = route % 2 == 0 ? "GET" : "POST",
             .pod = pod,
             .id = id,
             .status = failed ? 500 : 200,
             .headers = headers,
             .events = {failed, dice.hits(0.05), !failed && dice.hits(0.5)}},
            cache);
        if (i % 400 == 0) slices.pass_time(at_s, cache);
        if (crowd.step_every > 0 && i % crowd.step_every == 0) slices.begin_step();
        if (crowd.restart_every > 0 && i % crowd.restart_every == 0) {
            Slices next = slices_for(spec);
            REQUIRE(next.unpack(slices.pack()));
            slices = std::move(next);
        }
    }
    return slices;
}

std::string told(const Slices& slices) {
    return json::print(print_explanation(slices.explain(0.05)));
}

}  // namespace

TEST_CASE("slices that go on from what was kept equal ones that never stopped") {
    CHECK(rc::check([] {
        Crowd crowd{
            .seed = *rc::gen::arbitrary<std::uint64_t>(),
            .requests = *rc::gen::inRange(1, 5000),
            .routes = *rc::gen::inRange(1, 60),  // More than have a slice: some give way.
            .headers = *rc::gen::inRange(0, 5),
            .values = *rc::gen::inRange(1, 40),
            .step_every = *rc::gen::element(0, 700, 1900)};
        const Slices one = play(crowd);
        crowd.restart_every = *rc::gen::inRange(1, 1000);
        const Slices other = play(crowd);
        RC_ASSERT(one.pack() == other.pack());
        RC_ASSERT(told(one) == told(other));
    }));
}

TEST_CASE("what was kept names where it is worse, with its numbers and requests") {
    const sequential::Spec spec = spec_of(all_kinds);
    const Slices before = play({});
    Slices after = slices_for(spec);
    REQUIRE(after.unpack(before.pack()));
    const Explanation explanation = after.explain(0.05);
    REQUIRE_FALSE(explanation.found.empty());
    CHECK(explanation.found[0].value == "/rdx/{id}");
    CHECK(explanation.found[0].canary.events > 10);
    CHECK(explanation.found[0].examples.size() == 3);
}

TEST_CASE("what slices keep is small, whatever the traffic") {
    CHECK(play({.requests = 20'000}, "{}").pack().size() < 20'000);
    // Full in each dimension, each way to be worse asked in each.
    const Crowd crowd{.requests = 60'000, .routes = 200, .headers = 4, .values = 60};
    CHECK(play(crowd).pack().size() < 80'000);
}

TEST_CASE("what is no such memory is refused and changes nothing") {
    const sequential::Spec spec = spec_of(all_kinds);
    Slices slices = play({});
    const std::string before = slices.pack();
    CHECK_FALSE(slices.unpack(""));
    CHECK_FALSE(slices.unpack("AAAA"));
    CHECK_FALSE(slices.unpack("not base64!"));
    CHECK_FALSE(slices.unpack(before.substr(0, before.size() / 2)));
    CHECK_FALSE(slices.unpack(before + "AAAA"));
    CHECK_FALSE(slices.unpack(slices_for(spec_of("{}")).pack()));  // Of other questions.
    CHECK(slices.pack() == before);
    CHECK(rc::check([&] {
        std::string damaged = before;
        for (int i = 0; i < 5; ++i)
            damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] =
                *rc::gen::inRange('A', 'Z');
        Slices read = slices_for(spec);
        if (!read.unpack(damaged)) return;
        statistics::FactorCache cache;
        for (int i = 0; i < 100; ++i)
            read.take({.arm = i % 2 == 0 ? Arm::stable : Arm::canary, .path = "/rdx/1"}, cache);
        static_cast<void>(read.explain(0.05));
    }));
}

}  // namespace serin::judge::slices
