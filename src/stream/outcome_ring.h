#pragma once

#include "ports/request_stream.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace serin::stream {

// The last outcomes of a gateway, ready to be sent, while nobody or not everybody has read them.
// Its memory is bounded: the oldest go first, and their numbers are missed by whoever comes late.
//
// Outcomes may come in on another thread; so may the calls of `on_news`, one for all that came
// since the last call of `piece`. All else is used on any thread.
class OutcomeRing : public OutcomeSink {
public:
    OutcomeRing(std::size_t bytes_max, std::function<void()> on_news);

    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override;

    // Consecutive outcomes as one frame (stream/frames.h).
    struct Piece {
        std::shared_ptr<const std::string> frame;
        std::uint64_t first = 0;
        std::uint64_t next = 0;  // The number after its last outcome.
    };
    // The oldest piece that begins at `number` or after; empty: there is none yet.
    std::optional<Piece> piece_from(std::uint64_t number);
    // The number of the next outcome.
    std::uint64_t next() const;

    struct Stats {
        std::uint64_t outcomes = 0;
        std::uint64_t lost = 0;     // They never came in.
        std::uint64_t dropped = 0;  // They had to make room and nobody had read them.
        std::size_t bytes = 0;
    };
    Stats stats() const;
    // Outcomes with smaller numbers have been read by somebody.
    void note_read(std::uint64_t next);

private:
    void make_room();

    std::size_t bytes_max_;
    std::function<void()> on_news_;
    mutable std::mutex mutex_;  // Guards all below.
    std::deque<Piece> pieces_;
    std::uint64_t next_ = 0;
    std::uint64_t read_ = 0;  // The smallest number that nobody has read.
    bool is_told_ = false;
    Stats stats_;
};

}  // namespace serin::stream
