#pragma once

#include "net/http_server.h"
#include "ports/event_loop.h"
#include "stream/outcome_ring.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace serin::stream {

struct OutcomeServerSettings {
    std::string epoch;  // Of this start of the gateway: never the same twice.
    std::size_t bytes_max = 32 << 20;
    std::size_t readers_max = 8;
};

// Streams the outcomes of a gateway to whoever asks, at the speed at which they are read.
//
//   GET /outcomes?epoch=E&from=N
//
// goes on at outcome N of that epoch. Without a position it goes on some seconds before the place
// where the last reader was, because that one may not have kept what it saw last: twice seen is
// better than not at all. The first reader begins at the oldest that is kept.
//
// REQUIRES: used on the loop, but for the sink.
class OutcomeServer {
public:
    // The loop outlives it.
    OutcomeServer(EventLoop& loop, OutcomeServerSettings settings);
    ~OutcomeServer();  // Cuts the readers.
    OutcomeServer(const OutcomeServer&) = delete;
    OutcomeServer& operator=(const OutcomeServer&) = delete;

    OutcomeSink& sink() { return ring_; }
    // REQUIRES: who asks is allowed to.
    void serve(
        const net::HttpServerRequest& request,
        const std::shared_ptr<net::HttpResponder>& responder);
    // Sends the readers what is there and that nothing follows.
    void end();

    std::size_t readers() const { return readers_.size(); }
    OutcomeRing::Stats stats() const { return ring_.stats(); }

private:
    struct Reader;

    std::uint64_t start_of(const net::HttpServerRequest& request) const;
    void pump(const std::shared_ptr<Reader>& reader);
    void pump_all();
    void drop(const std::shared_ptr<Reader>& reader);
    void tick();

    EventLoop& loop_;
    OutcomeServerSettings settings_;
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
    OutcomeRing ring_;
    std::vector<std::shared_ptr<Reader>> readers_;
    // Where readers were a few seconds ago, and before that.
    std::uint64_t newer_mark_ = 0;
    std::uint64_t older_mark_ = 0;
    int ticks_ = 0;
    EventLoop::Watch timer_;
};

}  // namespace serin::stream
