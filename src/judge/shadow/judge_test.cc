#include "judge/shadow/judge.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

namespace serin::judge::shadow {

namespace {

const Request asked{.route = "default/shop", .method = "GET", .path = "/price", .id = "4a1c"};

// The answer of a shop whose pages have a time, an id of each answer, and a cache that is warm
// more often than not.
Answer shop_answer(std::mt19937_64& random, int price) {
    const bool is_warm = random() % 10 != 0;
    return {
        .status = random() % 50 == 0 ? 503 : 200,
        .content_type = "application/json",
        .body = fmt::format(
            R"({{"price": {}, "at": {}, "trace": "{:x}"{}}})",
            price,
            random() % 3,
            random(),
            is_warm ? R"(, "cached": true)" : "")};
}

Judge judged(std::uint64_t seed, int wrong_percent, const json::Object& config = {}) {
    Judge judge(*Spec::read(config));
    std::mt19937_64 random(seed);
    while (judge.decision() == Decision::open) {
        const bool is_wrong = random() % 100 < static_cast<unsigned>(wrong_percent);
        const Answer candidate = shop_answer(random, is_wrong ? 0 : 5);
        const Answer stable = shop_answer(random, 5);
        const Answer other = shop_answer(random, 5);
        judge.add(find_odd_ones(judge.spec(), candidate, stable, other), asked, 2);
    }
    return judge;
}

}  // namespace

TEST_CASE("a wrong field fails after a handful of comparisons, by its name") {
    const Judge judge = judged(1, 100);
    CHECK(judge.decision() == Decision::fail);
    CHECK(judge.compared() <= 12);
    const std::string words = judge.explain();
    CHECK(words.contains("/price: another value, the candidate was the odd one in "));
    CHECK(words.contains("GET /price of default/shop (request 4a1c)"));
    CHECK_FALSE(words.contains("one pod"));
}

TEST_CASE("a healthy candidate passes beside noise, and is told what would have been found") {
    const Judge judge = judged(2, 0);
    CHECK(judge.decision() == Decision::pass);
    CHECK(judge.compared() == 200);
    CHECK(judge.explain().starts_with(
        "200 comparisons without a difference that stable does not have from itself; one that "));
    CHECK(judge.explain().ends_with(" % of them would have been found with 95 %"));
}

TEST_CASE("healthy candidates are failed as rarely as promised, by whole answers") {
    int failed = 0;
    constexpr int runs = 500;
    for (std::uint64_t seed = 1; seed <= runs; ++seed)
        failed += judged(seed, 0).decision() == Decision::fail ? 1 : 0;
    INFO("failed ", failed, " of ", runs);
    CHECK(failed <= runs / 100);
}

TEST_CASE("a field that is wrong in a tenth of the answers is mostly found in 200 comparisons") {
    int failed = 0;
    constexpr int runs = 60;
    for (std::uint64_t seed = 1; seed <= runs; ++seed)
        failed += judged(seed, 10).decision() == Decision::fail ? 1 : 0;
    INFO("failed ", failed, " of ", runs);
    CHECK(failed >= runs * 9 / 10);
}

TEST_CASE("with one stable pod the failure says that a field may name the pod") {
    Judge judge({});
    const std::vector<OddOne> odd{{.field = "/pod", .is_candidate = true}};
    while (judge.decision() == Decision::open) judge.add(odd, asked, 1);
    CHECK(judge.compared() == 6);
    CHECK(judge.explain().ends_with(
        "; stable has one pod: if such a field names the pod, ignore it"));
}

TEST_CASE("a second measurement needs comparisons of its own, and one alpha is for both") {
    Judge judge(*Spec::read({{"requests", 10}}));
    const std::vector<OddOne> odd{{.field = "/a", .is_candidate = true}};
    for (int i = 0; i < 3; ++i) judge.add(odd, asked, 2);
    for (int i = 0; i < 7; ++i) judge.add({}, asked, 2);
    CHECK(judge.decision() == Decision::pass);
    judge.begin(2);
    CHECK(judge.decision() == Decision::open);
    for (int i = 0; i < 3; ++i) judge.add(odd, asked, 2);
    CHECK(judge.decision() == Decision::fail);
}

TEST_CASE("it goes on from its memory as if there had been no restart") {
    const std::vector<OddOne> odd{
        {.field = "/a", .is_candidate = true},
        {.field = "/b", .difference = Difference::missing, .is_candidate = false}};
    Judge judge({});
    for (int i = 0; i < 4; ++i) judge.add(odd, asked, 2);
    Judge again({});
    const auto recalled = again.recall(judge.memory());
    REQUIRE_MESSAGE(recalled, recalled.error().message);
    CHECK(again.compared() == 4);
    CHECK(again.explain() == judge.explain());
    judge.add(odd, asked, 2);
    again.add(odd, asked, 2);
    CHECK(json::same(again.memory(), judge.memory()));

    Judge other(*Spec::read({{"ignore", json::Array{"/a"}}}));
    CHECK(other.recall(judge.memory()).error().message == "of comparisons with other settings");
    CHECK_FALSE(other.recall({}).has_value());
    CHECK(other.compared() == 0);
}

TEST_CASE("a path cannot write to a terminal or grow without bound") {
    Judge judge({});
    Request request = asked;
    request.path = "/\x1b[2J" + std::string(5000, 'x');
    while (judge.decision() == Decision::open)
        judge.add({{.field = "status", .is_candidate = true}}, request, 2);
    CHECK(judge.explain().size() < 600);
    CHECK_FALSE(judge.explain().contains('\x1b'));
}

}  // namespace serin::judge::shadow
