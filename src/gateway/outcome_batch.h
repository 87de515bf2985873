#pragma once

#include "ports/request_stream.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace serin::gateway {

// Whether a counted stream is complete. Records come nearly in order, so a gap counts only when it
// is still open one look later.
class GapCounter {
public:
    // False for a record that was counted before `replay()`.
    bool count(std::uint64_t number);
    // The stream is going to be repeated from an earlier record.
    void replay() { replayed_below_ = next_; }
    // Records newly known to be lost. Call it every second or so.
    std::uint64_t look();

private:
    bool is_started_ = false;
    std::uint64_t first_ = 0;
    std::uint64_t next_ = 0;  // One past the highest number seen.
    std::uint64_t replayed_below_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t open_at_last_look_ = 0;
    std::uint64_t reported_ = 0;
};

// One process's bytes to outcomes: cuts lines, parses them, counts. REQUIRES: one thread.
class RecordReader {
public:
    // Hands all complete records in `bytes` (after what was left over) to the sink, in one batch.
    // Returns the instant of the last of them, or the beginning of time.
    Instant take(std::string_view bytes, OutcomeSink& sink);
    void replay();
    std::uint64_t look_for_gaps();

private:
    std::string rest_;                                         // An incomplete last line.
    std::map<std::string, GapCounter, std::less<>> counters_;  // By frontend.
};

}  // namespace serin::gateway
