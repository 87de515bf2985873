#pragma once

#include "node/check.h"
#include "ports/event_loop.h"

#include <functional>
#include <memory>
#include <string>

namespace serin::node {

// The timing of a probe, with Kubernetes' defaults.
struct ProbeSpec {
    json::Object handler;
    Duration initial_delay{0};
    Duration period{10'000};
    Duration timeout{1'000};
    int successes_needed = 1;
    int failures_needed = 3;
    // Asks more often than every period until it first passes. For probes whose failures change
    // nothing until then: so readiness is seen when it comes, not up to a period later.
    bool is_eager = false;
};

ProbeSpec read_probe(const json::Object& written);

// Asks a container again and again, one question at a time, and tells when enough answers in a row
// change what is known. Probes for as long as it lives.
class Probe {
public:
    struct Listener {
        // The answer is settled: every time it changes, and the first time.
        std::function<void(bool is_passing, const std::string& message)> on_settled;
        // The first failure after a success or the start, for people; the answer may stay. An
        // eager probe's failures in the first period are no news: the process is just starting.
        std::function<void(const std::string& message)> on_first_failure;
    };

    // `started` is when the container was; `target` outlives the probe.
    Probe(ProbeSpec spec, const CheckTarget& target, Instant started, Listener listener);

private:
    void ask_after(Duration delay);
    void ask();
    void take(const Result<>& answer);
    Duration pause() const;
    bool is_news() const;

    ProbeSpec spec_;
    const CheckTarget& target_;
    Instant started_;
    Listener listener_;
    int successes_ = 0;  // In a row.
    int failures_ = 0;
    bool has_told_failure_ = false;
    bool has_passed_ = false;
    bool is_settled_ = false;
    bool is_passing_ = false;
    EventLoop::Watch timer_;
    std::unique_ptr<Check> check_;
};

}  // namespace serin::node
