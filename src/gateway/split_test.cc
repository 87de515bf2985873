#include "gateway/split.h"

#include <doctest/doctest.h>

namespace serin::gateway {
namespace {

std::map<std::string, Backend> backends(const std::vector<std::string>& with_pods) {
    std::map<std::string, Backend> all{{"a", {.name = "a"}}, {"b", {.name = "b"}}};
    for (const std::string& name : with_pods) all[name].endpoints[":p"] = {.server = ":p"};
    return all;
}

std::int64_t weight_in(const Ranges& ranges, const std::string& backend) {
    std::int64_t sum = 0;
    for (const Range& range : ranges) {
        if (range.backend == backend) sum += range.last - range.first + 1;
    }
    return sum;
}

}  // namespace

TEST_CASE("ranges cover all numbers, in proportion to the weights") {
    CHECK(
        print_ranges(ranges_of({{"", "a", 95}, {"", "b", 5}})) == "0:949999 a\n950000:999999 b\n");
    CHECK(print_ranges(ranges_of({{"", "a", 0}, {"", "b", 5}})) == "0:999999 b\n");
    CHECK(print_ranges(ranges_of({{"", "a", 0}, {"", "b", 0}})) == "0:999999 serin.none\n");
    CHECK(print_ranges(ranges_of({})) == "0:999999 serin.none\n");
    for (std::int64_t left = 0; left < 50; ++left) {
        const Ranges ranges = ranges_of({{"", "a", left}, {"", "b", 7}, {"", "", 3}, {"", "a", 1}});
        std::int64_t next = 0;
        for (const Range& range : ranges) {
            CHECK(range.first == next);
            next = range.last + 1;
        }
        CHECK(next == split_parts);
        const double exact = static_cast<double>(split_parts) * 7 / static_cast<double>(left + 11);
        CHECK(weight_in(ranges, "b") == doctest::Approx(exact).epsilon(0.00001));
    }
}

TEST_CASE("what was written is what is read back") {
    const Ranges ranges = ranges_of({{"", "a", 1}, {"", "b", 2}});
    CHECK(parse_ranges("0x55d0 0:333332 a\n0x55d1 333333:999999 b\n") == ranges);
    CHECK(parse_ranges("Unknown map identifier. Please use #<id> or <file>.").empty());
    CHECK(parse_ranges("").empty());
}

TEST_CASE("a share without pods goes to the others, unless nobody has any") {
    const std::vector<Target> targets{{"a", "a", 50}, {"b", "b", 50}};
    CHECK(servable_targets(targets, backends({"a", "b"})) == targets);
    CHECK(servable_targets(targets, backends({"a"}))[1].weight == 0);
    CHECK(servable_targets(targets, backends({})) == targets);
    // A backend that is not to get anything does not help.
    const std::vector<Target> all_to_b{{"a", "a", 0}, {"b", "b", 100}};
    CHECK(servable_targets(all_to_b, backends({"a"})) == all_to_b);
}

}  // namespace serin::gateway
