#pragma once

#include "base/result.h"

#include <string>

namespace serin::cli {

// The right to run on a state folder: one process has it at a time, and it ends with the process,
// however that ends.
class StateLock {
public:
    // Makes the folder (mode 0700) if need be. `unavailable` when another process has the lock (the
    // message names it) or the folder cannot be used.
    static Result<StateLock> take(const std::string& state_dir);
    ~StateLock();
    StateLock(StateLock&& other) noexcept;
    StateLock& operator=(StateLock&&) = delete;

private:
    explicit StateLock(int file) : file_(file) {}
    int file_;
};

}  // namespace serin::cli
