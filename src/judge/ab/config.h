#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "judge/ab/experiment.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// An experiment on live traffic, as read from `provider: {plugin: {serin/ab: {...}}}`;
// docs/reference/judges.md documents every field.

namespace serin::judge::ab {

// Whose requests an arm's are: by one of these. Neither: the release's candidate or stable side.
struct ArmTarget {
    std::string revision;  // Pod-template hash.
    std::string service;
};

struct Config {
    Spec spec;
    std::vector<ArmTarget> targets;      // Of the arms.
    bool is_of_release = false;          // Arms "stable" and "canary".
    std::optional<std::size_t> expects;  // The arm that has to win; empty: any.
    std::optional<Duration> timeout;
    // The header of the answer that tells the outcome, in lower case; empty: it is the status.
    std::string header;
    std::vector<std::string> good;
    std::optional<double> good_from;

    // `invalid` names the field.
    static Result<Config> read(const json::Object& config);

    // Whether a request converted; empty: it had no chance to, and is no visit.
    std::optional<bool> outcome(int status, std::string_view header_value) const;
};

// All that is remembered, exactly, and back. Fails with `invalid` if it is not of such an
// experiment.
json::Object print_state(const State& state);
Result<State> read_state(const json::Object& memory, const Spec& spec);

}  // namespace serin::judge::ab
