#pragma once

#include "base/document.h"
#include "base/json.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <vector>

// What a Rollout will do, before it does it: its plan step by step, with weights, pods, who judges
// what and when, what ends by itself and what an abort does. Times are the earliest possible ones;
// what may take longer is named.

namespace serin::lint {

struct PlanOptions {
    // Requests per second of all versions together: then each weight is also told in requests.
    std::optional<double> traffic;
    std::string rollout;  // Empty: of all.
};

struct PlanStep {
    std::string kind;  // As the manifest calls it: "setWeight".
    std::string does;  // In words.
    Duration after{};  // Since the release began, at the soonest.
    Duration lasts{};  // At least.
    bool waits_for_person = false;
    int weight = 0;           // Once it is done.
    std::optional<int> pods;  // Of the new version then.
    std::vector<std::string> judged;
};

struct PlanView {
    std::string rollout;  // "default/shop"
    std::string about;    // Strategy, replicas, router.
    int weight_max = 100;
    std::optional<double> traffic;
    std::vector<PlanStep> steps;
    std::vector<std::string> beside;     // What watches beside the steps.
    std::vector<std::string> promotion;  // What happens after the last step.
    std::vector<std::string> abort;
    std::vector<std::string> times_out;
    Duration earliest{};
    // When every change of weight or size takes its whole deadline, and no measurement waits for
    // data. Empty: nothing bounds it; `open_because` says what.
    std::optional<Duration> latest;
    std::string open_because;
};

// REQUIRES: the documents have no errors (manifest::validate).
std::vector<PlanView> plans_of(const std::vector<Document>& documents, const PlanOptions& options);

std::string to_text(const PlanView& plan);
json::Object to_json(const PlanView& plan);

}  // namespace serin::lint
