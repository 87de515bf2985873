#include "cli/state_lock.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace serin::cli {

namespace {

std::string holder_of(int file) {
    std::array<char, 32> text{};
    const ssize_t size = pread(file, text.data(), text.size() - 1, 0);
    const std::string_view pid(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
    return std::string(pid.substr(0, pid.find('\n')));
}

}  // namespace

Result<StateLock> StateLock::take(const std::string& state_dir) {
    std::error_code error;
    std::filesystem::create_directories(state_dir, error);
    if (error || chmod(state_dir.c_str(), 0700) != 0) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "cannot use the state folder {}: {}",
                state_dir,
                error ? error.message() : std::strerror(errno)));
    }
    const std::string path = state_dir + "/lock";
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return fail(
            ErrorKind::unavailable, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
    }
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        const std::string holder = holder_of(file);
        close(file);
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "the state folder {} is in use by process {} (stop it, or choose another folder "
                "with --state)",
                state_dir,
                holder.empty() ? "?" : holder));
    }
    const std::string pid = fmt::format("{}\n", getpid());
    if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) < 0) {
        // The lock holds all the same; only its holder's name is missing for others.
        static_cast<void>(ftruncate(file, 0));
    }
    return StateLock(file);
}

StateLock::StateLock(StateLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

StateLock::~StateLock() {
    if (file_ >= 0) close(file_);
}

}  // namespace serin::cli
