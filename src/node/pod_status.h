#pragma once

#include "node/record.h"
#include "ports/object.h"

#include <map>
#include <string>

namespace serin::node {

// Why a container does not run although it should.
struct Waiting {
    std::string reason;
    std::string message;
    Instant since;
};
using WaitingContainers = std::map<std::string, Waiting>;  // By container name.

enum class RestartPolicy { always, on_failure, never };
RestartPolicy restart_policy(const Object& pod);

// Whether a container that ended like this is started again.
bool is_restarted(const Object& pod, const ContainerRecord& container);

// All init containers have done their work.
bool is_initialized(const Object& pod, const PodRecord& record);

// No container will ever run again: the phase is Succeeded or Failed.
bool is_finished(const Object& pod, const PodRecord& record);

// The pod's status as a kubelet writes it. Times of transition are kept from the status that the
// pod has where nothing changed, and so are conditions of other writers.
json::Object pod_status(
    const Object& pod, const PodRecord& record, const WaitingContainers& waiting, Instant now);

}  // namespace serin::node
