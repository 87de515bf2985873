#pragma once

#include "base/json.h"
#include "base/result.h"
#include "model/experiment.h"
#include "ports/object.h"

#include <string>
#include <string_view>

// Experiments in Argo's dialect: object to plan, status to state and back.

namespace serin::argo {

inline constexpr std::string_view annotation_experiment = "experiment.argoproj.io/name";
inline constexpr std::string_view annotation_experiment_template =
    "experiment.argoproj.io/template-name";

// `invalid` names the field.
Result<TrialPlan> lower_experiment(const Object& experiment);

TrialState read_experiment_status(const Object& experiment);

json::Object project_experiment(const Object& experiment, const TrialState& state, Instant now);
// Of one whose spec cannot be followed.
json::Object project_invalid_experiment(
    const Object& experiment, const std::string& problem, Instant now);

// "<experiment>-<template>": the ReplicaSet.
std::string arm_group_name(const Object& experiment, const std::string& arm);
// The Service's name: its own, or the ReplicaSet's.
std::string arm_service_name(const Object& experiment, const std::string& arm);
// The template in the spec; null when there is none.
const json::Object* arm_spec(const Object& experiment, const std::string& arm);

// The ReplicaSet of an arm, without replicas. Every arm has an id of its own, whatever its pods
// look like, so that no other Service selects them.
Object make_arm_group(const Object& experiment, const std::string& arm);
// Its ports are those of the containers.
Object make_arm_service(const Object& experiment, const std::string& arm, const Object& group);

std::string_view word_of(ArmPhase phase);  // "Running".

// The arguments of an analysis of the experiment, with {{templates.<n>.podTemplateHash}},
// {{templates.<n>.replicaset.name}} and {{experiment.availableAt|finishedAt}} filled in.
Result<json::Array> experiment_arguments(
    const Object& experiment, const json::Array& arguments, const TrialState& state);

}  // namespace serin::argo
