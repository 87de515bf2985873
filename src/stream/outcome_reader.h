#pragma once

#include "ports/event_loop.h"
#include "ports/http_client.h"
#include "ports/request_stream.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::stream {

// A gateway whose requests are wanted.
struct StreamSource {
    std::string name;  // For people.
    std::string url;   // "http://10.1.2.3:8091", without a slash at the end.
    friend bool operator==(const StreamSource&, const StreamSource&) = default;
};

// Reads the outcomes of all gateways of a cluster into one sink, for as long as it lives. A stream
// that breaks is asked for again from where it broke, so only what a gateway could not keep is
// lost, and the sink is told how many those were. Of a gateway that ends without having said so
// nobody knows what it had not sent: that counts as one outcome that was lost.
//
// REQUIRES: used on the loop.
class OutcomeReader {
public:
    // How long a stream may be silent before it is taken for broken; gateways say every second
    // that they are alive.
    static constexpr Duration silence_max{5'000};

    // Loop, client and sink outlive it. `token` gives the bearer token to show; it is asked at
    // every connection, because tokens are replaced.
    OutcomeReader(
        EventLoop& loop, HttpClient& http, OutcomeSink& sink, std::function<std::string()> token);
    ~OutcomeReader();
    OutcomeReader(const OutcomeReader&) = delete;
    OutcomeReader& operator=(const OutcomeReader&) = delete;

    // Those that should stream from now on, by an identity that is never used again (a pod's uid).
    void follow(const std::map<std::string, StreamSource>& sources);
    bool follows(const std::string& id) const { return connections_.contains(id); }

    // Why not every request is seen; empty when all sources stream, or did so in the last `grace`.
    std::string trouble(Duration grace) const;

    struct Stats {
        std::string name;
        bool is_streaming = false;
    };
    std::vector<Stats> sources() const;
    std::uint64_t outcomes() const { return outcomes_; }
    std::uint64_t lost() const { return lost_; }

private:
    class Connection;

    void note_loss(std::uint64_t outcomes);
    std::string trouble() const;
    void tick();

    EventLoop& loop_;
    HttpClient& http_;
    OutcomeSink& sink_;
    std::function<std::string()> token_;
    std::map<std::string, std::unique_ptr<Connection>> connections_;
    Instant whole_at_;   // When all sources streamed, as far as seen.
    Instant last_at_{};  // Of the newest outcome.
    std::uint64_t outcomes_ = 0;
    std::uint64_t lost_ = 0;
    EventLoop::Watch timer_;
    Instant tick_due_;
};

}  // namespace serin::stream
