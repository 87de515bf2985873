#include "node/files.h"

#include "node/process.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace serin::node {

namespace {

std::unexpected<Error> failed(std::string_view attempt, const std::string& path) {
    const ErrorKind kind =
        errno == ENOENT || errno == ENOTDIR ? ErrorKind::not_found : ErrorKind::unavailable;
    return fail(kind, fmt::format("{} {}: {}", attempt, path, std::strerror(errno)));
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return failed("read", path);
    std::string text;
    std::array<char, 4096> chunk{};
    for (;;) {
        const ssize_t got = read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", path);
        if (got == 0) return text;
        text.append(chunk.data(), static_cast<size_t>(got));
    }
}

Result<> write_file(const std::string& path, std::string_view text) {
    const std::string draft = path + ".new";
    const FileDescriptor file(
        open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file.is_open()) return failed("write", draft);
    while (!text.empty()) {
        const ssize_t put = write(file.get(), text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("write", draft);
        text.remove_prefix(static_cast<size_t>(put));
    }
    if (std::rename(draft.c_str(), path.c_str()) != 0) return failed("replace", path);
    return {};
}

}  // namespace serin::node
