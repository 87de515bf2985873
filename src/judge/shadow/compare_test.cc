#include "judge/shadow/compare.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace serin::judge::shadow {

namespace {

Answer json_answer(std::string body, int status = 200) {
    return {.status = status, .content_type = "application/json", .body = std::move(body)};
}

// "/price value candidate", one each.
std::vector<std::string> words(const std::vector<OddOne>& odd_ones) {
    std::vector<std::string> all;
    for (const OddOne& odd : odd_ones)
        all.push_back(
            odd.field + " " + std::string(to_string(odd.difference)) +
            (odd.is_candidate ? " candidate" : " stable"));
    return all;
}

std::vector<std::string> odd_in(
    const Answer& candidate,
    const Answer& stable,
    const Answer& other,
    const json::Object& config = {}) {
    return words(find_odd_ones(*Spec::read(config), candidate, stable, other));
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("equal answers have no odd one, nor has what differs in all three") {
    const Answer one = json_answer(R"({"id": "a", "at": 1, "price": 5})");
    const Answer two = json_answer(R"({"price": 5.0, "id": "b", "at": 2})");
    const Answer three = json_answer(R"({"id": "c", "at": 3, "price": 5})");
    CHECK(odd_in(one, one, one).empty());
    CHECK(odd_in(one, two, three).empty());
}

TEST_CASE("a wrong value is found by its path, without its index") {
    const Answer good = json_answer(R"({"items": [{"price": 5}, {"price": 7}]})");
    const Answer bad = json_answer(R"({"items": [{"price": 5}, {"price": 0}]})");
    CHECK(odd_in(bad, good, good) == Words{"/items/*/price value candidate"});
    CHECK(odd_in(good, bad, good) == Words{"/items/*/price value stable"});
    CHECK(odd_in(good, good, bad) == Words{"/items/*/price value stable"});
}

TEST_CASE("missing, type and length are told apart, also in noisy values") {
    const Answer a = json_answer(R"({"id": "x1", "tags": ["u"], "sale": null})");
    const Answer b = json_answer(R"({"id": "x2", "tags": ["v"], "sale": null})");
    CHECK(
        odd_in(json_answer(R"({"id": 17, "tags": ["w"], "sale": null})"), a, b) ==
        Words{"/id type candidate"});
    CHECK(
        odd_in(json_answer(R"({"tags": ["w"], "sale": null})"), a, b) ==
        Words{"/id missing candidate"});
    CHECK(
        odd_in(json_answer(R"({"id": "x3", "tags": ["w", "w"], "sale": null})"), a, b) ==
        Words{"/tags length candidate"});
    const auto extra = find_odd_ones(
        {},
        json_answer(R"({"id": "x3", "tags": ["w"], "sale": null, "debug": {"sql": ""}})"),
        a,
        b);
    CHECK(words(extra) == Words{"/debug missing candidate", "/debug/sql missing candidate"});
    CHECK(extra.front().has_it);
}

TEST_CASE("status comes first, and the body of an error is not compared with that of a success") {
    const Answer good = json_answer(R"({"price": 5})");
    Answer bad = json_answer(R"({"error": "no price"})", 500);
    CHECK(odd_in(bad, good, good) == Words{"status value candidate"});
    bad.content_type = "text/plain";
    CHECK(
        odd_in(bad, good, good) == Words{"status value candidate", "content-type value candidate"});
    CHECK(odd_in(good, Answer{}, good) == Words{"answer missing stable"});
    CHECK(odd_in(Answer{}, Answer{}, good) == Words{"answer missing stable"});
    CHECK(odd_in(Answer{}, Answer{}, Answer{}).empty());
}

TEST_CASE("headers are compared where they are asked for") {
    Answer good = json_answer("{}");
    good.headers = {{"cache-control", "no-store"}, {"x-id", "1"}};
    Answer bad = good;
    bad.headers["cache-control"] = "public";
    bad.headers["x-id"] = "2";
    CHECK(odd_in(bad, good, good).empty());
    const json::Object config{{"headers", json::Array{"Cache-Control", "x-none"}}};
    CHECK(odd_in(bad, good, good, config) == Words{"header cache-control value candidate"});
    bad.headers.erase("cache-control");
    CHECK(odd_in(bad, good, good, config) == Words{"header cache-control missing candidate"});
}

TEST_CASE("bodies that are no JSON are compared as a whole") {
    const Answer page{.status = 200, .content_type = "text/html", .body = "<p>5</p>"};
    Answer other = page;
    other.body = "<p>6</p>";
    CHECK(odd_in(other, page, page) == Words{"body value candidate"});
    Answer empty = page;
    empty.body.clear();
    CHECK(odd_in(empty, page, page) == Words{"body type candidate"});
    CHECK(
        odd_in(json_answer("{\"a\": "), json_answer("{}"), json_answer("{}")) ==
        Words{"body type candidate"});
    Answer longer = page;
    longer.is_cut = true;
    longer.rest = 7;
    Answer changed = longer;
    changed.rest = 8;
    CHECK(odd_in(changed, longer, longer) == Words{"body value candidate"});
    CHECK(odd_in(longer, longer, longer).empty());
}

TEST_CASE("ignored parts may differ with all below them") {
    const Answer good = json_answer(R"({"host": "a", "items": [{"at": {"s": 1}, "n": 1}]})");
    const Answer bad = json_answer(R"({"host": "b", "items": [{"at": {"s": 2}, "n": 2}]})");
    const json::Object some{{"ignore", json::Array{"/host", "/items/*/at"}}};
    CHECK(odd_in(bad, good, good, some) == Words{"/items/*/n value candidate"});
    CHECK(odd_in(bad, good, good, {{"ignore", json::Array{"/"}}}).empty());
    CHECK(odd_in(bad, good, good, {{"ignore", json::Array{"/*"}}}).empty());
}

TEST_CASE("names of members that may be data do not leave the process") {
    const Answer good = json_answer(R"({"by": {"ann@example.com": 1, "user-49152": 1, "": 1}})");
    const Answer bad = json_answer(R"({"by": {"ann@example.com": 2, "user-49152": 1, "": 1}})");
    CHECK(odd_in(bad, good, good) == Words{"/by/* value candidate"});
    std::string table = R"({"k": 1)";
    for (int i = 0; i < 200; ++i)
        table += ", \"name" + std::string(1, static_cast<char>('a' + i % 26)) +
                 std::string(static_cast<std::size_t>(i / 26), 'x') + "\": 1";
    const Answer many = json_answer(table + "}");
    const Answer more = json_answer(table + R"(, "zoe": 1})");
    CHECK(odd_in(more, many, many) == Words{"/* value candidate"});
}

TEST_CASE("what is found does not depend on the order of the three") {
    const Answer a = json_answer(R"({"x": 1, "y": [1, 2], "z": "t"})");
    const Answer b = json_answer(R"({"x": 2, "y": [1], "z": 4, "w": 1})");
    const auto fields = [](std::vector<OddOne> odd_ones) {
        std::vector<std::string> names;
        for (const OddOne& odd : odd_ones)
            names.push_back(odd.field + " " + std::string(to_string(odd.difference)));
        return names;
    };
    const auto first = fields(find_odd_ones({}, a, b, b));
    CHECK(first == Words{"/w missing", "/x value", "/y length", "/y/* value", "/z type"});
    CHECK(fields(find_odd_ones({}, b, a, b)) == first);
    CHECK(fields(find_odd_ones({}, b, b, a)) == first);
}

TEST_CASE("a configuration with mistakes is refused by its field") {
    const auto refusal = [](const json::Object& config) {
        const auto read = Spec::read(config);
        return read ? std::string("none") : read.error().message;
    };
    CHECK(refusal({}) == "none");
    CHECK(
        refusal({{"rate", "20"}, {"timeout", "5m"}, {"alpha", 0.001}, {"requests", 50}}) == "none");
    CHECK(refusal({{"request", 5}}).starts_with("request: unknown field (known are methods"));
    CHECK(refusal({{"methods", json::Array{"GET", "CONNECT"}}})
              .starts_with("methods[1]: \"CONNECT\" cannot be copied"));
    CHECK(refusal({{"methods", json::Array{}}}).starts_with("methods: is empty"));
    CHECK(refusal({{"methods", "GET"}}) == "methods: expected a list of texts");
    CHECK(refusal({{"headers", json::Array{"x y"}}}) == "headers[0]: is not the name of a header");
    CHECK(refusal({{"ignore", json::Array{"items"}}}).starts_with("ignore[0]: must begin with"));
    CHECK(refusal({{"rate", 0}}) == "rate: expected a whole number from 1 to 1000");
    CHECK(refusal({{"rate", 1.5}}).starts_with("rate: "));
    CHECK(refusal({{"requests", 1}}).starts_with("requests: "));
    CHECK(refusal({{"alpha", 0.7}}).starts_with("alpha: "));
    CHECK(refusal({{"timeout", "soon"}}).starts_with("timeout: "));
}

}  // namespace serin::judge::shadow
