#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

// What judges say. A judge is a function from what was measured to a Verdict: samples in, verdict
// out, without clock or memory of its own, so that a verdict can be replayed from its evidence.

namespace serin::judge {

// Of a measurement, a metric or a run. The first two mean "go on", the others are final.
enum class Phase { pending, running, successful, failed, error, inconclusive };

std::string_view to_string(Phase phase);  // "Successful".
std::optional<Phase> parse_phase(std::string_view text);
bool is_completed(Phase phase);

// Whether a run with both ends as `right`: Successful < Running < Pending < Inconclusive < Error <
// Failed.
bool is_worse(Phase right, Phase than);

struct Verdict {
    Phase phase = Phase::running;
    std::string rule;    // Which rule decided: "failureLimit", "successCondition". Empty: none yet.
    std::string reason;  // For people: "failed (2) > failureLimit (1)"; empty when all is well.
    std::map<std::string, double> numbers;  // What the rule compared.
};

}  // namespace serin::judge
