#include "server/server.h"

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/discovery.h"
#include "server/guard.h"
#include "server/object_counts.h"
#include "server/parameters.h"
#include "server/resource_api.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

namespace serin::server {

namespace {

using Request = net::HttpServerRequest;
using Responder = std::shared_ptr<net::HttpResponder>;

// Answered requests by method and status.
using Counts = std::map<std::pair<std::string, int>, std::int64_t>;

class CountingResponder : public net::HttpResponder {
public:
    CountingResponder(Responder inner, std::shared_ptr<Counts> counts, std::string method)
        : inner_(std::move(inner)), counts_(std::move(counts)), method_(std::move(method)) {}

    void send(net::HttpServerResponse response) override {
        count(response);
        inner_->send(std::move(response));
    }
    std::unique_ptr<net::HttpStream> start(net::HttpServerResponse head) override {
        count(head);
        return inner_->start(std::move(head));
    }
    bool is_wanted() const override { return inner_->is_wanted(); }

private:
    void count(net::HttpServerResponse& response) {
        ++(*counts_)[{method_, response.status}];
        response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    }

    Responder inner_;
    std::shared_ptr<Counts> counts_;
    std::string method_;
};

// Methods that clients make up must not fill the memory.
std::string known_method(const std::string& method) {
    for (const char* known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
        if (method == known) return method;
    }
    return "other";
}

net::HttpServerResponse text_response(std::string body) {
    return {.headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(body)};
}

json::Object evidence_object(const EvidenceEntry& entry) {
    return {
        {"sequence", entry.sequence},
        {"at", format_time_precise(entry.at)},
        {"release", entry.release},
        {"id", entry.id},
        {"body", entry.body},
        {"previous_hash", entry.previous_hash},
        {"hash", entry.hash}};
}

net::HttpServerResponse answer_evidence(const EvidenceLog& evidence, const Request& request) {
    const auto after = number_parameter(request, "after");
    if (!after) return response_of(after.error());
    const auto entries = evidence.read(text_parameter(request, "release"), after->value_or(0));
    if (!entries) return response_of(failure_of(entries.error(), {.name = "evidence"}));
    json::Array items;
    for (const EvidenceEntry& entry : *entries) items.push_back(evidence_object(entry));
    return json_response(json::Object{{"items", std::move(items)}});
}

}  // namespace

struct ApiServer::Parts {
    net::AsioLoop& loop;
    ServerOptions options;
    ResourceApi resources;
    ObjectCounts counts;
    Router router;
    std::vector<std::function<void(Exposition&)>> metrics;
    std::shared_ptr<Counts> answered = std::make_shared<Counts>();
    std::optional<Guard> guard;
    std::unique_ptr<net::HttpServer> http;

    void handle(const Request& request, const Responder& plain) {
        const auto responder =
            std::make_shared<CountingResponder>(plain, answered, known_method(request.method));
        const Router::Match match = router.find(request.method, request.path);
        if (match.route == nullptr || match.route->access == Access::guarded) {
            if (const auto failure = guard->check(request)) {
                return responder->send(response_of(*failure));
            }
        }
        if (match.route != nullptr) return match.route->handler(request, responder);
        responder->send(response_of(
            match.has_other_methods ? method_not_allowed(request.method, request.path)
                                    : unknown_path()));
    }

    std::string scrape() {
        Exposition out;
        add_process_metrics(out);
        counts.add_to(out);
        for (const auto& [what, number] : *answered) {
            out.add(
                "serin_http_requests_total",
                Exposition::Kind::counter,
                "Answered API requests.",
                static_cast<double>(number),
                {{"method", what.first}, {"code", std::to_string(what.second)}});
        }
        out.add(
            "serin_http_connections",
            Exposition::Kind::gauge,
            "Open API connections.",
            static_cast<double>(http->connection_count()));
        out.add(
            "serin_http_streams",
            Exposition::Kind::gauge,
            "Open watches and logs.",
            static_cast<double>(resources.session_count()));
        for (const auto& source : metrics) source(out);
        return out.text();
    }

    void add_routes(const EvidenceLog& evidence) {
        const auto discovery = [](const Request& request, const Responder& to) {
            const auto document = discover(request.path);
            to->send(document ? json_response(*document) : response_of(unknown_path()));
        };
        // The types' own paths lie below those of discovery.
        const auto api = [this, discovery](const Request& request, const Responder& to) {
            if (request.method == "GET" && discover(request.path)) return discovery(request, to);
            resources.handle(request, to);
        };
        for (const char* path : {"/api", "/apis", "/openapi/v3", "/openapi/v3/*"}) {
            router.add({.method = "GET", .path = path, .handler = discovery});
        }
        router.add({.method = "*", .path = "/api/*", .handler = api});
        router.add({.method = "*", .path = "/apis/*", .handler = api});
        router.add({.method = "GET", .path = "/openapi/v2", .handler = [](auto&&, const auto& to) {
                        to->send(
                            {.headers =
                                 {{"Content-Type",
                                   "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"}},
                             .body = openapi_v2()});
                    }});
        router.add({.method = "GET", .path = "/version", .handler = [](auto&&, const auto& to) {
                        to->send(json_response(version_info()));
                    }});
        for (const char* path : {"/healthz", "/livez", "/readyz"}) {
            router.add(
                {.method = "GET",
                 .path = path,
                 .access = Access::open,
                 .handler = [](auto&&, const auto& to) { to->send(text_response("ok")); }});
        }
        router.add({.method = "GET", .path = "/metrics", .handler = [this](auto&&, const auto& to) {
                        to->send(
                            {.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
                             .body = scrape()});
                    }});
        router.add(
            {.method = "GET",
             .path = "/serin/v1/evidence",
             .handler = [&evidence](const Request& request, const Responder& to) {
                 to->send(answer_evidence(evidence, request));
             }});
    }
};

ApiServer::ApiServer(
    net::AsioLoop& loop,
    ObjectStore& store,
    const Admission& admission,
    const EvidenceLog& evidence,
    LogSource& logs,
    ApplyPatch apply_patch,
    ServerOptions options)
    : parts_(std::unique_ptr<Parts>(new Parts{
          .loop = loop,
          .options = std::move(options),
          .resources = {loop, store, admission, logs, std::move(apply_patch)},
          .counts = {loop, store}})) {
    parts_->add_routes(evidence);
}

ApiServer::~ApiServer() {
    stop();
}

void ApiServer::add_route(Route route) {
    parts_->router.add(std::move(route));
}

void ApiServer::add_metrics(std::function<void(Exposition&)> source) {
    parts_->metrics.push_back(std::move(source));
}

Result<> ApiServer::start() {
    Parts& parts = *parts_;
    const ServerOptions& options = parts.options;
    SERIN_TRY(
        parts.guard,
        Guard::make(
            {.address = options.address,
             .host_names = options.host_names,
             .token_file = options.token_file,
             .has_client_certificates = options.is_tls && !options.tls.client_ca_file.empty()}));
    net::HttpServerOptions http{.address = options.address, .port = options.port};
    http.is_tls = options.is_tls;
    http.tls = options.tls;
    SERIN_TRY(
        parts.http,
        net::HttpServer::listen(
            parts.loop, http, [&parts](const Request& request, const Responder& responder) {
                parts.handle(request, responder);
            }));
    if (!is_loopback_address(options.address) && !options.is_tls) {
        log::warning("api_without_tls", {{"address", options.address}});
    }
    parts.counts.start();
    return {};
}

std::uint16_t ApiServer::port() const {
    SERIN_CHECK(parts_->http != nullptr);
    return parts_->http->port();
}

std::string ApiServer::url() const {
    const ServerOptions& options = parts_->options;
    const bool is_v6 = options.address.contains(':');
    return fmt::format(
        "{}://{}:{}",
        options.is_tls ? "https" : "http",
        is_v6 ? "[" + options.address + "]" : options.address,
        port());
}

void ApiServer::stop() {
    parts_->resources.stop();
    if (parts_->http != nullptr) parts_->http->stop();
}

}  // namespace serin::server
