#pragma once

#include "base/result.h"
#include "base/time.h"
#include "gateway/unique_fd.h"

#include <string>
#include <string_view>

namespace serin::gateway {

// A connection to a HAProxy process's runtime API, kept open: a command takes some 30 us. Commands
// block their caller, at most for the patience; a process that does not answer by then counts as
// broken and the connection is closed.
class RuntimeSocket {
public:
    // `unavailable` when nobody listens at the path.
    static Result<RuntimeSocket> open(const std::string& path, Duration patience);

    // Sends one command and returns the answer without its final newlines. `unavailable` when the
    // connection failed; what HAProxy says about a command it refuses is an answer. REQUIRES: no
    // line end and no ';' in it (each part of a chain would be answered with a prompt).
    Result<std::string> command(std::string_view line);

    bool is_open() const { return static_cast<bool>(fd_); }

private:
    RuntimeSocket(UniqueFd fd, Duration patience) : fd_(std::move(fd)), patience_(patience) {}
    Result<std::string> read_answer();

    UniqueFd fd_;
    Duration patience_;
};

// A connected stream socket for one command whose answer does not end.
Result<UniqueFd> open_stream(const std::string& path, std::string_view command);

}  // namespace serin::gateway
