#include "cli/gateway_wiring.h"

#include "base/log.h"
#include "cli/cluster_metrics.h"
#include "cli/controller_metrics.h"
#include "cli/find_cluster.h"
#include "cli/request_metrics.h"
#include "cli/token_review.h"
#include "control/manager.h"
#include "gateway/gateway.h"
#include "gateway/peer_reports.h"
#include "gateway/status.h"
#include "gateway/user_key.h"
#include "kubernetes/api.h"
#include "kubernetes/lease.h"
#include "kubernetes/store.h"
#include "metrics/request_totals.h"
#include "net/curl_client.h"
#include "net/loop.h"
#include "ports/gateway_report.h"
#include "server/exposition.h"
#include "stream/outcome_server.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>

namespace serin::cli {

namespace {

constexpr Duration look_every{200};
// For the requests in flight; kubelets kill after 30 s as a rule, and draining comes before.
constexpr Duration end_patience{20'000};
// For what readers have not been sent yet.
constexpr Duration farewell{300};

kubernetes::StoreSettings store_settings(
    const GatewayOptions& options, std::function<Result<>()> may_write) {
    kubernetes::StoreSettings settings;
    for (const ResourceType* type :
         {&types::gateway_class(),
          &types::gateway(),
          &types::http_route(),
          &types::service(),
          &types::pod()}) {
        settings.followed.push_back({.type = type});
    }
    settings.namespaces = options.namespaces;
    settings.may_write = std::move(may_write);
    return settings;
}

// Of the gateways themselves.
kubernetes::StoreSettings peer_settings(const std::string& ns) {
    kubernetes::StoreSettings settings;
    settings.followed = {
        {.type = &types::gateway_report()},
        {.type = &types::pod(),
         .labels = LabelSelector::equal_to({{"app.kubernetes.io/name", "serin-gateway"}})}};
    settings.namespaces = {ns};
    return settings;
}

Result<std::map<std::string, std::int64_t>> said_in_force(
    const ObjectStore& store, std::vector<std::string> namespaces) {
    if (namespaces.empty()) namespaces.emplace_back();
    std::map<std::string, std::int64_t> said;
    for (const std::string& ns : namespaces) {
        SERIN_TRY(const ObjectList routes, store.list({.type = &types::http_route(), .ns = ns}));
        for (const Object& route : routes.items) {
            said[fmt::format("{}/{}", route.ns(), route.name())] =
                gateway::in_force_generation(route);
        }
    }
    return said;
}

std::string object_name(std::string identity) {
    for (char& letter : identity) {
        const bool is_allowed = (letter >= 'a' && letter <= 'z') ||
                                (letter >= '0' && letter <= '9') || letter == '-' || letter == '.';
        if (!is_allowed) letter = '-';
    }
    return identity;
}

kubernetes::LeaseSettings lease_settings(
    const GatewayOptions& options, const kubernetes::ClusterConfig& config, Instant now) {
    return {
        .ns = options.lease_ns.empty() ? config.ns : options.lease_ns,
        .name = options.lease_name,
        .identity = options.identity.empty() ? process_identity(now) : options.identity};
}

std::string process_of(const std::string& identity, Instant now) {
    return fmt::format("{}.{}", identity, now.time_since_epoch().count());
}

}  // namespace

// In the order in which they are made; taken apart in reverse.
struct ClusterGateway::Parts {
    kubernetes::LeaseSettings lease_settings;
    std::string gateway_folder;
    std::string reader;
    net::CurlClient http;
    kubernetes::Api api;
    std::unique_ptr<kubernetes::Lease> lease;
    kubernetes::KubernetesStore store;
    kubernetes::KubernetesStore peer_store;
    kubernetes::KubernetesStore direct_store;  // Past memory.
    gateway::PeerReports peers;
    TokenReviewer reviewer;
    stream::OutcomeServer outcomes;
    metrics::RequestTotals totals;
    gateway::HaproxyGateway gateway;
    control::Manager manager;
    std::unique_ptr<net::HttpServer> server;
    std::function<void(const Error&)> on_failed;
    EventLoop::Watch look;
    bool is_running = false;
    bool is_leaving = false;
    bool has_ended = false;

    Parts(
        net::AsioLoop& loop,
        const GatewayOptions& options,
        const kubernetes::ClusterConfig& config,
        kubernetes::LeaseSettings leadership)
        : lease_settings(std::move(leadership)),
          gateway_folder(options.state_dir + "/gateway"),
          reader(
              options.reader.empty()
                  ? fmt::format("system:serviceaccount:{}:serin-controller", lease_settings.ns)
                  : options.reader),
          http(loop, options.authorities),
          api(loop, http, config),
          lease(std::make_unique<kubernetes::Lease>(api, lease_settings)),
          store(api, store_settings(options, [this] { return lease->may_write(); })),
          peer_store(api, peer_settings(lease_settings.ns)),
          direct_store(api, {}),
          peers(
              loop,
              peer_store,
              direct_store,
              {.ns = lease_settings.ns,
               .name = object_name(lease_settings.identity),
               .process = process_of(lease_settings.identity, loop.now()),
               .leads = [this] { return lease->may_write().has_value(); },
               .said =
                   [this, namespaces = options.namespaces] {
                       return said_in_force(direct_store, namespaces);
                   }},
              [this] {
                  if (is_running && !has_ended) gateway.report();
              }),
          reviewer(api),
          outcomes(loop, {.epoch = process_of(lease_settings.identity, loop.now())}),
          totals(outcomes.sink()),
          gateway(
              loop,
              store,
              totals,
              {.state_dir = gateway_folder,
               .haproxy_binary = options.haproxy,
               .default_address = options.listen_address,
               .is_in_cluster = true,
               .peers = &peers}),
          manager(loop, store, gateway.reconcilers()) {}
};

ClusterGateway::ClusterGateway(net::AsioLoop& loop) : loop_(loop) {}

ClusterGateway::~ClusterGateway() = default;

Result<> ClusterGateway::start(
    const GatewayOptions& options,
    const kubernetes::ClusterConfig& config,
    std::function<void(const Error&)> on_failed) {
    parts_ = std::make_unique<Parts>(
        loop_, options, config, lease_settings(options, config, loop_.now()));
    parts_->on_failed = std::move(on_failed);
    SERIN_TRY_DO(serve(options));
    parts_->store.start([this] {
        log::info("synced");
        run_if_ready();
    });
    parts_->peer_store.start([this] {
        parts_->peers.start();
        run_if_ready();
    });
    begin_lease();
    look();
    return {};
}

// Losing it is no reason to stop serving: users must not suffer from an API that does not answer.
// It is asked for again; whoever has it writes the statuses.
void ClusterGateway::begin_lease() {
    parts_->lease->start(
        [] {},
        [this](const Error& error) {
            log::warning("lease_lost", {{"error", error.message}});
            loop_.post([this] {
                if (parts_->has_ended) return;
                parts_->lease =
                    std::make_unique<kubernetes::Lease>(parts_->api, parts_->lease_settings);
                begin_lease();
            });
        });
}

// Serving is seen, not told.
void ClusterGateway::look() {
    if (parts_->is_running && parts_->gateway.is_serving()) parts_->peers.serve();
    parts_->look = loop_.after(look_every, [this] { look(); });
}

void ClusterGateway::run_if_ready() {
    const bool is_synced = parts_->store.is_synced() && parts_->peer_store.is_synced();
    if (!is_synced || parts_->has_ended || std::exchange(parts_->is_running, true)) return;
    const ObjectKey secret{
        .type = &types::secret(),
        .ns = parts_->lease_settings.ns,
        .name = parts_->lease_settings.name};
    if (const auto shared =
            gateway::share_user_key(parts_->direct_store, secret, parts_->gateway_folder);
        !shared) {
        log::warning(
            "users_not_shared",
            {{"error", shared.error().message}, {"means", "a user counts once at each gateway"}});
    }
    if (const auto started = parts_->gateway.start(); !started) {
        return parts_->on_failed(started.error());
    }
    parts_->manager.start();
}

void ClusterGateway::leave_endpoints() {
    parts_->is_leaving = true;
}

void ClusterGateway::end() {
    if (std::exchange(parts_->has_ended, true)) return;
    parts_->is_leaving = true;
    parts_->look.reset();
    parts_->manager.stop();
    if (parts_->is_running) parts_->gateway.shut_down(end_patience);
    parts_->outcomes.end();
    const auto pause = loop_.after(farewell, [this] { loop_.stop(); });
    loop_.run();
    parts_->server->stop();
    if (const auto left = parts_->peers.leave(); !left) {
        log::warning("report_left", {{"error", left.error().message}});
    }
    parts_->lease->release();
}

Result<> ClusterGateway::serve(const GatewayOptions& options) {
    net::HttpServerOptions server;
    server.address = options.address;
    server.port = static_cast<std::uint16_t>(options.port);
    server.connections_max = 64;
    SERIN_TRY(
        parts_->server,
        net::HttpServer::listen(
            loop_,
            server,
            [this](
                const net::HttpServerRequest& request,
                const std::shared_ptr<net::HttpResponder>& responder) {
                answer(request, responder);
            }));
    return {};
}

// Probes and metrics are nothing secret; what users ask for is.
void ClusterGateway::answer(
    const net::HttpServerRequest& request, const std::shared_ptr<net::HttpResponder>& responder) {
    if (request.path == "/outcomes") return answer_reader(request, responder);
    net::HttpServerResponse response;
    response.headers = {{"Content-Type", "text/plain; version=0.0.4"}};
    if (request.path == "/metrics") {
        response.body = metrics();
    } else if (request.path == "/healthz") {
        response.body = "ok\n";
    } else if (request.path == "/readyz") {
        const std::string reason = unreadiness();
        response.status = reason.empty() ? 200 : 503;
        response.body = (reason.empty() ? "ok" : reason) + "\n";
    } else {
        response.status = 404;
        response.body = "there are /healthz, /readyz, /metrics and /outcomes\n";
    }
    responder->send(std::move(response));
}

void ClusterGateway::answer_reader(
    const net::HttpServerRequest& request, const std::shared_ptr<net::HttpResponder>& responder) {
    const auto allowed = parts_->reviewer.check(request.header("authorization"), parts_->reader);
    if (allowed) return parts_->outcomes.serve(request, responder);
    const bool is_denied = allowed.error().kind == ErrorKind::denied;
    log::warning("reader_refused", {{"peer", request.peer}, {"error", allowed.error().message}});
    responder->send(
        {.status = is_denied ? 403 : 503, .headers = {}, .body = allowed.error().message + "\n"});
}

// Why no Service should send requests here; empty: it may.
std::string ClusterGateway::unreadiness() const {
    if (parts_->is_leaving) return "it is ending";
    if (!parts_->is_running) return "the cluster's objects are not in memory yet";
    if (!parts_->gateway.is_serving()) return "HAProxy does not serve yet";
    if (parts_->peers.is_admitted()) return "";
    const std::string& holder = parts_->lease->holder();
    return holder.empty() ? "it asks for the Lease"
                          : fmt::format("{} has not admitted it yet", holder);
}

std::string ClusterGateway::metrics() const {
    using Kind = server::Exposition::Kind;
    server::Exposition out;
    out.add(
        "serin_leader",
        Kind::gauge,
        "1 while this process has the Lease.",
        parts_->lease->is_held() ? 1 : 0);
    out.add(
        "serin_gateways",
        Kind::gauge,
        "Gateways without which nothing new is in force.",
        static_cast<double>(parts_->peers.counted()));
    add_request_metrics(parts_->totals, out);
    const auto stats = parts_->outcomes.stats();
    out.add(
        "serin_gateway_outcomes_dropped_total",
        Kind::counter,
        "Requests whose outcome had to make room before anybody had read it.",
        static_cast<double>(stats.dropped));
    out.add(
        "serin_gateway_outcomes_bytes",
        Kind::gauge,
        "Memory of the outcomes that are kept for readers.",
        static_cast<double>(stats.bytes));
    out.add(
        "serin_gateway_readers",
        Kind::gauge,
        "Controllers that read the outcomes of requests.",
        static_cast<double>(parts_->outcomes.readers()));
    add_controller_metrics(parts_->manager, out);
    add_store_metrics(parts_->store, out);
    server::add_process_metrics(out);
    return out.text();
}

int ClusterGateway::port() const {
    return parts_->server->port();
}

}  // namespace serin::cli
