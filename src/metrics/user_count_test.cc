#include "metrics/user_count.h"

#include <doctest/doctest.h>

namespace serin::metrics {

TEST_CASE("users are counted once, and exactly up to what is kept") {
    UserCount users(4096);
    for (int round = 0; round < 3; ++round) {
        for (std::uint64_t user = 1; user <= 4000; ++user) users.add(user, round);
    }
    CHECK(users.is_exact());
    CHECK(users.count() == 4000);
}

TEST_CASE("who was not seen lately is forgotten") {
    UserCount users;
    for (std::uint64_t user = 1; user <= 100; ++user) users.add(user, 1);
    for (std::uint64_t user = 91; user <= 120; ++user) users.add(user, 2);
    users.forget_before(1);
    CHECK(users.count() == 120);
    users.forget_before(2);
    CHECK(users.count() == 30);
    users.forget_before(9);
    CHECK(users.count() == 0);
}

TEST_CASE("beyond what is kept users are estimated from a sample, hardly ever too low") {
    int too_low = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        constexpr std::uint64_t limit = 50'000;
        UserCount users(limit);
        for (std::uint64_t user = 0; user < limit; ++user) users.add(seed * 1'000'000 + user, 0);
        CHECK_FALSE(users.is_exact());
        too_low += users.count() < limit ? 1 : 0;
        CHECK(users.count() < limit * 11 / 10);
    }
    CHECK(too_low <= 2);
}

TEST_CASE("a count goes on from its memory") {
    UserCount users(100'000);
    for (std::uint64_t user = 1; user <= 20'000; ++user) users.add(user, std::int64_t(user % 7));
    UserCount recalled(100'000);
    REQUIRE(recalled.recall(users.memory()));
    for (UserCount* one : {&users, &recalled}) {
        for (std::uint64_t user = 15'000; user <= 30'000; ++user) one->add(user, 7);
        one->forget_before(3);
    }
    CHECK(recalled.count() == users.count());
    CHECK(json::print(recalled.memory()) == json::print(users.memory()));
    CHECK(json::print(users.memory()).size() < 50'000);

    CHECK_FALSE(recalled.recall(json::Array{json::Array{1, "abc"}}));
    CHECK_FALSE(recalled.recall(json::Array{json::Array{1, "abcdefgh"}}));
    CHECK(recalled.count() == users.count());
}

}  // namespace serin::metrics
