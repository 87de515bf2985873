#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

// A small HTTP/1.1 server on epoll, one thread: enough for an example service that keeps
// connections alive, answers after a simulated service time, and drains when told to.

namespace shop {

using Clock = std::chrono::steady_clock;

struct Request {
    std::string method;
    std::string path;
};

struct Reply {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::chrono::microseconds delay{0};  // Simulated work before the reply is sent.
};

class HttpServer {
public:
    using Handler = std::function<Reply(const Request&)>;

    // Headers are added to every reply. Throws std::system_error when the address cannot be bound.
    HttpServer(
        const std::string& host,
        int port,
        std::map<std::string, std::string> headers,
        Handler handler);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Serves until `stop_fd` can be read; then takes no new connections, finishes what is in
    // flight or comes in on open connections, and returns (at the latest after `drain`).
    void run(int stop_fd, std::chrono::seconds drain);

private:
    struct Connection {
        std::string input;
        std::string output;
        bool is_waiting = false;  // A reply is due; later requests of the connection wait.
        bool closes = false;
        unsigned long serial = 0;
    };
    struct Due {
        Clock::time_point at;
        int fd;
        unsigned long serial;
        std::string bytes;
        bool operator>(const Due& other) const { return at > other.at; }
    };

    void accept_all();
    void start_draining();
    void read_from(int fd);
    void answer_next(int fd);
    void send_due();
    void flush(int fd);
    void close_connection(int fd);
    void close_idle();
    std::string encode(const Reply& reply, bool closes) const;

    int epoll_ = -1;
    int listener_ = -1;
    bool is_draining_ = false;
    Clock::time_point idle_until_;
    unsigned long serials_ = 0;
    std::map<std::string, std::string> headers_;
    Handler handler_;
    std::map<int, Connection> connections_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace shop
