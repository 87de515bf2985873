#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace serin {

struct LogQuery {
    std::string ns;
    std::string pod;
    std::string container;        // Empty: the pod's only container; `invalid` when it has several.
    bool is_following = false;    // Goes on as lines are written, until the container ends.
    bool is_previous = false;     // The container's run before the last restart.
    bool has_timestamps = false;  // Each line begins with its time in RFC 3339.
    std::optional<std::int64_t> tail;  // Only the last so many lines.
    std::optional<Instant> since;      // Only lines written at or after.
};

// What the containers of pods have written.
class LogSource {
public:
    virtual ~LogSource() = default;

    // Pulled, so that a slow reader costs no memory: a reading hands over nothing until `next`, and
    // each `next` brings one chunk (of at most about 64 KiB, whole lines or not) or the end, on the
    // event loop and never within the call. Destroying it ends it; nothing is called afterwards.
    class Reading {
    public:
        virtual ~Reading() = default;
        // REQUIRES: the chunk asked for before has been handed over.
        virtual void next() = 0;
    };
    using OnChunk = std::function<void(std::string_view)>;
    using OnEnd = std::function<void(Result<>)>;

    // `not_found` for a pod that is not there, `invalid` for a container it does not have or one
    // without a previous run.
    virtual Result<std::unique_ptr<Reading>> open(
        const LogQuery& query, OnChunk on_chunk, OnEnd on_end) = 0;
};

}  // namespace serin
