#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "metrics/counter_book.h"
#include "metrics/sight.h"
#include "ports/request_stream.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace serin::metrics {

enum class Side { candidate, stable };

// What an examiner has to say at the moment.
struct Finding {
    enum class Standing {
        open,
        good,  // For the step: the release may go on.
        bad,   // Final.
    };
    Standing standing = Standing::open;
    std::string value;    // Of the measurement: "fail".
    std::string summary;  // For people: the rule and its numbers.
    std::map<std::string, std::string> facts;
    // What it knows of its own future: requests of the candidate a second lately, and how many
    // seconds at that rate until it can be expected to say something. Empty: not in sight.
    double requests_per_second = 0;
    bool has_forecast = false;
    std::optional<double> seconds_to_decision;

    std::vector<Sight> sights;  // Empty: nothing to be seen by requests, or too early to say.
    Duration release{0};        // Expected of a release, for a run without an end of its own.
};

// Looks at each request of a release as it ends, for as long as the release lasts. Not thread-safe:
// metrics/release_requests.h calls it, one call at a time. Equal calls give equal memories.
class Examiner {
public:
    virtual ~Examiner() = default;

    // Return whether what follows from finding() has changed.
    virtual bool take(Side side, const RequestOutcome& outcome) = 0;
    // What counters say, for examiners that ask for some.
    virtual bool take_counts(const CounterReading& reading) {
        static_cast<void>(reading);
        return false;
    }
    // So many outcomes of whatever requests were lost on their way, around that instant.
    virtual bool miss(Instant at, std::uint64_t outcomes) {
        static_cast<void>(at);
        static_cast<void>(outcomes);
        return false;
    }
    virtual bool pass_time(Instant now) = 0;
    // The candidate's share has been changed, or the next step begins: what is good is to be shown
    // anew.
    virtual void begin_stage(Instant now) = 0;

    virtual Finding finding() const = 0;
    // When it became bad; empty: it is not.
    virtual std::optional<Instant> bad_since() const = 0;

    // It compares the arms by the requests that are seen: what it says counts only while they are
    // split as they should be.
    virtual bool compares_requests() const { return false; }

    // All it knows, to go on after a restart as if there had been none.
    virtual json::Object memory() const = 0;
    // `invalid` when this is not a memory of such an examiner; it is then as it was.
    virtual Result<> recall(const json::Object& memory) = 0;

    // What it can tell beside its verdicts: larger, and nobody minds if a crash loses the last of
    // it, so that it is kept apart and written more rarely. Empty: nothing.
    virtual json::Object details() const { return {}; }
    // `is_same_stage`: they are of the stage that goes on. As recall() where they do not fit.
    virtual Result<> recall_details(const json::Object& details, bool is_same_stage) {
        static_cast<void>(details);
        static_cast<void>(is_same_stage);
        return {};
    }
};

}  // namespace serin::metrics
