#pragma once

#include "ports/event_loop.h"
#include "ports/http_client.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"
#include "ports/request_copies.h"

#include <memory>
#include <string_view>

namespace serin::metrics {

// The provider `serin/shadow`: has the candidate and twice stable answer copies of users' requests,
// and fails the candidate when it answers otherwise than stable differs from itself
// (judge/shadow/judge.h). Users get none of these answers and wait for none. One measurement lasts
// until there is a verdict; what is known is kept in a ConfigMap that the run owns, so that it goes
// on after a restart.
//
// Used on the event loop.
class ShadowSource : public MetricSource {
public:
    static constexpr std::string_view provider = "serin/shadow";

    // All outlive the source, and the source its measurements.
    ShadowSource(EventLoop& loop, ObjectStore& store, HttpClient& http, RequestCopies& copies)
        : loop_(loop), store_(store), http_(http), copies_(copies) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    EventLoop& loop_;
    ObjectStore& store_;
    HttpClient& http_;
    RequestCopies& copies_;
};

}  // namespace serin::metrics
