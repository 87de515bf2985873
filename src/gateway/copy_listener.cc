#include "gateway/copy_listener.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utility>

namespace serin::gateway {

namespace {

constexpr std::size_t connections_max = 64;
// Beyond what HAProxy's buffers hold of a request.
constexpr std::size_t bytes_max = std::size_t{128} * 1024;
constexpr Duration patience{3000};

}  // namespace

struct CopyListener::Connection {
    UniqueFd fd;
    std::string text;
    bool is_over = false;
    EventLoop::Watch watch;
    EventLoop::Watch timer;
};

Result<std::unique_ptr<CopyListener>> CopyListener::listen(
    EventLoop& loop, const std::string& path, OnText on_text) {
    const auto failed = [&] {
        return fail(ErrorKind::unavailable, path + ": " + std::strerror(errno));
    };
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof(address.sun_path))
        return fail(ErrorKind::invalid, "path of a socket is too long: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return failed();
    unlink(path.c_str());
    // The folder is this user's alone, so nobody connects before the mode is set.
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return failed();
    if (chmod(path.c_str(), 0600) != 0) return failed();
    if (::listen(fd.get(), static_cast<int>(connections_max)) != 0) return failed();
    return std::unique_ptr<CopyListener>(new CopyListener(loop, std::move(fd), std::move(on_text)));
}

CopyListener::CopyListener(EventLoop& loop, UniqueFd socket, OnText on_text)
    : loop_(loop), socket_(std::move(socket)), on_text_(std::move(on_text)) {
    watch_ = loop_.on_readable(socket_.get(), [this] { accept_all(); });
}

CopyListener::~CopyListener() {
    *is_alive_ = false;
}

void CopyListener::accept_all() {
    while (true) {
        UniqueFd fd(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) return;
        if (connections_.size() >= connections_max) continue;
        const std::uint64_t id = next_id_++;
        auto& connection = connections_[id];
        connection = std::make_unique<Connection>();
        connection->fd = std::move(fd);
        connection->watch = loop_.on_readable(connection->fd.get(), [this, id] { read(id); });
        connection->timer = loop_.after(patience, [this, id] { end_later(id); });
    }
}

void CopyListener::read(std::uint64_t id) {
    Connection& connection = *connections_.at(id);
    while (!connection.is_over) {
        char buffer[16 * 1024];
        const ssize_t got = recv(connection.fd.get(), buffer, sizeof(buffer), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            connection.is_over = true;
            on_text_(std::move(connection.text));
            break;
        }
        connection.text.append(buffer, static_cast<std::size_t>(got));
        if (connection.text.size() > bytes_max) break;
    }
    end_later(id);
}

// Not within the watch's own call.
void CopyListener::end_later(std::uint64_t id) {
    connections_.at(id)->is_over = true;
    loop_.post([this, id, alive = is_alive_] {
        if (*alive) connections_.erase(id);
    });
}

}  // namespace serin::gateway
