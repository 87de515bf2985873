#include "client.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdexcept>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace load {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::chrono::seconds answer_within{10};

struct Exchange {
    Clock::time_point sent;
    std::string method;
    std::string input;
};

struct Connection {
    bool is_connected = false;
    bool is_busy = false;
    std::string pending;  // Not yet written.
    Exchange exchange;
};

struct Response {
    int status = 0;
    std::string version;
    std::string pod;
    bool closes = false;
    bool is_whole = false;
};

std::string header(std::string_view head, std::string_view name) {
    size_t at = 0;
    while ((at = head.find("\r\n", at)) != std::string_view::npos) {
        at += 2;
        const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
        if (line.size() > name.size() + 1 && line[name.size()] == ':' &&
            strncasecmp(line.data(), name.data(), name.size()) == 0) {
            const size_t value = line.find_first_not_of(' ', name.size() + 1);
            return value == std::string_view::npos ? "" : std::string(line.substr(value));
        }
    }
    return "";
}

Response read_response(std::string_view input) {
    Response response;
    const size_t head_end = input.find("\r\n\r\n");
    if (head_end == std::string_view::npos || !input.starts_with("HTTP/1.")) return response;
    const std::string_view head = input.substr(0, head_end + 2);
    std::from_chars(input.data() + 9, input.data() + 12, response.status);
    size_t length = 0;
    const std::string text = header(head, "content-length");
    std::from_chars(text.data(), text.data() + text.size(), length);
    response.version = header(head, "x-shop-version");
    response.pod = header(head, "x-shop-pod");
    response.closes = header(head, "connection") == "close";
    response.is_whole = input.size() >= head_end + 4 + length;
    return response;
}

class Client {
public:
    explicit Client(const ClientOptions& options) : options_(options) {
        read_url();
        log_ = std::fopen(options.log_file.c_str(), "a");
        if (log_ == nullptr) throw std::runtime_error("cannot write " + options.log_file);
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigprocmask(SIG_BLOCK, &signals, nullptr);
        stop_ = signalfd(-1, &signals, SFD_CLOEXEC);
        epoll_event event{.events = EPOLLIN, .data = {.fd = stop_}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event);
    }
    ~Client() {
        for (const auto& [fd, connection] : connections_) close(fd);
        std::fclose(log_);
        close(stop_);
        close(epoll_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void run() {
        const Clock::time_point start = Clock::now();
        const auto gap =
            duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
        Clock::time_point next = start;
        bool is_stopping = false;
        Clock::time_point flushed = start;
        while (!is_stopping || busy_ > 0) {
            const Clock::time_point now = Clock::now();
            if (options_.seconds > 0 &&
                now - start >= std::chrono::duration<double>(options_.seconds)) {
                is_stopping = true;
            }
            while (!is_stopping && next <= now) {
                send_one();
                next += gap;
            }
            is_stopping = wait(is_stopping ? now + milliseconds(20) : next) || is_stopping;
            if (now - flushed > milliseconds(50)) {
                expire(now);
                std::fflush(log_);
                flushed = now;
            }
        }
    }

private:
    void read_url() {
        std::string_view rest = options_.url;
        if (!rest.starts_with("http://"))
            throw std::runtime_error("--url must be http://HOST:PORT");
        rest.remove_prefix(7);
        const size_t colon = rest.find(':');
        host_ = rest.substr(0, colon);
        int port = 80;
        if (colon != std::string_view::npos) {
            std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), port);
        }
        address_.sin_family = AF_INET;
        address_.sin_port = htons(static_cast<uint16_t>(port));
        if (inet_pton(AF_INET, host_.c_str(), &address_.sin_addr) != 1) {
            throw std::runtime_error("--url needs a numeric address");
        }
    }

    void send_one() {
        ++sent_;
        const bool is_checkout = sent_ % 10 == 0;
        const std::string method = is_checkout ? "POST" : "GET";
        const std::string request =
            is_checkout
                ? fmt::format(
                      "POST /checkout HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", host_)
                : fmt::format("GET /products HTTP/1.1\r\nHost: {}\r\n\r\n", host_);
        const int fd = idle_connection();
        if (fd < 0) return record({Clock::now(), method, ""}, {}, "no free connection");
        Connection& connection = connections_.at(fd);
        connection.is_busy = true;
        ++busy_;
        connection.exchange = {Clock::now(), method, ""};
        connection.pending = request;
        if (connection.is_connected) write_pending(fd);
    }

    int idle_connection() {
        while (!idle_.empty()) {
            const int fd = idle_.back();
            idle_.pop_back();
            const auto found = connections_.find(fd);
            if (found != connections_.end() && !found->second.is_busy) return fd;
        }
        if (static_cast<int>(connections_.size()) >= options_.connections_max) return -1;
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return -1;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        const int made = connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
        if (made != 0 && errno != EINPROGRESS) {
            close(fd);
            return -1;
        }
        connections_[fd] = {};
        epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.fd = fd}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        return fd;
    }

    // Handles events until `until`; true when told to stop.
    bool wait(Clock::time_point until) {
        const auto left = duration_cast<milliseconds>(until - Clock::now());
        std::array<epoll_event, 128> events{};
        const int count = epoll_wait(
            epoll_, events.data(), events.size(), std::max(0, static_cast<int>(left.count())));
        bool stops = false;
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<size_t>(i)];
            if (event.data.fd == stop_) {
                signalfd_siginfo ignored{};
                stops = read(stop_, &ignored, sizeof(ignored)) > 0 || stops;
                continue;
            }
            if ((event.events & EPOLLOUT) != 0) write_pending(event.data.fd);
            if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(event.data.fd);
        }
        return stops;
    }

    void write_pending(int fd) {
        const auto found = connections_.find(fd);
        if (found == connections_.end()) return;
        Connection& connection = found->second;
        if (!connection.is_connected) {
            int error = 0;
            socklen_t size = sizeof(error);
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            if (error != 0) return drop(fd, std::strerror(error));
            connection.is_connected = true;
        }
        if (!connection.pending.empty()) {
            const ssize_t size =
                send(fd, connection.pending.data(), connection.pending.size(), MSG_NOSIGNAL);
            if (size < 0 && errno != EAGAIN) return drop(fd, std::strerror(errno));
            if (size > 0) connection.pending.erase(0, static_cast<size_t>(size));
        }
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        if (!connection.pending.empty()) event.events |= EPOLLOUT;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    }

    void read_from(int fd) {
        const auto found = connections_.find(fd);
        if (found == connections_.end()) return;
        Connection& connection = found->second;
        std::array<char, 16384> buffer{};
        bool has_ended = false;
        std::string why = "connection closed before the response";
        for (;;) {
            const ssize_t size = read(fd, buffer.data(), buffer.size());
            if (size > 0) {
                connection.exchange.input.append(buffer.data(), static_cast<size_t>(size));
                continue;
            }
            if (size < 0 && (errno == EAGAIN)) break;
            has_ended = true;
            if (size < 0) why = std::strerror(errno);
            break;
        }
        if (connection.is_busy) {
            const Response response = read_response(connection.exchange.input);
            if (response.is_whole) {
                record(connection.exchange, response, "");
                connection.is_busy = false;
                --busy_;
                if (response.closes || has_ended) return forget(fd);
                idle_.push_back(fd);
                return;
            }
        }
        if (has_ended) drop(fd, why);
    }

    void drop(int fd, const std::string& why) {
        Connection& connection = connections_.at(fd);
        if (connection.is_busy) {
            record(connection.exchange, {}, why);
            --busy_;
        }
        forget(fd);
    }

    void forget(int fd) {
        close(fd);
        connections_.erase(fd);
    }

    void expire(Clock::time_point now) {
        std::vector<int> late;
        for (const auto& [fd, connection] : connections_) {
            if (connection.is_busy && now - connection.exchange.sent > answer_within) {
                late.push_back(fd);
            }
        }
        for (const int fd : late) drop(fd, "no response within 10 s");
    }

    void record(const Exchange& exchange, const Response& response, const std::string& error) {
        const auto end =
            duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
        const auto latency = duration_cast<microseconds>(Clock::now() - exchange.sent);
        fmt::print(
            log_,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
            end.count(),
            latency.count(),
            response.status,
            response.version.empty() ? "-" : response.version,
            response.pod.empty() ? "-" : response.pod,
            exchange.method,
            error.empty() ? "-" : error);
    }

    ClientOptions options_;
    std::string host_;
    sockaddr_in address_{};
    std::FILE* log_ = nullptr;
    int epoll_ = -1;
    int stop_ = -1;
    int busy_ = 0;
    unsigned long sent_ = 0;
    std::map<int, Connection> connections_;
    std::vector<int> idle_;
};

}  // namespace

int run_client(const ClientOptions& options) {
    Client(options).run();
    return 0;
}

}  // namespace load
