#pragma once

#include "base/json.h"
#include "base/result.h"
#include "judge/shadow/compare.h"
#include "judge/shadow/spec.h"
#include "statistics/odd_one.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// Judges a candidate by comparisons of its answers with two of stable's: fails it when it is the
// odd one more often than chance allows (statistics/odd_one.h), whose probability is at most alpha
// if the candidate changes nothing. What it remembers and says holds names, kinds of differences,
// routes and paths; no values, queries or headers of requests.

namespace serin::judge::shadow {

// Which request it was.
struct Request {
    std::string route;  // "default/shop"
    std::string method;
    std::string path;  // Without the query.
    std::string id;    // May be empty.
};

enum class Decision { open, fail, pass };

// Different fields that are told apart; those after them are not looked at any more.
inline constexpr std::size_t fields_max = 400;

class Judge {
public:
    explicit Judge(Spec spec) : spec_(std::move(spec)) {}

    const Spec& spec() const { return spec_; }

    // Which measurement of the metric this is: each has to see enough comparisons of its own, while
    // what speaks against the candidate, and alpha, is of all.
    void begin(std::int64_t measurement);

    // One comparison. Nothing counts after a decision. `stable_pods`: how many had stable's two
    // answers, 1 or 2.
    void add(const std::vector<OddOne>& odd_ones, const Request& request, int stable_pods);

    Decision decision() const;
    std::uint64_t compared() const { return compared_; }
    // Comparisons until a pass.
    std::uint64_t left() const;

    // The decision, or how it stands, in one sentence.
    std::string explain() const;
    // The numbers behind it, by name.
    std::map<std::string, std::string> facts() const;

    // All it knows, to go on after a restart. A reader of other settings is `invalid`, as is what
    // is no such memory; the judge is then as it was.
    json::Object memory() const;
    Result<> recall(const json::Object& memory);

private:
    struct Field {
        std::string name;
        Difference difference = Difference::value;
        bool has_it = false;  // In the last example.
        statistics::OddCount count;
        Request example;  // The last request in which the candidate was the odd one.
    };

    static Result<Field> read_field(const json::Value& value);
    static json::Value print_field(const Field& field);
    std::string settings() const;
    std::vector<statistics::OddCount> counts() const;
    std::string finding() const;
    static std::string describe(const Field& field);

    Spec spec_;
    std::vector<Field> fields_;  // By the first odd one.
    std::uint64_t compared_ = 0;
    std::int64_t number_ = 1;
    std::uint64_t before_ = 0;  // Of compared_, in former measurements.
    int stable_pods_ = 0;       // At most.
    bool has_failed_ = false;
};

}  // namespace serin::judge::shadow
