#include "statistics/odd_one.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace serin::statistics {

namespace {

constexpr double ln_100 = 4.605170185988092;

// Fields of many kinds, each with three answers drawn alike: the candidate is interchangeable.
// What a field says is a small number; equal numbers are equal answers.
class Answers {
public:
    explicit Answers(std::uint64_t seed) : random_(seed) {}

    std::array<int, 3> draw(std::size_t kind) {
        switch (kind) {
            case 0:  // The same always.
                return {0, 0, 0};
            case 1:  // A random id.
                return {0, 1, 2};
            case 2:  // Flaps between two values.
                return {below(2), below(2), below(2)};
            case 3:  // Rarely another one.
                return {rarely(20), rarely(20), rarely(20)};
            case 4:  // One of many values.
                return {below(6), below(6), below(6)};
            default: {  // Follows what kind 2 and 3 draw: whoever is slow is odd in all of these.
                const int odd = below(3);
                std::array<int, 3> all{0, 0, 0};
                if (rarely(5) == 1) all[static_cast<std::size_t>(odd)] = 1;
                return all;
            }
        }
    }
    int below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
    int rarely(int count) { return below(count) == 0 ? 1 : 0; }

private:
    std::mt19937_64 random_;
};

// 0: the candidate, 1 or 2: a reference, -1: nobody.
int odd_of(const std::array<int, 3>& answers) {
    for (int i = 0; i < 3; ++i) {
        const int a = answers[static_cast<std::size_t>((i + 1) % 3)];
        const int b = answers[static_cast<std::size_t>((i + 2) % 3)];
        if (a == b && answers[static_cast<std::size_t>(i)] != a) return i;
    }
    return -1;
}

// Counts in the order of first odd ones.
class Counting {
public:
    void add(std::size_t field, int odd) {
        if (odd < 0) return;
        std::size_t place = 0;
        while (place < names_.size() && names_[place] != field) ++place;
        if (place == names_.size()) {
            names_.push_back(field);
            counts_.emplace_back();
        }
        ++counts_[place].found;
        counts_[place].candidate += odd == 0 ? 1 : 0;
    }
    double ln_value() const { return ln_odd_value(counts_); }

private:
    std::vector<std::size_t> names_;
    std::vector<OddCount> counts_;
};

}  // namespace

TEST_CASE("nothing seen is worth nothing, and stays so however many fields have no odd one") {
    CHECK(ln_odd_value(OddCount{}) == doctest::Approx(0).epsilon(1e-12));
    CHECK(std::abs(ln_odd_value(std::vector<OddCount>{})) < 1e-12);
    CHECK(std::abs(ln_odd_value(std::vector<OddCount>(30))) < 1e-12);
}

TEST_CASE("a bet is fair at one third") {
    // The average over both outcomes of the next odd one is what it was before.
    for (const OddCount before :
         {OddCount{},
          OddCount{.found = 4, .candidate = 4},
          OddCount{.found = 90, .candidate = 31},
          OddCount{.found = 7, .candidate = 0}}) {
        const double won =
            std::exp(ln_odd_value({.found = before.found + 1, .candidate = before.candidate + 1}));
        const double lost =
            std::exp(ln_odd_value({.found = before.found + 1, .candidate = before.candidate}));
        CHECK(won / 3 + lost * 2 / 3 == doctest::Approx(std::exp(ln_odd_value(before))));
    }
}

TEST_CASE("a candidate that is always the odd one is found after six, also beside noise") {
    std::vector<OddCount> fields;
    CHECK(odd_ones_needed(fields, 0.01) == 6);
    CHECK(odd_ones_needed(fields, 0.001) == 8);
    fields.assign(10, {.found = 60, .candidate = 20});
    CHECK(odd_ones_needed(fields, 0.01) == 10);
    fields.push_back({.found = 10, .candidate = 10});
    CHECK(ln_odd_value(fields) >= ln_100);
    CHECK(odd_ones_needed(fields, 0.01) == 0);
}

TEST_CASE("huge counts stay finite and keep their sign") {
    constexpr std::uint64_t many = 3'000'000'000;
    CHECK(std::isfinite(ln_odd_value({.found = many, .candidate = many / 3})));
    CHECK(ln_odd_value({.found = many, .candidate = many / 3}) < -1000);
    CHECK(ln_odd_value({.found = many, .candidate = many / 2}) > 1000);
}

TEST_CASE("the share of comparisons that would have been found") {
    // One is enough: 1 - (1 - x)^n.
    CHECK(visible_share(200, 1, 0.95) == doctest::Approx(1 - std::pow(0.05, 1.0 / 200)));
    // P(X >= 6) is 0.95 for a Poisson variable of mean 10.51; a binomial one varies a little less.
    CHECK(visible_share(200, 6, 0.95) == doctest::Approx(10.51 / 200).epsilon(0.02));
    CHECK(visible_share(1'000'000, 6, 0.95) == doctest::Approx(10.51e-6).epsilon(0.001));
    CHECK(visible_share(5, 6, 0.95) == 1);
    CHECK(visible_share(1'000'000'000, 6, 0.95) < 1.1e-8);
}

TEST_CASE("an interchangeable candidate fails as rarely as promised, however noisy the fields") {
    constexpr int runs = 3000;
    constexpr int comparisons = 400;
    constexpr std::array<std::size_t, 12> kinds{0, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5};
    // Twice: at the default and where false failures are frequent enough to be counted closely.
    int failed_01 = 0;
    int failed_20 = 0;
    for (int run = 0; run < runs; ++run) {
        Answers answers(static_cast<std::uint64_t>(run) + 1);
        Counting counting;
        double highest = 0;
        for (int i = 0; i < comparisons; ++i) {
            std::array<int, 3> shared{};
            for (std::size_t field = 0; field < kinds.size(); ++field) {
                // The last ones depend on each other wholly: one event shows in all of them.
                if (kinds[field] != 5 || field == 9) shared = answers.draw(kinds[field]);
                counting.add(field, odd_of(shared));
            }
            highest = std::max(highest, counting.ln_value());
        }
        failed_01 += highest >= ln_100 ? 1 : 0;
        failed_20 += highest >= std::log(5) ? 1 : 0;
    }
    INFO("false failures at 0.01: " << failed_01 << ", at 0.2: " << failed_20 << " of " << runs);
    CHECK(failed_01 <= runs / 100);
    CHECK(failed_20 <= runs / 5);
    CHECK(failed_20 > 0);
}

TEST_CASE("a change that shows in five of a hundred requests is found within a few hundred") {
    constexpr int runs = 400;
    std::vector<int> found_after;
    for (int run = 0; run < runs; ++run) {
        Answers answers(static_cast<std::uint64_t>(run) + 77);
        Counting counting;
        int after = 0;
        while (counting.ln_value() < ln_100 && after < 2000) {
            ++after;
            counting.add(2, odd_of(answers.draw(2)));
            counting.add(1, odd_of(answers.draw(1)));
            counting.add(9, answers.rarely(20) == 1 ? 0 : -1);
        }
        found_after.push_back(after);
    }
    std::ranges::sort(found_after);
    INFO("median " << found_after[runs / 2] << ", 95 % within " << found_after[runs * 95 / 100]);
    CHECK(found_after[runs / 2] < 160);
    CHECK(found_after[runs * 95 / 100] < 300);
}

}  // namespace serin::statistics
