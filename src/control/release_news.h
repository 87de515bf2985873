#pragma once

#include "model/release.h"
#include "ports/event_recorder.h"
#include "ports/object.h"

namespace serin::control {

// Events that tell what a turn saw rather than what it did: a Rollout that is new, and analysis
// runs that went on. Reasons and messages are Argo's, as its notification triggers know them.
void tell_news(
    EventRecorder& events,
    const Object& rollout,
    const ReleaseState& before,
    const ReleaseState& next);

// A Rollout that is gone.
void tell_deletion(EventRecorder& events, const ObjectKey& rollout);

}  // namespace serin::control
