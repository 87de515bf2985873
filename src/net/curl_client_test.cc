#include "net/curl_client.h"

#include "net/http_server.h"
#include "net/loop.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace serin::net {

using namespace std::chrono_literals;

namespace {

// Client and server on one loop.
struct World {
    AsioLoop loop;
    CurlClient client{loop};
    std::vector<std::shared_ptr<HttpResponder>> held;  // Requests to /hold.
    std::vector<HttpServerRequest> seen;
    std::unique_ptr<HttpServer> server;

    World() { server = listen({}); }
    ~World() {
        held.clear();
        server.reset();
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    std::unique_ptr<HttpServer> listen(const HttpServerOptions& options) {
        auto opened = HttpServer::listen(
            loop, options, [this](HttpServerRequest request, std::shared_ptr<HttpResponder> to) {
                answer(std::move(request), to);
            });
        REQUIRE_MESSAGE(opened, opened.error().message);
        return std::move(*opened);
    }

    void answer(HttpServerRequest request, const std::shared_ptr<HttpResponder>& to) {
        seen.push_back(request);
        if (request.path == "/hold") {
            held.push_back(to);
            loop.stop();
        } else if (request.path == "/moved") {
            to->send({.status = 302, .headers = {{"Location", "/end"}}});
        } else if (request.path == "/large") {
            to->send({.body = std::string(100'000, 'x')});
        } else {
            to->send(
                {.status = 201,
                 .headers = {{"X-Mixed-Case", " v "}},
                 .body = request.method + " " + request.body + " " + request.certificate_subject});
        }
    }

    std::string url(std::string_view path) const {
        return fmt::format("http://127.0.0.1:{}{}", server->port(), path);
    }

    Result<HttpResponse> ask(HttpRequest request) {
        std::optional<Result<HttpResponse>> got;
        const auto call = client.send(std::move(request), [&](Result<HttpResponse> result) {
            got = std::move(result);
            loop.stop();
        });
        CHECK_FALSE(got);  // Never within the call.
        const auto patience = loop.after(20s, [&] { loop.stop(); });
        loop.run();
        REQUIRE(got);
        return std::move(*got);
    }
};

struct TempFolder {
    std::string path;
    TempFolder() {
        char name[] = "/tmp/serin-net-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~TempFolder() { std::filesystem::remove_all(path); }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
};

// A self-signed authority and, signed by it, a certificate for 127.0.0.1 and one for a client.
void make_certificates(const std::string& folder) {
    const std::string script = fmt::format(
        "cd {} && exec 2>/dev/null && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=authority -keyout ca.key -out ca.pem && "
        "echo subjectAltName=IP:127.0.0.1 > san && "
        "for who in server client; do "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=team/CN=$who "
        "-keyout $who.key -out $who.csr && "
        "openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
        "-extfile san -out $who.pem || exit 1; done",
        folder);
    REQUIRE(std::system(script.c_str()) == 0);
}

}  // namespace

TEST_CASE("a request goes out as given and its answer comes back, whatever the status") {
    World world;
    const auto got = world.ask(
        {.method = "PATCH",
         .url = world.url("/x?a=b"),
         .headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}},
         .body = "{}"});
    REQUIRE(got);
    CHECK(got->status == 201);
    CHECK(got->body == "PATCH {} ");
    CHECK(
        std::ranges::count(
            got->headers, std::pair<std::string, std::string>("x-mixed-case", "v")) == 1);
    REQUIRE(world.seen.size() == 1);
    CHECK(world.seen[0].target == "/x?a=b");
    CHECK(*world.seen[0].header("content-type") == "application/json");
    CHECK(world.seen[0].header("x-empty")->empty());
    CHECK(world.seen[0].header("expect") == nullptr);

    CHECK(world.ask({.method = "POST", .url = world.url("/x")})->body == "POST  ");
    CHECK(world.ask({.method = "HEAD", .url = world.url("/x")})->body.empty());
    CHECK(world.ask({.method = "DELETE", .url = world.url("/x")})->body == "DELETE  ");
    CHECK(world.server->connection_count() == 1);  // One connection served them all.
}

TEST_CASE("redirects are followed only as often as allowed") {
    World world;
    CHECK(world.ask({.url = world.url("/moved")})->status == 302);
    const auto followed = world.ask({.url = world.url("/moved"), .redirects_max = 1});
    CHECK(followed->status == 201);
    CHECK(std::ranges::none_of(
        followed->headers, [](const auto& one) { return one.first == "location"; }));
}

TEST_CASE("failures tell whether trying again can help, and never show a secret") {
    World world;
    const auto kind = [&](HttpRequest request) {
        const auto got = world.ask(std::move(request));
        REQUIRE_FALSE(got);
        CAPTURE(got.error().message);
        CHECK_FALSE(got.error().message.contains("secret"));
        return got.error().kind;
    };
    CHECK(kind({.url = "http://u:secret@127.0.0.1:1/x?token=secret"}) == ErrorKind::unavailable);
    CHECK(kind({.url = "http://name.invalid/#secret"}) == ErrorKind::unavailable);
    CHECK(kind({.url = "file:///etc/passwd"}) == ErrorKind::invalid);
    CHECK(kind({.url = "http://"}) == ErrorKind::invalid);
    CHECK(kind({.url = ""}) == ErrorKind::invalid);
    CHECK(
        kind({.url = world.url("/large?secret"), .body_bytes_max = 99'999}) == ErrorKind::invalid);
    CHECK(
        kind({.url = world.url("/x"), .headers = {{"A", "b\r\nC: secret"}}}) == ErrorKind::invalid);
    CHECK(kind({.method = "GET /secret", .url = world.url("/x")}) == ErrorKind::invalid);
    CHECK(
        world.ask({.url = world.url("/large"), .body_bytes_max = 100'000})->body.size() == 100'000);
}

TEST_CASE("an answer that does not come in time is unavailable, and the time is told") {
    World world;
    std::optional<Result<HttpResponse>> got;
    const auto call = world.client.send(
        {.url = world.url("/hold"), .timeout = 50ms}, [&](Result<HttpResponse> result) {
            got = std::move(result);
            world.loop.stop();
        });
    world.loop.run();  // Until the server has the request.
    if (!got) world.loop.run();
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(got->error().kind == ErrorKind::unavailable);
    CHECK(got->error().message.contains("no answer within 50ms"));
}

TEST_CASE("a call that is dropped is cancelled, and so are all when the client goes") {
    World world;
    bool is_called = false;
    const auto done = [&](const Result<HttpResponse>&) { is_called = true; };
    auto call = world.client.send({.url = world.url("/hold")}, done);
    world.loop.run();
    REQUIRE(world.held.size() == 1);
    call.reset();
    auto failing = world.client.send({.url = "x", .headers = {{"\n", ""}}}, done);
    failing.reset();

    auto other = std::make_unique<CurlClient>(world.loop);
    const auto survivor = other->send({.url = world.url("/hold")}, done);
    world.loop.run();
    REQUIRE(world.held.size() == 2);
    other.reset();

    for (const auto& held : world.held) held->send({});
    CHECK(world.ask({.url = world.url("/x")}));
    CHECK_FALSE(is_called);
}

TEST_CASE("an answer may start the next request and drop its own call") {
    World world;
    std::unique_ptr<HttpClient::Call> call;
    int answers = 0;
    std::function<void()> next = [&] {
        call = world.client.send({.url = world.url("/x")}, [&](const Result<HttpResponse>& got) {
            REQUIRE(got);
            ++answers < 5 ? next() : world.loop.stop();
        });
    };
    next();
    world.loop.run();
    CHECK(answers == 5);
}

TEST_CASE("a streamed body comes in pieces without a limit, and the stream can be dropped in one") {
    World world;
    std::string body;
    const auto whole = world.ask(
        {.url = world.url("/large"),
         .timeout = Duration(0),
         .on_body = [&](std::string_view piece) { body += piece; },
         .body_bytes_max = 10});
    REQUIRE(whole);
    CHECK(whole->body.empty());
    CHECK(body.size() == 100'000);

    body.clear();
    const auto moved =
        world.ask({.url = world.url("/moved"), .on_body = [&](auto) { body = "x"; }});
    CHECK(moved->status == 302);
    CHECK(body.empty());

    std::unique_ptr<HttpClient::Call> call;
    bool is_done = false;
    call = world.client.send(
        {.url = world.url("/large"),
         .on_body =
             [&](std::string_view) {
                 call.reset();
                 world.loop.stop();
             }},
        [&](const auto&) { is_done = true; });
    world.loop.run();
    CHECK(world.ask({.url = world.url("/x")}));
    CHECK_FALSE(is_done);
}

TEST_CASE("requests go over unix sockets too") {
    World world;
    const TempFolder folder;
    const std::string path = folder.path + "/s";
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listening, 1) == 0);
    int accepted = -1;
    const auto accepting = world.loop.on_readable(listening, [&] {
        if (accepted >= 0) return;
        accepted = ::accept(listening, nullptr, nullptr);
        const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        CHECK(::write(accepted, answer.data(), answer.size()) > 0);
    });
    const auto got = world.ask({.url = "http://any/x", .unix_socket = path});
    REQUIRE(got);
    CHECK(got->body == "hi");
    ::close(accepted);
    ::close(listening);
}

TEST_CASE("TLS: the server proves who it is, and a client certificate names the client") {
    World world;
    const TempFolder folder;
    make_certificates(folder.path);
    const auto file = [&](const char* name) { return folder.path + "/" + name; };
    HttpServerOptions options;
    options.is_tls = true;
    options.tls = {
        .certificate_file = file("server.pem"),
        .key_file = file("server.key"),
        .client_ca_file = file("ca.pem")};
    const auto server = world.listen(options);
    const std::string url = fmt::format("https://127.0.0.1:{}/x", server->port());

    const auto unknown = world.ask({.url = url});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().kind == ErrorKind::invalid);
    CHECK(world.ask({.url = url, .verify_peer = false})->body == "GET  ");
    CHECK(world.ask({.url = url, .ca_file = file("ca.pem")})->body == "GET  ");
    {
        // Whom a client trusts where a request does not say.
        CurlClient trusting(world.loop, file("ca.pem"));
        std::optional<Result<HttpResponse>> got;
        const auto call = trusting.send({.url = url}, [&](Result<HttpResponse> result) {
            got = std::move(result);
            world.loop.stop();
        });
        world.loop.run();
        REQUIRE(got);
        CHECK(got->value().body == "GET  ");
    }
    for (int i = 0; i < 2; ++i) {
        const auto named = world.ask(
            {.url = url,
             .ca_file = file("ca.pem"),
             .certificate_file = file("client.pem"),
             .key_file = file("client.key")});
        REQUIRE(named);
        CHECK(named->body == "GET  CN=client,O=team");
    }
    CHECK(world.seen.back().is_secure);

    options.tls.must_have_client_certificate = true;
    const auto strict = world.listen(options);
    const std::string strict_url = fmt::format("https://127.0.0.1:{}/x", strict->port());
    CHECK_FALSE(world.ask({.url = strict_url, .ca_file = file("ca.pem")}));
    CHECK(world.ask(
        {.url = strict_url,
         .ca_file = file("ca.pem"),
         .certificate_file = file("client.pem"),
         .key_file = file("client.key")}));

    options.tls.key_file = file("none.key");
    const auto broken = HttpServer::listen(world.loop, options, [](auto&&...) {});
    REQUIRE_FALSE(broken);
    CHECK(broken.error().kind == ErrorKind::invalid);
    CHECK(broken.error().message.contains("none.key"));
}

}  // namespace serin::net
