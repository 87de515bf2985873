#pragma once

#include "base/time.h"

#include <cstdint>
#include <span>
#include <string_view>

// Every request's outcome, as the data plane reports it at the end of the response.

namespace serin {

// Values of the headers that a route's author wants to see (ports/observed.h).
struct HeaderValues {
    // "name=value" parted by unit separators (0x1f), names in lower case; values are cut to 64
    // bytes and escaped as in JSON.
    std::string_view text;

    // "" when the request had none, or none is asked for.
    std::string_view find(std::string_view name) const;
    // Takes the first pair off; false when there is none left.
    bool next(std::string_view& name, std::string_view& value);
};

// Views are valid during the call that hands the outcome over.
struct RequestOutcome {
    Instant at;                   // The end of the response.
    std::int64_t latency_us = 0;  // From the request's arrival to the last byte of the response.
    std::string_view ns;          // Namespace of the route.
    std::string_view route;       // Name of the HTTPRoute.
    std::string_view service;     // Service that was chosen.
    std::string_view revision;    // Pod-template hash of the pod that answered; "" for none.
    std::string_view pod;
    std::string_view method;
    std::string_view path;  // Without the query.
    std::string_view request_id;
    std::uint64_t user = 0;  // A keyed hash of who asked; 0: not told.
    HeaderValues request_headers;
    HeaderValues response_headers;
    int status = 0;           // As sent to the client; 0 when the client left first.
    bool is_retried = false;  // Served by another pod after a failed try.
    bool is_lost = false;     // No pod answered: the proxy made the response itself.
    // Stable's answer to a request that failed at another version. That failure is an outcome of
    // its own; this one is no evidence about stable, which was not chosen by chance.
    bool is_rescue = false;
};

// What the stream itself knows about its completeness.
struct StreamGap {
    Instant at;
    std::uint64_t outcomes_lost = 0;
};

// Takes outcomes in. Called on one thread, in order of arrival (which is nearly, not strictly, the
// order of `at`), in batches as they are read; must be quick: O(1) an outcome.
class OutcomeSink {
public:
    virtual ~OutcomeSink() = default;
    virtual void take(std::span<const RequestOutcome> outcomes) = 0;
    virtual void take_gap(const StreamGap& gap) = 0;
};

}  // namespace serin
