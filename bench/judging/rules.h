#pragma once

#include "judge/sequential/judge.h"

#include <memory>
#include <string>
#include <vector>

// The judges that are compared, behind one interface: they see the same outcomes, one by one.

namespace serin::bench {

using judge::sequential::Arm;
using judge::sequential::Outcome;

class Rule {
public:
    virtual ~Rule() = default;
    virtual std::string name() const = 0;
    virtual void begin() = 0;
    virtual void step(double at_s) = 0;
    // Returns true when it takes the canary back, once.
    virtual bool observe(const Outcome& outcome) = 0;
};

// Each at the settings its own documentation shows: Argo Rollouts with success >= 0.95 each 60 s
// and failureLimit 3; Flagger with a success rate of 99 % each 60 s and threshold 5; Kayenta's
// Mann-Whitney classifier on failures per minute, judged each minute from the third on.
std::vector<std::unique_ptr<Rule>> all_rules();

}  // namespace serin::bench
