#pragma once

#include "metrics/prometheus.h"
#include "metrics/remote_sources.h"
#include "metrics/web.h"
#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Providers over real HTTP, and a server that answers as told and keeps what it was asked.

namespace serin::metrics {

// A client whose patience is short, so that nobody waits for a slow server; what was asked for is
// kept.
class Hurried : public HttpClient {
public:
    explicit Hurried(HttpClient& inner) : inner_(inner) {}

    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        timeouts.push_back(request.timeout);
        if (patience) request.timeout = *patience;
        return inner_.send(std::move(request), std::move(done));
    }

    std::optional<Duration> patience;
    std::vector<Duration> timeouts;

private:
    HttpClient& inner_;
};

struct Reply {
    int status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    bool is_silent = false;  // No answer at all.
};

class ProviderWorld {
public:
    net::AsioLoop loop;
    net::CurlClient curl{loop};
    Hurried client{curl};
    store::MemoryStore store{loop};
    std::map<std::string, std::string> environment;
    std::deque<Reply> replies;  // The last one again and again.
    std::vector<net::HttpServerRequest> asked;
    std::string address;  // Of the server, "http://127.0.0.1:1234".

    explicit ProviderWorld(const net::HttpServerOptions& options = {}) {
        auto listening = net::HttpServer::listen(
            loop,
            options,
            [this](
                net::HttpServerRequest request,
                const std::shared_ptr<net::HttpResponder>& responder) {
                asked.push_back(std::move(request));
                const Reply reply = replies.front();
                if (replies.size() > 1) replies.pop_front();
                if (reply.is_silent) return waiting_.push_back(responder);
                net::HttpServerResponse response;
                response.status = reply.status;
                response.headers = reply.headers;
                response.body = reply.body;
                responder->send(std::move(response));
            });
        REQUIRE(listening);
        server_ = *std::move(listening);
        const std::string_view scheme = options.is_tls ? "https" : "http";
        address = fmt::format("{}://127.0.0.1:{}", scheme, server_->port());
    }

    // `$ADDRESS` stands for the server's.
    std::string placed(std::string text) const {
        constexpr std::string_view mark = "$ADDRESS";
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark))
            text.replace(at, mark.size(), address);
        return text;
    }

    void add_secret(
        std::string_view name,
        const std::map<std::string, std::string>& values,
        std::string_view ns = "serin-system") {
        Object secret(types::secret(), ns, name);
        for (const auto& [key, value] : values) {
            secret.put("/stringData/" + json::escape_pointer(key), json::string(placed(value)));
        }
        REQUIRE(store.create(secret));
    }

    Result<MetricSample> measure(
        std::string_view provider, std::string_view config, MetricQuery query = {}) {
        const auto parsed = json::parse(placed(std::string(config)));
        REQUIRE(parsed);
        const auto source = sources_.find(provider);
        REQUIRE(source != sources_.end());
        query.config = parsed->as_object();
        if (query.ns.empty()) query.ns = "shop";
        if (query.now == Instant()) query.now = Instant(std::chrono::seconds(1'599'076'435));
        const auto checked = source->second->check(query.config);
        if (!checked) return std::unexpected(checked.error());

        std::optional<Result<MetricSample>> answer;
        const auto asking = source->second->measure(query, [&](Result<MetricSample> sample) {
            answer = std::move(sample);
            loop.stop();
        });
        const auto deadline = loop.after(std::chrono::seconds(30), [this] { loop.stop(); });
        if (!answer) loop.run();
        REQUIRE(answer);
        return *answer;
    }

    std::string header(std::string_view name) const {
        REQUIRE(!asked.empty());
        const std::string* value = asked.back().header(name);
        return value == nullptr ? "" : *value;
    }

private:
    std::unique_ptr<net::HttpServer> server_;
    std::vector<std::shared_ptr<net::HttpResponder>> waiting_;
    Credentials credentials_{
        store,
        {"serin-system", "argo-rollouts"},
        [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            if (found == environment.end()) return std::nullopt;
            return found->second;
        }};
    RemoteSources remote_{loop, client, credentials_};
    PrometheusSource prometheus_{client, "", credentials_};
    WebSource web_{client};
    RemoteSources::ByName sources_ = remote_.with({{"prometheus", &prometheus_}, {"web", &web_}});
};

}  // namespace serin::metrics
