#pragma once

#include "judge/shadow/judge.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"

#include <string>

namespace serin::metrics {

// What a shadow comparison knows, in a ConfigMap `<run>-shadow-<metric's digest>` that the run owns
// and that goes with it.
class ShadowMemory {
public:
    ShadowMemory(ObjectStore& store, const MetricQuery& query);

    // Lets the judge go on where a former process was, if it is of this run.
    void recall(judge::shadow::Judge& judge) const;
    Result<> keep(const judge::shadow::Judge& judge);

private:
    ObjectStore& store_;
    ObjectKey key_;
    ObjectKey run_;
    std::string run_uid_;
};

}  // namespace serin::metrics
