#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

using namespace serin;
using namespace std::chrono_literals;

namespace {

// HAProxy on a unix socket, with TLS, offering HTTP/2 as the API server of Kubernetes does: it
// answers /x itself, and lets its server answer the rest. It leaves an idle connection soon.
class Proxy {
public:
    explicit Proxy(std::uint16_t server_port) {
        char name[] = "/tmp/serin-net-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        folder_ = name;
        const std::string certificate = fmt::format(
            "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            "-subj /CN=proxy -keyout key -out cert 2>/dev/null && cat cert key > proxy.pem",
            folder_);
        REQUIRE(std::system(certificate.c_str()) == 0);
        std::ofstream(folder_ + "/haproxy.cfg") << fmt::format(
            "defaults\n"
            "  mode http\n"
            "  timeout connect 5s\n"
            "  timeout client 60s\n"
            "  timeout server 60s\n"
            "  timeout http-keep-alive 20ms\n"
            "frontend all\n"
            "  bind unix@{0}/socket ssl crt {0}/proxy.pem alpn h2,http/1.1\n"
            "  http-request return status 200 content-type text/plain string x if {{ path /x }}\n"
            "  default_backend server\n"
            "backend server\n"
            "  server server 127.0.0.1:{1}\n",
            folder_,
            server_port);
        const std::string file = folder_ + "/haproxy.cfg";
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("haproxy", "haproxy", "-db", "-q", "-f", file.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~Proxy() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        std::filesystem::remove_all(folder_);
    }
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    std::string socket() const { return folder_ + "/socket"; }

private:
    std::string folder_;
    pid_t pid_ = -1;
};

class World {
public:
    World() {
        auto opened = net::HttpServer::listen(
            loop_,
            {},
            [this](const net::HttpServerRequest&, const std::shared_ptr<net::HttpResponder>& to) {
                stream_ = to->start({.body = "begun"});
            });
        REQUIRE_MESSAGE(opened, opened.error().message);
        server_ = std::move(*opened);
        proxy_.emplace(server_->port());
    }

    // The body, or what went wrong.
    std::string ask() {
        std::string got = "nothing";
        const auto call = client_.send(request("/x"), [&](const Result<HttpResponse>& answer) {
            got = answer ? answer->body : answer.error().message;
            loop_.stop();
        });
        loop_.run();
        return got;
    }

    // A stream that stays open; `told` gets what comes on it.
    void watch(std::string& told) {
        HttpRequest wanted = request("/stream");
        wanted.timeout = Duration(0);
        wanted.on_body = [this, &told](std::string_view piece) {
            told += piece;
            loop_.stop();
        };
        watch_ = client_.send(std::move(wanted), [this, &told](const auto& answer) {
            told += answer ? "ended" : answer.error().message;
            loop_.stop();
        });
        loop_.run();
    }
    void tell(std::string_view news) {
        stream_->write(news);
        loop_.run();
    }

    void pass(Duration time) {
        const auto over = loop_.after(time, [this] { loop_.stop(); });
        loop_.run();
    }

private:
    HttpRequest request(const std::string& path) const {
        return {
            .url = "https://proxy" + path,
            .timeout = 5s,
            .unix_socket = proxy_->socket(),
            .verify_peer = false};
    }

    net::AsioLoop loop_;
    net::CurlClient client_{loop_};
    std::unique_ptr<net::HttpStream> stream_;
    std::unique_ptr<net::HttpServer> server_;
    std::optional<Proxy> proxy_;
    std::unique_ptr<HttpClient::Call> watch_;
};

}  // namespace

TEST_CASE("a request never comes between an open stream and its news") {
    World world;
    for (int tries = 0; world.ask() != "x"; ++tries) {
        REQUIRE(tries < 100);  // HAProxy starts.
        world.pass(50ms);
    }
    std::string told;
    world.watch(told);
    REQUIRE(told == "begun");
    for (int i = 0; i < 5; ++i) {
        CHECK(world.ask() == "x");
        world.pass(100ms);  // The proxy has closed the other connection: only the stream's is left.
    }
    world.tell(", and goes on");
    CHECK(told == "begun, and goes on");
}
