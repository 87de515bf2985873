#include "node/addresses.h"

#include "base/check.h"
#include "base/digest.h"
#include "node/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace serin::node {

bool is_port_free(int port) {
    const FileDescriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_fd.is_open()) return false;
    // Connections that linger after a server's end keep nobody from listening again.
    const int on = 1;
    setsockopt(socket_fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    // The kernel takes every address family through this one type.
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    return bind(socket_fd.get(), any, sizeof(address)) == 0 && listen(socket_fd.get(), 1) == 0;
}

bool Addresses::reserve(const std::string& uid, const std::string& ip, const PortMap& ports) {
    const auto is_taken = [&](const auto& table, const auto& what) {
        const auto owner = table.find(what);
        return owner != table.end() && owner->second != uid;
    };
    if (!ip.empty() && is_taken(ips_, ip)) return false;
    const bool clashes =
        std::ranges::any_of(ports, [&](const auto& port) { return is_taken(ports_, port.second); });
    if (clashes) return false;
    if (!ip.empty()) ips_[ip] = uid;
    for (const auto& [declared, actual] : ports) ports_[actual] = uid;
    return true;
}

Result<std::string> Addresses::take_ip(const std::string& uid) {
    // Of each 127.77.x.0/24 the first and the last are left out, as tools take them for special.
    constexpr std::uint32_t per_net = 254;
    constexpr std::uint32_t count = 256 * per_net;
    const std::uint32_t first = fnv1a32(uid) % count;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t at = (first + i) % count;
        std::string ip = fmt::format("127.77.{}.{}", at / per_net, at % per_net + 1);
        if (ips_.try_emplace(ip, uid).second) return ip;
    }
    return fail(ErrorKind::unavailable, "every address of 127.77.0.0/16 is taken");
}

Result<int> Addresses::take_port(const std::string& uid, int declared) {
    SERIN_CHECK(range_.port_first <= range_.port_last);
    const auto count = static_cast<std::uint32_t>(range_.port_last - range_.port_first + 1);
    const std::uint32_t first = fnv1a32(fmt::format("{}:{}", uid, declared)) % count;
    for (std::uint32_t i = 0; i < count; ++i) {
        const int port = range_.port_first + static_cast<int>((first + i) % count);
        if (ports_.contains(port) || !is_port_free(port)) continue;
        ports_[port] = uid;
        return port;
    }
    return fail(
        ErrorKind::unavailable,
        fmt::format("every port from {} to {} is in use", range_.port_first, range_.port_last));
}

void Addresses::release(const std::string& uid) {
    std::erase_if(ips_, [&](const auto& entry) { return entry.second == uid; });
    std::erase_if(ports_, [&](const auto& entry) { return entry.second == uid; });
}

}  // namespace serin::node
