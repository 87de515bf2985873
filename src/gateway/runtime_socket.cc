#include "gateway/runtime_socket.h"

#include "base/check.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace serin::gateway {
namespace {

Result<UniqueFd> connect_to(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof(address.sun_path)) {
        return fail(ErrorKind::invalid, "path of a socket is too long: " + path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail(ErrorKind::unavailable, "no more file descriptors");
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return fail(ErrorKind::unavailable, path + ": " + std::strerror(errno));
    }
    return fd;
}

Result<> send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return fail(ErrorKind::unavailable, "HAProxy closed the connection");
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

}  // namespace

Result<RuntimeSocket> RuntimeSocket::open(const std::string& path, Duration patience) {
    SERIN_TRY(UniqueFd fd, connect_to(path));
    RuntimeSocket socket(std::move(fd), patience);
    SERIN_TRY_DO(socket.command("prompt"));
    return socket;
}

Result<std::string> RuntimeSocket::command(std::string_view line) {
    SERIN_CHECK(line.find_first_of(";\n") == std::string_view::npos);
    if (!fd_) return fail(ErrorKind::unavailable, "no connection to HAProxy");
    if (auto sent = send_all(fd_.get(), std::string(line) + "\n"); !sent) {
        fd_ = UniqueFd();
        return std::unexpected(sent.error());
    }
    Result<std::string> answer = read_answer();
    if (!answer) fd_ = UniqueFd();
    return answer;
}

// An answer ends with the prompt. No answer we ask for has the prompt's bytes inside.
Result<std::string> RuntimeSocket::read_answer() {
    constexpr std::string_view prompt = "\n> ";
    constexpr std::size_t bytes_max = 64 << 20;
    std::string answer;
    while (!answer.ends_with(prompt)) {
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        const int ready = poll(&waiting, 1, static_cast<int>(patience_.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return fail(ErrorKind::unavailable, "HAProxy does not answer");
        char buffer[16384];
        const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || answer.size() > bytes_max) {
            return fail(ErrorKind::unavailable, "HAProxy closed the connection");
        }
        answer.append(buffer, static_cast<std::size_t>(got));
    }
    answer.resize(answer.size() - prompt.size());
    while (answer.ends_with('\n')) answer.pop_back();
    return answer;
}

Result<UniqueFd> open_stream(const std::string& path, std::string_view command) {
    SERIN_TRY(UniqueFd fd, connect_to(path));
    SERIN_TRY_DO(send_all(fd.get(), std::string(command) + "\n"));
    return fd;
}

}  // namespace serin::gateway
