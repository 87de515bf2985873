#pragma once

#include "base/time.h"
#include "ports/request_stream.h"

#include <memory>
#include <string>

namespace serin::gateway {

// Reads the request records of all live HAProxy processes on one thread of its own and hands them
// to a sink there, in batches. Each process keeps its last records in a ring, which is read from
// its oldest record on: a Serin that starts again misses nothing that the ring still has, and a
// process's last records are read after it was told to stop.
//
// Missing records are noticed by the gaps in the frontends' counters and reported as a StreamGap.
class OutcomeStream {
public:
    explicit OutcomeStream(OutcomeSink& sink);
    ~OutcomeStream();  // Ends the thread.

    // Reads the process that answers at `socket_path` until it ends. Any thread.
    void add(int instance, std::string socket_path);
    // Stops reading a process once it has been silent for a moment, so that it can end. Any thread.
    void finish(int instance);

private:
    class Reader;
    std::unique_ptr<Reader> reader_;
};

}  // namespace serin::gateway
