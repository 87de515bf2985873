#include "gateway/listeners.h"

#include "base/result.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace serin::gateway {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address address_of(const Frontend& frontend) {
    Address address;
    if (frontend.address.contains(':')) {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(static_cast<std::uint16_t>(frontend.port));
        inet_pton(AF_INET6, frontend.address.c_str(), &v6->sin6_addr);
        address.size = sizeof(sockaddr_in6);
    } else {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(static_cast<std::uint16_t>(frontend.port));
        inet_pton(AF_INET, frontend.address.c_str(), &v4->sin_addr);
        address.size = sizeof(sockaddr_in);
    }
    return address;
}

Result<UniqueFd> listen_at(const Frontend& frontend) {
    const Address address = address_of(frontend);
    const auto failed = [&] {
        return fail(ErrorKind::unavailable, frontend.name() + ": " + std::strerror(errno));
    };
    UniqueFd fd(
        socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return failed();
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.storage.ss_family == AF_INET6) {
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd.get(), address.get(), address.size) != 0) return failed();
    if (listen(fd.get(), 4096) != 0) return failed();
    return fd;
}

std::string local_name(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    char text[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
        return std::string(text) + ":" + std::to_string(ntohs(v6->sin6_port));
    }
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
}

}  // namespace

std::map<std::string, std::string> Listeners::follow(
    const std::map<std::string, Frontend>& wanted) {
    std::erase_if(sockets_, [&](const auto& item) { return !wanted.contains(item.first); });
    std::map<std::string, std::string> failures;
    for (const auto& [name, frontend] : wanted) {
        if (sockets_.contains(name)) continue;
        Result<UniqueFd> fd = listen_at(frontend);
        if (fd) {
            sockets_[name] = *std::move(fd);
        } else {
            failures[name] = fd.error().message;
        }
    }
    return failures;
}

bool Listeners::adopt(const std::string& name, UniqueFd fd) {
    if (local_name(fd.get()) != name) return false;
    sockets_[name] = std::move(fd);
    return true;
}

}  // namespace serin::gateway
