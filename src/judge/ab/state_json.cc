#include "judge/ab/config.h"

#include <bit>
#include <cstdint>
#include <utility>

// An experiment's memory. Numbers are written by their bits: what goes on from them equals what
// never stopped.

namespace serin::judge::ab {

namespace {

constexpr int version = 1;

// Walks over a state, one number after the other: writing or reading.
template <class Number>
void walk(State& state, const Number& number) {
    for (std::uint64_t& count : state.visitors) number(count);
    for (std::uint64_t& count : state.conversions) number(count);
    for (State::Pair& pair : state.pairs) {
        for (statistics::Lift* lift : {&pair.first_better, &pair.second_better}) {
            for (double& wealth : lift->ln_wealth) number(wealth);
            number(lift->ln_peak);
        }
        number(pair.pending.canary);
        number(pair.pending.canary_events);
        number(pair.pending.stable);
        number(pair.pending.stable_events);
        number(pair.expected);
    }
    number(state.baseline.events);
    number(state.baseline.total);
    number(state.baseline.at_s);
    number(state.split.ln_value);
    number(state.split.ln_peak);
    number(state.won_at_visit);
    number(state.won_at_s);
}

}  // namespace

json::Object print_state(const State& state) {
    State copy = state;
    json::Array numbers;
    walk(copy, [&](auto& number) { numbers.push_back(std::bit_cast<std::int64_t>(number)); });
    json::Object memory{
        {"version", version}, {"arms", state.visitors.size()}, {"numbers", std::move(numbers)}};
    if (state.winner) memory["winner"] = *state.winner;
    return memory;
}

Result<State> read_state(const json::Object& memory, const Spec& spec) {
    const auto refuse = [] {
        return fail(ErrorKind::invalid, "not the memory of this experiment");
    };
    const json::Array* numbers = json::array(memory.if_contains("numbers"));
    const auto arms = json::integer(memory.if_contains("arms"));
    if (json::integer(memory.if_contains("version")) != version || numbers == nullptr ||
        arms != static_cast<std::int64_t>(spec.arms.size())) {
        return refuse();
    }
    State state = begin(spec);
    std::size_t place = 0;
    bool is_whole = true;
    walk(state, [&]<class Number>(Number& number) {
        const auto bits =
            place < numbers->size() ? json::integer(&(*numbers)[place]) : std::nullopt;
        ++place;
        if (bits)
            number = std::bit_cast<Number>(*bits);
        else
            is_whole = false;
    });
    if (!is_whole || place != numbers->size()) return refuse();
    if (const auto winner = json::integer(memory.if_contains("winner"))) {
        if (*winner < 0 || *winner >= *arms) return refuse();
        state.winner = static_cast<std::size_t>(*winner);
    }
    return state;
}

}  // namespace serin::judge::ab
