#include "net/http_server.h"

#include "net/loop.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace serin::net {

using namespace std::chrono_literals;

namespace {

// A server whose loop runs on a thread of its own; so does the handler.
class ThreadedServer {
public:
    explicit ThreadedServer(HttpHandler handler, HttpServerOptions options = {}) {
        auto opened = HttpServer::listen(loop_, std::move(options), std::move(handler));
        REQUIRE(opened);
        server_ = std::move(*opened);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~ThreadedServer() {
        run([this] { server_.reset(); });
        loop_.stop();
        thread_.join();
    }
    ThreadedServer(const ThreadedServer&) = delete;
    ThreadedServer& operator=(const ThreadedServer&) = delete;

    std::uint16_t port() const { return server_->port(); }
    AsioLoop& loop() { return loop_; }

    void run(const std::function<void()>& task) {
        std::promise<void> done;
        loop_.post([&] {
            task();
            done.set_value();
        });
        done.get_future().get();
    }

private:
    AsioLoop loop_;
    std::unique_ptr<HttpServer> server_;
    std::thread thread_;
};

// A blocking connection that sends raw bytes; reading gives up after ten seconds of silence.
class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receive_buffer = 0) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd_ >= 0);
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (receive_buffer > 0) {
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr* plain = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::connect(fd_, plain, sizeof address) == 0);
    }
    ~RawClient() { ::close(fd_); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    // False when the server has closed the connection.
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
        return true;
    }
    void end_sending() const { ::shutdown(fd_, SHUT_WR); }

    // Up to and including `end`, or what came before the connection ended.
    std::string read_until(std::string_view end) {
        while (true) {
            const size_t found = end.empty() ? std::string::npos : pending_.find(end);
            if (found != std::string::npos) {
                std::string read = pending_.substr(0, found + end.size());
                pending_.erase(0, found + end.size());
                return read;
            }
            char bytes[4096];
            const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
            if (size <= 0) return std::exchange(pending_, "");
            pending_.append(bytes, static_cast<size_t>(size));
        }
    }
    std::string read_all() { return read_until(""); }

    std::string ask(std::string_view request) {
        send(request);
        return read_all();
    }

private:
    int fd_ = -1;
    std::string pending_;
};

void echo(const HttpServerRequest& request, const std::shared_ptr<HttpResponder>& responder) {
    responder->send(
        {.status = 200,
         .headers = {{"X-Path", request.path}},
         .body = request.method + " " + request.target + " " + request.body});
}

bool has(std::string_view text, std::string_view part) {
    return text.contains(part);
}

}  // namespace

TEST_CASE("a connection serves one request after the other, also when they come at once") {
    ThreadedServer server(echo);
    RawClient client(server.port());
    client.send("GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string first = client.read_until("GET /a%20b?x=1 ");
    CHECK(has(first, "HTTP/1.1 200 OK\r\n"));
    CHECK(has(first, "X-Path: /a b\r\n"));
    CHECK(has(first, "Content-Length: 15\r\n"));

    client.send(
        "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
        "HEAD /c HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string rest = client.read_all();
    CHECK(has(rest, "\r\n\r\nPOST /b hiHTTP/1.1 200 OK"));
    CHECK(has(rest, "X-Path: /c"));
    CHECK_FALSE(has(rest, "HEAD /c "));
    CHECK(has(rest, "GET /d "));
    CHECK(has(rest, "Connection: close"));
}

TEST_CASE("a client may end its sending side and still gets its answer") {
    ThreadedServer server(echo);
    RawClient client(server.port());
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    client.end_sending();
    const std::string answer = client.read_all();
    CHECK(has(answer, "GET /a "));
    CHECK(has(answer, "GET /b "));
}

TEST_CASE("a chunked body is put together, byte by byte if need be") {
    ThreadedServer server(echo);
    RawClient client(server.port());
    const std::string_view request =
        "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (const char byte : request) client.send({&byte, 1});
    CHECK(has(client.read_all(), "POST /x abcde"));
}

TEST_CASE("a client that expects 100-continue gets it before it sends the body") {
    ThreadedServer server(echo);
    RawClient client(server.port());
    client.send("PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    CHECK(has(client.read_until("PUT /x ok"), "200 OK"));
}

TEST_CASE("HTTP/1.0 is answered without chunks and closed") {
    ThreadedServer server([](const HttpServerRequest& request, const auto& responder) {
        if (request.path == "/whole") return responder->send({.body = "whole"});
        const auto stream = responder->start({.body = "one,"});
        stream->write("two");
        stream->end();
    });
    CHECK(has(RawClient(server.port()).ask("GET /whole HTTP/1.0\r\n\r\n"), "\r\n\r\nwhole"));
    const std::string streamed = RawClient(server.port()).ask("GET /stream HTTP/1.0\r\n\r\n");
    CHECK(streamed.ends_with("\r\n\r\none,two"));
    CHECK_FALSE(has(streamed, "chunked"));
}

TEST_CASE("what is no request, too large or not a path is refused with its status") {
    HttpServerOptions options;
    options.header_bytes_max = 1000;
    options.body_bytes_max = 1000;
    ThreadedServer server(echo, options);
    const std::string long_text(5000, 'a');
    const std::string get = "GET /x HTTP/1.1\r\nHost: h\r\n";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"nonsense\r\n\r\n", "400"},
        {std::string("\0\1\2\3\xff\xfe\r\n\r\n", 10), "400"},
        {"\x16\x03\x01\x02", "400"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
        {"GET /x HTTP/9.9\r\n\r\n", "400"},
        {"GET /%zz HTTP/1.1\r\n\r\n", "400"},
        {"GET /a%2Fb HTTP/1.1\r\n\r\n", "400"},
        {"GET /a%00b HTTP/1.1\r\n\r\n", "400"},
        {"GET /a?b=%4 HTTP/1.1\r\n\r\n", "400"},
        {"CONNECT example.com:443 HTTP/1.1\r\n\r\n", "400"},
        {get + "X: " + long_text + "\r\n\r\n", "431"},
        {get + "X: " + long_text, "431"},
        {"GET /" + long_text + " HTTP/1.1\r\n\r\n", "431"},
        {long_text, "4"},
        {get + "Content-Length: 5000\r\n\r\n", "413"},
        {get + "Content-Length: -1\r\n\r\n", "400"},
        {get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
        {get + "Transfer-Encoding: chunked\r\n\r\n" + long_text, "400"},
        {get + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + long_text, "413"},
    };
    for (const auto& [request, status] : cases) {
        CAPTURE(request.substr(0, 80));
        CHECK(RawClient(server.port()).ask(request).starts_with("HTTP/1.1 " + status));
    }
    CHECK(has(RawClient(server.port()).ask("GET /x HTTP/1.0\r\n\r\n"), "200 OK"));
}

TEST_CASE("half-sent requests and idle connections are closed in time") {
    HttpServerOptions options;
    options.request_timeout = 30ms;
    options.idle_timeout = 30ms;
    ThreadedServer server(echo, options);
    CHECK(has(RawClient(server.port()).ask("GET /x HTTP/1.1\r\nHo"), "408 Request Timeout"));
    CHECK(
        has(RawClient(server.port()).ask("PUT /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"), "408"));
    CHECK(RawClient(server.port()).read_all().empty());
}

TEST_CASE("a stream arrives in pieces and ends, and the connection goes on") {
    std::unique_ptr<HttpStream> stream;
    ThreadedServer server([&](const HttpServerRequest& request, const auto& responder) {
        if (request.path == "/next") return responder->send({.body = "next"});
        stream = responder->start({.headers = {{"Content-Type", "text/plain"}}, .body = "a\n"});
    });
    RawClient client(server.port());
    client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string head = client.read_until("2\r\na\n\r\n");
    CHECK(has(head, "Transfer-Encoding: chunked"));
    server.run([&] { CHECK(stream->write("bcd\n")); });
    CHECK(client.read_until("\r\n") == "4\r\n");
    CHECK(client.read_until("\r\n") == "bcd\n\r\n");
    server.run([&] {
        stream->end();
        CHECK_FALSE(stream->write("late"));
    });
    CHECK(client.read_until("0\r\n\r\n") == "0\r\n\r\n");
    client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(has(client.read_until("next"), "200 OK"));
}

TEST_CASE("a stream learns that its client has gone") {
    std::promise<void> closed;
    std::unique_ptr<HttpStream> stream;
    ThreadedServer server([&](const HttpServerRequest&, const auto& responder) {
        stream = responder->start({.body = "a"});
        stream->on_closed([&] { closed.set_value(); });
    });
    {
        RawClient client(server.port());
        client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
        client.read_until("a\r\n");
    }
    CHECK(closed.get_future().wait_for(10s) == std::future_status::ready);
    server.run([&] {
        CHECK_FALSE(stream->write("b"));
        stream.reset();
    });
}

TEST_CASE("a reader that is too slow loses its stream, and the queue stays bounded") {
    HttpServerOptions options;
    options.stream_bytes_max = 100'000;
    std::promise<void> closed;
    std::unique_ptr<HttpStream> stream;
    ThreadedServer server(
        [&](const HttpServerRequest&, const auto& responder) {
            stream = responder->start({});
            stream->on_closed([&] { closed.set_value(); });
        },
        options);
    RawClient client(server.port(), 4096);
    client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_until("\r\n\r\n");
    server.run([&] {
        const std::string piece(10'000, 'x');
        size_t written = 0;
        while (stream->write(piece)) {
            written += piece.size();
            REQUIRE(stream->queued_bytes() <= options.stream_bytes_max);
            REQUIRE(written < 100'000'000);
        }
    });
    CHECK(closed.get_future().wait_for(10s) == std::future_status::ready);
    server.run([&] { stream.reset(); });
}

TEST_CASE("a source can follow the pace of its reader") {
    std::unique_ptr<HttpStream> stream;
    int pieces = 0;
    ThreadedServer server([&](const HttpServerRequest&, const auto& responder) {
        stream = responder->start({.body = "begin"});
        stream->on_drained([&] {
            if (++pieces < 200) {
                stream->write(std::string(50'000, 'x'));
            } else {
                stream->end();
            }
        });
    });
    const std::string all =
        RawClient(server.port())
            .ask("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK(all.size() > 199 * 50'000);
    CHECK(all.ends_with("0\r\n\r\n"));
    server.run([&] { stream.reset(); });
}

TEST_CASE("a stream that is dropped before its end cuts the connection") {
    ThreadedServer server([](const HttpServerRequest&, const auto& responder) {
        responder->start({.body = "part"});
    });
    const std::string got = RawClient(server.port()).ask("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_FALSE(has(got, "0\r\n\r\n"));
}

TEST_CASE("a handler that answers nothing answers 500, a late answer goes to its own request") {
    std::vector<std::shared_ptr<HttpResponder>> kept;
    ThreadedServer server([&](const HttpServerRequest& request, const auto& responder) {
        if (request.path == "/keep") kept.push_back(responder);
    });
    CHECK(has(RawClient(server.port()).ask("GET /x HTTP/1.0\r\n\r\n"), "500 Internal"));

    RawClient client(server.port());
    client.send("GET /keep HTTP/1.0\r\n\r\n");
    while (true) {
        bool is_kept = false;
        server.run([&] { is_kept = !kept.empty(); });
        if (is_kept) break;
    }
    server.run([&] {
        CHECK(kept.front()->is_wanted());
        kept.front()->send({.status = 201});
        kept.front()->send({.status = 202});
        kept.clear();
    });
    const std::string answer = client.read_all();
    CHECK(has(answer, "201 Created"));
    CHECK_FALSE(has(answer, "202 Accepted"));
}

TEST_CASE("a header's value cannot begin another header") {
    ThreadedServer server([](const HttpServerRequest&, const auto& responder) {
        responder->send({.headers = {{"Warning", "a\r\nX-Evil: 1"}}});
    });
    const std::string answer = RawClient(server.port()).ask("GET /x HTTP/1.0\r\n\r\n");
    CHECK(has(answer, "Warning: a  X-Evil: 1\r\n"));
}

TEST_CASE("a port in use is told with its number, a name is no address") {
    AsioLoop loop;
    const auto first = HttpServer::listen(loop, {}, echo).value();
    HttpServerOptions options;
    options.port = first->port();
    const auto second = HttpServer::listen(loop, options, echo);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::unavailable);
    CHECK(has(second.error().message, fmt::format("port {} is in use", first->port())));

    const auto named = HttpServer::listen(loop, {.address = "localhost"}, echo);
    REQUIRE_FALSE(named);
    CHECK(named.error().kind == ErrorKind::invalid);
}

}  // namespace serin::net
