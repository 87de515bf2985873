#pragma once

#include "base/json.h"

// What Kubernetes makes of a pod template: fields that it fills in when a ReplicaSet is created,
// and other ways of writing what is the same ("1000m" of a CPU is "1"). A ReplicaSet that somebody
// else made is recognised by it.

namespace serin::argo {

// Whether both templates would be one once Kubernetes has stored them, the labels that carry ids
// aside. Knows the defaults of core/v1; a field that it does not know is compared as it is, so that
// it may find a difference where there is none, and never the other way round.
bool is_same_when_stored(const json::Value& left, const json::Value& right);

}  // namespace serin::argo
