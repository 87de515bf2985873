#include "base/log.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "traffic/http_route.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

// Whether the simulator itself can be trusted: it repeats itself, and it finds what is broken.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

// Believes that what it wrote is in force: the defect that reading back prevents.
class BlindRouter : public traffic::HttpRouteRouter {
public:
    using HttpRouteRouter::HttpRouteRouter;
    Result<SplitSeen> observe(const RouteTarget& target) const override {
        SERIN_TRY(SplitSeen seen, HttpRouteRouter::observe(target));
        seen.in_force = seen.written;
        seen.is_settled = true;
        return seen;
    }
};

WorldSettings blind() {
    return {
        .make_router = [](ObjectStore& store) { return std::make_unique<BlindRouter>(store); },
        .trace = {}};
}

Scenario slow_route() {
    return {
        .replicas = 4,
        .steps = {{StepShape::Kind::weight, 25}, {StepShape::Kind::pause, 600}},
        .abort_retire_delay = 1s,
        .happenings = {
            {.at = 10s, .what = What::set_image, .number = 2},
            {.at = 15s, .what = What::evict, .number = 1},
            {.at = 60s, .what = What::route_slow, .number = 200, .lasting = 5min},
            {.at = 70s, .what = What::abort}}};
}

}  // namespace

TEST_CASE("equal seeds give equal traces, byte for byte") {
    log::configure(log::Level::error, log::Form::text);
    for (const std::uint64_t seed : {3U, 17U, 40U}) {
        std::string first;
        std::string second;
        play(make_scenario(seed), {.make_router = {}, .trace = [&](const auto& it) {
                                       first += it;
                                   }});
        play(make_scenario(seed), {.make_router = {}, .trace = [&](const auto& it) {
                                       second += it;
                                   }});
        CHECK(first == second);
        CHECK_FALSE(first.empty());
    }
}

TEST_CASE("a router that does not read back is caught, and the story is made short") {
    const Outcome sound = play(slow_route());
    CHECK_MESSAGE(!sound.violation, (sound.violation ? sound.violation->words : ""));

    const Outcome broken = play(slow_route(), blind());
    REQUIRE(broken.violation);
    const std::vector<std::size_t> kept = shrink(slow_route(), [](const Scenario& smaller) {
        return play(smaller, blind()).violation.has_value();
    });
    CHECK(kept.size() < slow_route().parts());
    CHECK(play(slow_route().with_parts(kept), blind()).violation.has_value());
}
