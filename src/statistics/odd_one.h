#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

// Whether one of three is another: each time, something is seen of a candidate and twice of a
// reference, and there may be one of the three that differs from the other two, which are equal.
// If the candidate is interchangeable with the reference, it is that odd one with a probability of
// at most 1/3, whatever the noise: what differs in all three has no odd one, and what flaps makes
// each of them odd equally often. So nothing has to be learnt about the noise first.
//
// Many fields are looked at at once. Of a field it is counted how often it had an odd one, and how
// often the candidate was it; a bet at the odds of 1/3 turns both numbers into an e-value, which
// is 1 on average however long one looks if the candidate is interchangeable, and grows by a
// factor of up to 3 an odd one if it is not. The fields' e-values are summed with weights that add
// up to 1 at most, in the order in which the fields first had an odd one: the sum is at least
// 1/alpha with a probability of at most alpha, at any time and over all fields (Ville's
// inequality).
//
// That the fields of one comparison depend on each other does no harm, as a weighted sum of
// e-values needs no independence. For the order: given the three as a set, without their names,
// it is settled which fields have an odd one, while each of the three is the candidate with a
// probability of 1/3. So fields may be added, and take their weights, when they first have an odd
// one, and this one may be bet on; only the order among fields that are new at once must not
// depend on who is odd (by name, say), and whether to look at all must not either.

namespace serin::statistics {

struct OddCount {
    std::uint64_t found = 0;      // So often there was an odd one.
    std::uint64_t candidate = 0;  // So often it was the candidate.
    friend bool operator==(const OddCount&, const OddCount&) = default;
};

// Logarithm of one field's e-value. A mixture of bets on shares of the candidate above 1/3, much of
// it on 1: a change of behaviour mostly shows in fields without noise.
// REQUIRES: count.candidate <= count.found.
double ln_odd_value(const OddCount& count);

// Of the e-value of all fields, in the order in which they first had an odd one.
double ln_odd_value(std::span<const OddCount> fields);

// How often the candidate has to be the odd one in a field that had none so far until the e-value
// of all is at least 1/alpha, if nothing else happens. 0: it is already.
std::uint64_t odd_ones_needed(std::span<const OddCount> fields, double alpha);

// The smallest share of comparisons in which something happens so that it happens at least
// `times` times in `comparisons` of them with probability `power`. 1 when no share is enough.
// REQUIRES: times >= 1, 0 < power < 1.
double visible_share(std::uint64_t comparisons, std::uint64_t times, double power);

}  // namespace serin::statistics
