#pragma once

#include "base/result.h"
#include "node/process.h"
#include "ports/event_loop.h"
#include "ports/log_source.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// What containers write, in files that they write themselves, so that no line waits for Serin. A
// run of a container has one file, <container>.<run>.log; when it grows too long it is copied to
// <file>.1, .2, ... and emptied. Beside it, <file>.times says when it had which length, which is
// how lines have times although programs write none.

namespace serin::node {

std::string log_path(const std::string& folder, std::string_view container, int run);

Result<FileDescriptor> open_for_append(const std::string& path);

struct LogLimits {
    std::int64_t bytes_max = 0;
    int files_max = 0;
};

// Notes the file's length at this instant and puts it aside if it is too long. What is written
// between copying and emptying is lost: microseconds, and only for a file that is too long.
void tend_log(const std::string& path, const LogLimits& limits, Instant now);

// Leaves the files of this run and the one before.
void remove_old_logs(const std::string& folder, std::string_view container, int run);

struct LogReadSpec {
    std::string path;
    LogQuery query;  // How much of it, and in which form.
    Duration poll{500};
    // Nothing more will be written: a follower has reached the end.
    std::function<bool()> is_over;
};

std::unique_ptr<LogSource::Reading> read_log(
    EventLoop& loop, LogReadSpec spec, LogSource::OnChunk on_chunk, LogSource::OnEnd on_end);

}  // namespace serin::node
