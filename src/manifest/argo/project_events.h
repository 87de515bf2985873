#pragma once

#include "manifest/argo/lower.h"
#include "model/decision.h"
#include "ports/event_recorder.h"
#include "ports/object.h"

#include <string>

namespace serin::argo {

// An Event as the dialect's clients and notifications know it.
struct EventShown {
    EventType type = EventType::normal;
    std::string reason;
    std::string message;
};

EventShown project_event(const Object& rollout, const Plan& plan, const Announce& announce);

}  // namespace serin::argo
