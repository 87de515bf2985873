#pragma once

#include "base/result.h"
#include "ports/request_stream.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// Request outcomes as bytes, for a reader on another machine: frames, each with its length and kind
// before it. Outcomes are numbered from 0 on by whoever saw them; a number that is never sent is an
// outcome that was lost, so a reader that sees the numbers jump knows how many it lacks.

namespace serin::stream {

// Larger frames are neither made nor taken.
inline constexpr std::size_t frame_bytes_max = 1 << 20;

// The first frame: what the numbers that follow count (`epoch`, one of each start of a gateway) and
// the number that comes next.
std::string encode_hello(std::string_view epoch, std::uint64_t next);
// Nothing is on the way that has a smaller number than `next`.
std::string encode_alive(std::uint64_t next);
// The same, and nothing will follow.
std::string encode_end(std::uint64_t next);
// As many of `outcomes`, from the first one on, as one frame holds: `count` says how many. One that
// no frame holds is left out: then `count` is 1 and the frame is empty.
std::string encode_batch(
    std::uint64_t first, std::span<const RequestOutcome> outcomes, std::size_t& count);

class FrameHandler {
public:
    virtual ~FrameHandler() = default;
    virtual void on_hello(std::string_view epoch, std::uint64_t next) = 0;
    // Views are valid during the call.
    virtual void on_batch(std::uint64_t first, std::span<const RequestOutcome> outcomes) = 0;
    virtual void on_alive(std::uint64_t next) = 0;
    virtual void on_end(std::uint64_t next) = 0;
};

// Bytes to frames. Bytes come from another machine and are believed in nothing.
class FrameReader {
public:
    // Hands over every whole frame in `bytes`, after what was left over. `invalid` for bytes that
    // are no frames, and for frames before the hello: then nothing may follow.
    Result<> take(std::string_view bytes, FrameHandler& handler);

private:
    Result<> read(std::string_view frame, FrameHandler& handler);

    std::string rest_;
    bool has_hello_ = false;
};

}  // namespace serin::stream
