#include "sim/check.h"

#include <array>

namespace serin::sim {

namespace {

struct Words {
    std::string_view rule;
    std::string_view situation;
};

// In the order of Check.
constexpr std::array<Words, check_count> words{{
    {"I1 capacity", "a share rises, or what carries it shrinks"},
    {"I1 capacity", "replicas go where all together carry the traffic"},
    {"I1 capacity", "requests beside the split begin to reach a revision"},
    {"I1 capacity", "all traffic moves"},
    {"I2 limit", "the candidate's weight rises"},
    {"I2 limit", "the weight of an experiment rises"},
    {"I2 limit", "a route beside the split comes into force"},
    {"I2 limit", "all traffic moves"},
    {"I2 limit", "what is left of a budget is told"},
    {"I2 limit", "a budget is exhausted"},
    {"I2 limit", "traffic leaves a candidate without budget"},
    {"I3 abort", "a candidate with weight is taken back"},
    {"I3 abort", "a candidate with routes beside the split is taken back"},
    {"I3 abort", "a candidate that all traffic may move to is taken back"},
    {"I4 last copy", "a revision that can serve goes"},
    {"I4 last copy", "the stable service leaves a revision that can serve"},
    {"I4 last copy", "the workload taken over from shrinks"},
    {"I5 crash", "the controllers crashed and all became calm"},
    {"I6 liveness", "all became calm"},
    {"I7 silence", "a step with a judge is passed"},
    {"I7 silence", "all traffic moves to what is judged first"},
    {"I7 silence", "what is judged with all traffic becomes stable"},
    {"I7 silence", "a step with a plugin is passed"},
    {"I7 silence", "an analysis succeeds"},
    {"I8 order", "a revision that can serve goes, with a router"},
    {"I8 order", "a revision that can serve goes, with routes beside the split"},
    {"I8 order", "a route beside the split is written"},
    {"I8 order", "a revision becomes stable with all traffic at once"},
    {"I8 order", "a version starts where the old one is to end first"},
    {"I1 capacity", "a release with weight is scaled up"},
}};

const Words& words_of(Check check) {
    return words.at(static_cast<std::size_t>(check));
}

}  // namespace

std::string_view rule_of(Check check) {
    return words_of(check).rule;
}

std::string_view situation_of(Check check) {
    return words_of(check).situation;
}

}  // namespace serin::sim
