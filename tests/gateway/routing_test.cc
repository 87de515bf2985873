#include "gateway/harness.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace serin::test {
namespace {

std::string base64(const std::string& text) {
    std::string out(text.size() * 2 + 4, '\0');
    const int size = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(text.data()),
        static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

// A self-signed certificate for `host` as a Secret.
std::string make_secret(const std::string& name, const std::string& host) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject,
        "CN",
        MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(host.c_str()),
        -1,
        -1,
        0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    BIO* certificate_text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_text, certificate);
    BIO* key_text = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return R"({"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"name":")" +
           name + R"(","namespace":"default"},"data":{"tls.crt":")" +
           base64(text_of(certificate_text)) + R"(","tls.key":")" + base64(text_of(key_text)) +
           R"("}})";
}

// The subject that the server at `port` shows, and the body of its answer to GET /.
std::pair<std::string, std::string> ask_tls(int port, const std::string& host) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    // The port is bound before HAProxy serves it: do not wait for the loop that we are holding up.
    const timeval patience{.tv_sec = 0, .tv_usec = 300'000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    std::pair<std::string, std::string> answer;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
        SSL_set_fd(ssl, fd);
        std::string name = host;
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
        if (SSL_connect(ssl) == 1) {
            X509* certificate = SSL_get1_peer_certificate(ssl);
            char subject[256];
            X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
            X509_free(certificate);
            answer.first = subject;
            const std::string request =
                "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
            SSL_write(ssl, request.data(), static_cast<int>(request.size()));
            char buffer[4096];
            int got = 0;
            while ((got = SSL_read(ssl, buffer, sizeof(buffer))) > 0) {
                answer.second.append(buffer, static_cast<std::size_t>(got));
            }
        }
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return answer;
}

std::string route(const std::string& name, const std::string& spec) {
    return R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":")" +
           name + R"(","namespace":"default"},"spec":{"parentRefs":[{"name":"edge"}],)" + spec +
           "}}";
}

std::string to(const std::string& service) {
    return R"("backendRefs":[{"name":")" + service + R"(","port":80}])";
}

}  // namespace

TEST_CASE("an HTTPS listener serves the certificate of its Secret, and a new one after a change") {
    Shop shop;
    shop.create(make_secret("cert", "first.test"));
    shop.open(1, 0);
    const int tls_port = free_port();
    Object edge = shop.get(types::gateway(), "edge");
    edge.document()["spec"].as_object()["listeners"].as_array().push_back(*json::parse(
        R"({"name":"tls","protocol":"HTTPS","port":)" + std::to_string(tls_port) +
        R"(,"tls":{"certificateRefs":[{"name":"cert"}]}})"));
    REQUIRE(shop.store.update(edge));
    REQUIRE(shop.wait([&] { return ask_tls(tls_port, "shop.test").first == "/CN=first.test"; }));
    CHECK(ask_tls(tls_port, "shop.test").second.ends_with("\r\n\r\ns"));

    Object secret = shop.get(types::secret(), "cert");
    const auto fresh = json::parse(make_secret("cert", "second.test"));
    secret.put("/data", *json::find(*fresh, "/data"));
    REQUIRE(shop.store.update(secret));
    CHECK(shop.wait([&] { return ask_tls(tls_port, "shop.test").first == "/CN=second.test"; }));

    // A Secret that is no good is reported and leaves the other listener alone.
    secret = shop.get(types::secret(), "cert");
    secret.put("/data/tls.key", "AAAA");
    REQUIRE(shop.store.update(secret));
    CHECK(shop.wait([&] {
        return shop.get(types::gateway(), "edge").text("/status/listeners/1/conditions/2/reason") ==
               "InvalidCertificateRef";
    }));
    Client client(shop.port);
    CHECK(client.get("/").status == 200);
}

TEST_CASE("requests find their rule by host, path, method, header and parameter") {
    Shop shop;
    shop.open(1, 0);  // "/" on any host goes to "s".
    shop.create(route(
        "paths",
        R"("hostnames":["a.test","*.b.test"],"rules":[
        {"matches":[{"path":{"type":"Exact","value":"/exact"}}],)" +
            to("canary") + R"(},
        {"matches":[{"path":{"value":"/api/"}}],)" +
            to("canary") + R"(},
        {"matches":[{"path":{"type":"RegularExpression","value":"/user/[0-9]{2,}"}}],)" +
            to("canary") + R"(},
        {"matches":[{"headers":[{"name":"X-Canary","value":"a 'b' \"c\" %[src]"}]},
                    {"headers":[{"name":"x-re","type":"RegularExpression","value":"v[12]"}]},
                    {"queryParams":[{"name":"v","value":"2"}]},
                    {"method":"PUT"}],)" +
            to("canary") + R"(},
        {)" +
            to("stable") + R"(}])"));
    Client client(shop.port);
    REQUIRE(shop.wait([&] { return client.get("/exact", "a.test").body == "c"; }));
    const auto body = [&](const std::string& path,
                          const std::string& headers = {},
                          const std::string& method = "GET",
                          const std::string& host = "a.test") {
        return client.get(path, host, headers, method).body;
    };
    CHECK(body("/exact?x=1") == "c");
    CHECK(body("/exact/") == "s");
    CHECK(body("/api") == "c");
    CHECK(body("/api/x") == "c");
    CHECK(body("/apix") == "s");
    CHECK(body("/user/12") == "c");
    CHECK(body("/user/1") == "s");
    CHECK(body("/user/12/x") == "s");
    CHECK(body("/", "X-Canary: a 'b' \"c\" %[src]\r\n") == "c");
    CHECK(body("/", "X-Canary: no\r\n") == "s");
    CHECK(body("/", "X-Re: v2\r\n") == "c");
    CHECK(body("/", "X-Re: v22\r\n") == "s");
    CHECK(body("/?v=2") == "c");
    CHECK(body("/?v=3") == "s");
    CHECK(body("/", "", "PUT") == "c");
    CHECK(body("/api", "", "GET", "X.B.test:8080") == "c");
    CHECK(body("/api", "", "GET", "b.test") == "s");  // The wildcard needs a label.
}

TEST_CASE("filters change headers, redirect and rewrite") {
    Shop shop;
    shop.open(1, 0);
    shop.create(route(
        "filters",
        R"("hostnames":["f.test"],"rules":[
        {"matches":[{"path":{"value":"/echo"}}],"filters":[
          {"type":"RequestHeaderModifier","requestHeaderModifier":
            {"set":[{"name":"X-Set","value":"100% it's \"so\""}],"remove":["X-Gone"]}},
          {"type":"ResponseHeaderModifier","responseHeaderModifier":
            {"add":[{"name":"X-Added","value":"yes"}]}}],)" +
            to("stable") + R"(},
        {"matches":[{"path":{"value":"/old"}}],"filters":[{"type":"RequestRedirect",
          "requestRedirect":{"scheme":"https","hostname":"new.test","statusCode":301,
            "path":{"type":"ReplacePrefixMatch","replacePrefixMatch":"/fresh"}}}]},
        {"matches":[{"path":{"value":"/strip"}}],"filters":[{"type":"URLRewrite",
          "urlRewrite":{"hostname":"inner.test",
            "path":{"type":"ReplacePrefixMatch","replacePrefixMatch":"/echo"}}}],)" +
            to("stable") + "}]"));
    Client client(shop.port);
    REQUIRE(shop.wait([&] { return client.get("/old", "f.test").status == 301; }));
    CHECK(client.get("/old/x?q=1", "f.test")
              .headers.contains("ocation: https://new.test/fresh/x?q=1"));
    const Answer echo = client.get("/echo", "f.test", "X-Gone: 1\r\n");
    CHECK(echo.body.contains("x-set: 100% it's \"so\"\r\n"));
    CHECK_FALSE(echo.body.contains("x-gone"));
    CHECK(echo.headers.contains("x-added: yes"));
    const Answer rewritten = client.get("/strip/y", "f.test");
    CHECK(rewritten.body.starts_with("GET /echo/y HTTP/1.1"));
    CHECK(rewritten.body.contains("host: inner.test"));
}

TEST_CASE("a route that HAProxy refuses is told so and does not stop the others") {
    Shop shop;
    shop.open(1, 0);
    shop.create(route(
        "bad",
        R"("hostnames":["bad.test"],"rules":[
        {"matches":[{"path":{"type":"RegularExpression","value":"(unclosed"}}],)" +
            to("stable") + "}]"));
    const auto accepted = [&](const std::string& name) {
        return std::string(
            shop.get(types::http_route(), name).text("/status/parents/0/conditions/0/reason"));
    };
    REQUIRE(shop.wait([&] { return accepted("bad") == "UnsupportedValue"; }));
    shop.create(route("good", R"("hostnames":["good.test"],"rules":[{)" + to("canary") + "}]"));
    Client client(shop.port);
    CHECK(shop.wait([&] { return client.get("/", "good.test").body == "c"; }));
    CHECK(client.get("/").body == "s");
}

TEST_CASE("what is not supported is refused with a condition") {
    Shop shop;
    shop.open(1, 0);
    shop.create(route(
        "extended",
        R"("hostnames":["m.test"],"rules":[{"filters":[
        {"type":"ExtensionRef","extensionRef":{"group":"x.test","kind":"Tide","name":"high"}}],)" +
            to("stable") + "}]"));
    shop.create(route("lost", R"("hostnames":["l.test"],"rules":[{)" + to("nowhere") + "}]"));
    const auto reason = [&](const std::string& name, int condition) {
        return std::string(
            shop.get(types::http_route(), name)
                .text("/status/parents/0/conditions/" + std::to_string(condition) + "/reason"));
    };
    CHECK(shop.wait([&] { return reason("extended", 0) == "UnsupportedValue"; }));
    CHECK(shop.wait([&] { return reason("lost", 1) == "BackendNotFound"; }));
    Client client(shop.port);
    CHECK(shop.wait([&] { return client.get("/", "l.test").status == 500; }));
    CHECK(client.get("/", "m.test").body == "s");  // The catch-all route's, not the refused one's.
}

TEST_CASE("failures are told apart: the pod's, the proxy's and the client's own") {
    Shop shop;
    shop.open(100, 0);
    Client client(shop.port);
    CHECK(client.get("/status/503").status == 503);
    {
        Client impatient(shop.port);
        impatient.send_only("/slow/5000");
        shop.run_for(Duration(100));
    }
    REQUIRE(shop.wait([&] { return shop.sink.count() == 2; }));
    shop.backends["shop-s"]->kill_now();
    Client fresh(shop.port);
    const Answer refused = fresh.get("/");
    CHECK_MESSAGE(refused.status == 503, refused.body);
    REQUIRE(shop.wait([&] { return shop.sink.count() == 3; }));
    const auto outcomes = shop.sink.outcomes();
    CHECK(outcomes[0].status == 503);
    CHECK_FALSE(outcomes[0].is_lost);
    CHECK(outcomes[0].pod == "shop-s");
    CHECK(outcomes[0].path == "/status/503");
    CHECK(outcomes[1].status == 0);
    CHECK_FALSE(outcomes[1].is_lost);
    CHECK(outcomes[2].status == 503);
    CHECK(outcomes[2].is_lost);
}

}  // namespace serin::test
