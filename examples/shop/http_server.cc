#include "http_server.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace shop {

namespace {

constexpr size_t input_bytes_max = 64 << 10;

// A client that sends its next request in the moment in which its idle connection is closed loses
// it. For so long it is answered instead, and told to come back on another connection.
constexpr std::chrono::milliseconds idle_grace{500};

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 404:
            return "Not Found";
        case 503:
            return "Service Unavailable";
        default:
            return status < 400 ? "OK" : "Error";
    }
}

// The value of a header in a request head, or empty.
std::string_view header(std::string_view head, std::string_view name) {
    size_t at = head.find("\r\n");
    while (at != std::string_view::npos && at + 2 < head.size()) {
        const size_t begin = at + 2;
        const size_t end = std::min(head.find("\r\n", begin), head.size());
        const std::string_view line = head.substr(begin, end - begin);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            strncasecmp(line.data(), name.data(), name.size()) == 0) {
            std::string_view value = line.substr(name.size() + 1);
            while (value.starts_with(' ')) value.remove_prefix(1);
            return value;
        }
        at = head.find("\r\n", begin);
    }
    return {};
}

}  // namespace

HttpServer::HttpServer(
    const std::string& host, int port, std::map<std::string, std::string> headers, Handler handler)
    : headers_(std::move(headers)), handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener_ < 0) fail("socket");
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        errno = EINVAL;
        fail("host " + host);
    }
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        fail(fmt::format("bind {}:{}", host, port));
    }
    if (listen(listener_, 1024) != 0) fail("listen");

    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener_}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
}

HttpServer::~HttpServer() {
    for (const auto& [fd, connection] : connections_) close(fd);
    if (listener_ >= 0) close(listener_);
    if (epoll_ >= 0) close(epoll_);
}

void HttpServer::run(int stop_fd, std::chrono::seconds drain) {
    epoll_event stop{.events = EPOLLIN, .data = {.fd = stop_fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_fd, &stop);
    Clock::time_point end = Clock::time_point::max();

    while (!is_draining_ || (!connections_.empty() && Clock::now() < end)) {
        int wait_ms = is_draining_ ? 50 : 1000;
        if (!due_.empty()) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(due_.top().at - Clock::now());
            wait_ms = std::max(0, std::min(wait_ms, static_cast<int>(left.count())));
        }
        std::array<epoll_event, 128> events{};
        const int count = epoll_wait(epoll_, events.data(), events.size(), wait_ms);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<size_t>(i)];
            if (event.data.fd == stop_fd) {
                epoll_ctl(epoll_, EPOLL_CTL_DEL, stop_fd, nullptr);
                start_draining();
                end = Clock::now() + drain;
            } else if (event.data.fd == listener_) {
                accept_all();
            } else {
                if ((event.events & EPOLLOUT) != 0) flush(event.data.fd);
                if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(event.data.fd);
            }
        }
        send_due();
        if (is_draining_ && Clock::now() >= idle_until_) close_idle();
    }
}

void HttpServer::start_draining() {
    is_draining_ = true;
    accept_all();  // Closing the listener resets who waits in its queue.
    close(listener_);
    listener_ = -1;
    idle_until_ = Clock::now() + idle_grace;
}

void HttpServer::accept_all() {
    for (;;) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connections_[fd].serial = ++serials_;
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
}

void HttpServer::read_from(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t size = read(fd, buffer.data(), buffer.size());
        if (size > 0) {
            found->second.input.append(buffer.data(), static_cast<size_t>(size));
            if (found->second.input.size() > input_bytes_max) return close_connection(fd);
            continue;
        }
        if (size < 0 && (errno == EAGAIN)) break;
        return close_connection(fd);
    }
    answer_next(fd);
}

// Takes one whole request off the input and schedules its reply.
void HttpServer::answer_next(int fd) {
    Connection& connection = connections_.at(fd);
    if (connection.is_waiting) return;
    const size_t head_end = connection.input.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    const std::string_view head = std::string_view(connection.input).substr(0, head_end + 2);

    size_t length = 0;
    if (const auto text = header(head, "content-length"); !text.empty()) {
        std::from_chars(text.data(), text.data() + text.size(), length);
    }
    if (connection.input.size() < head_end + 4 + length) return;

    Request request;
    const size_t space = head.find(' ');
    const size_t second = head.find(' ', space + 1);
    if (space == std::string_view::npos || second == std::string_view::npos) {
        return close_connection(fd);
    }
    request.method = head.substr(0, space);
    request.path = head.substr(space + 1, second - space - 1);
    request.path.erase(std::min(request.path.find('?'), request.path.size()));
    const std::string_view wish = header(head, "connection");
    const bool closes = is_draining_ || wish == "close";
    connection.input.erase(0, head_end + 4 + length);

    const Reply reply = handler_(request);
    connection.is_waiting = true;
    connection.closes = closes || reply.status == 0;
    due_.push({Clock::now() + reply.delay, fd, connection.serial, encode(reply, closes)});
}

void HttpServer::send_due() {
    while (!due_.empty() && due_.top().at <= Clock::now()) {
        const Due due = due_.top();
        due_.pop();
        const auto found = connections_.find(due.fd);
        if (found == connections_.end() || found->second.serial != due.serial) continue;
        found->second.output += due.bytes;
        flush(due.fd);
    }
}

void HttpServer::flush(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    while (!connection.output.empty()) {
        const ssize_t size =
            send(fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
        if (size < 0) {
            if (errno != EAGAIN) return close_connection(fd);
            epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.fd = fd}};
            epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
            return;
        }
        connection.output.erase(0, static_cast<size_t>(size));
    }
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    if (!connection.is_waiting) return;
    connection.is_waiting = false;
    if (connection.closes) return close_connection(fd);
    answer_next(fd);
}

void HttpServer::close_connection(int fd) {
    close(fd);
    connections_.erase(fd);
}

void HttpServer::close_idle() {
    std::vector<int> idle;
    for (const auto& [fd, connection] : connections_) {
        if (!connection.is_waiting && connection.input.empty()) idle.push_back(fd);
    }
    for (const int fd : idle) close_connection(fd);
}

std::string HttpServer::encode(const Reply& reply, bool closes) const {
    if (reply.status == 0) return "";
    std::string bytes = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
        reply.status,
        reason(reply.status),
        reply.content_type,
        reply.body.size());
    for (const auto& [name, value] : headers_) bytes += fmt::format("{}: {}\r\n", name, value);
    if (closes) bytes += "Connection: close\r\n";
    return bytes + "\r\n" + reply.body;
}

}  // namespace shop
