#include "cli/cluster_wiring.h"

#include "base/log.h"
#include "cli/cluster_metrics.h"
#include "cli/controller_metrics.h"
#include "cli/environment.h"
#include "cli/find_cluster.h"
#include "cli/gateway_streams.h"
#include "cli/release_metrics.h"
#include "control/analysis_controller.h"
#include "control/experiment_controller.h"
#include "control/followed_types.h"
#include "control/manager.h"
#include "control/plugin_source.h"
#include "control/release_controller.h"
#include "kubernetes/api.h"
#include "kubernetes/lease.h"
#include "kubernetes/store.h"
#include "metrics/ab_source.h"
#include "metrics/budget_source.h"
#include "metrics/job.h"
#include "metrics/kayenta_source.h"
#include "metrics/prometheus.h"
#include "metrics/release_requests.h"
#include "metrics/remote_sources.h"
#include "metrics/request_windows.h"
#include "metrics/requests_source.h"
#include "metrics/sequential_source.h"
#include "metrics/streamed_source.h"
#include "metrics/web.h"
#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "node/plugin_processes.h"
#include "ports/event_recorder.h"
#include "ports/routing_types.h"
#include "server/exposition.h"
#include "store/sqlite.h"
#include "traffic/http_route.h"
#include "traffic/object_router.h"
#include "traffic/plugin_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace serin::cli {

namespace {

// How often what judges know is kept: a write of each release that has requests. A gateway tells
// the next leader what this one may not have kept yet (stream/outcome_server.cc).
constexpr Duration save_every{2'000};
// For the first turns of all runs, whose judges have to listen when the first outcomes come.
constexpr Duration settle_every{100};
constexpr Duration settle_max{10'000};

kubernetes::StoreSettings store_settings(
    const ControllerOptions& options, kubernetes::Lease& lease) {
    kubernetes::StoreSettings settings;
    settings.followed = control::followed_types();
    for (const ResourceType& type : routing_types()) settings.optional.insert(&type);
    settings.namespaces = options.namespaces;
    settings.may_write = [&lease] { return lease.keep(); };
    return settings;
}

kubernetes::LeaseSettings lease_settings(
    const ControllerOptions& options, const kubernetes::ClusterConfig& config, Instant now) {
    return {
        .ns = options.lease_ns.empty() ? config.ns : options.lease_ns,
        .name = options.lease_name,
        .identity = options.identity.empty() ? process_identity(now) : options.identity};
}

}  // namespace

// In the order in which they are made; taken apart in reverse.
struct ClusterController::Parts {
    std::unique_ptr<store::SqliteStore> records;
    net::CurlClient http;
    kubernetes::Api api;
    kubernetes::Lease lease;
    kubernetes::KubernetesStore store;
    node::PluginProcesses plugins;
    traffic::HttpRouteRouter route_router;
    traffic::ObjectRouter object_router;
    traffic::Routers router;
    metrics::PrometheusSource prometheus;
    metrics::WebSource web;
    control::PluginSource plugin_metrics;
    metrics::RequestWindows windows;
    metrics::ReleaseRequests release_requests;
    metrics::AbSource experiments_judge;
    GatewayStreams streams;
    metrics::RequestsSource requests;
    metrics::RemoteSources remote;
    metrics::SequentialSource sequential;
    metrics::BudgetSource budget;
    metrics::StreamedSource streamed_requests;
    metrics::StreamedSource streamed_sequential;
    metrics::StreamedSource streamed_budget;
    metrics::StreamedSource streamed_ab;
    metrics::KayentaSource kayenta;
    metrics::JobSource job;
    EventRecorder analysis_events;
    control::AnalysisController analysis;
    control::ReleaseController releases;
    control::ExperimentController experiments;
    control::Manager manager;
    ReleaseMetrics release_metrics;
    std::unique_ptr<net::HttpServer> server;
    bool is_running = false;
    Instant running_since{};
    EventLoop::Watch settling;

    Parts(
        net::AsioLoop& loop,
        std::unique_ptr<store::SqliteStore> opened,
        const ControllerOptions& options,
        const kubernetes::ClusterConfig& config)
        : records(std::move(opened)),
          http(loop, options.authorities),
          api(loop, http, config),
          lease(api, lease_settings(options, config, loop.now())),
          store(api, store_settings(options, lease)),
          plugins(loop),
          route_router(store),
          object_router(store),
          router(route_router, route_router, &object_router),
          prometheus(
              http,
              options.prometheus_address,
              metrics::Credentials(
                  store, {config.ns, std::string(argo_namespace)}, environment_variable)),
          web(http),
          plugin_metrics(store, plugins),
          windows(loop),
          release_requests(loop, store, windows, save_every),
          experiments_judge(loop, store, release_requests),
          streams(
              api,
              http,
              experiments_judge,
              !options.gateway_ns.empty() ? options.gateway_ns
              : options.lease_ns.empty()  ? config.ns
                                          : options.lease_ns,
              options.gateway_token),
          requests(loop, windows),
          remote(
              loop, http, {store, {config.ns, std::string(argo_namespace)}, environment_variable}),
          sequential(
              loop,
              release_requests,
              remote.with(
                  {{std::string(metrics::PrometheusSource::provider), &prometheus},
                   {std::string(metrics::WebSource::provider), &web},
                   {std::string(control::PluginSource::provider), &plugin_metrics}})),
          budget(loop, release_requests),
          streamed_requests(loop, requests, whole_stream()),
          streamed_sequential(
              loop, sequential, whole_stream(&metrics::SequentialSource::sees_requests)),
          streamed_budget(loop, budget, whole_stream()),
          streamed_ab(loop, experiments_judge, whole_stream()),
          kayenta(
              loop,
              {{std::string(metrics::PrometheusSource::provider), &prometheus},
               {std::string(metrics::RequestsSource::provider), &streamed_requests}}),
          job(loop, store),
          analysis_events(store, loop, "serin-analysis"),
          analysis(
              loop,
              store,
              analysis_events,
              remote.with(
                  {{std::string(metrics::RequestsSource::provider), &streamed_requests},
                   {std::string(metrics::SequentialSource::provider), &streamed_sequential},
                   {std::string(metrics::BudgetSource::provider), &streamed_budget},
                   {std::string(metrics::AbSource::provider), &streamed_ab},
                   {std::string(metrics::PrometheusSource::provider), &prometheus},
                   {std::string(metrics::KayentaSource::provider), &kayenta},
                   {std::string(metrics::WebSource::provider), &web},
                   {std::string(control::PluginSource::provider), &plugin_metrics},
                   {std::string(metrics::JobSource::provider), &job}})),
          releases(loop, store, records->evidence(), router, plugins),
          experiments(loop, store, router),
          manager(loop, store, {&analysis, &releases, &experiments}),
          release_metrics(store) {}

    metrics::StreamedSource::Stream whole_stream(
        std::function<bool(const json::Object&)> is_needed = nullptr) {
        return {.trouble = [this] { return streams.trouble(); }, .is_needed = std::move(is_needed)};
    }
};

ClusterController::ClusterController(net::AsioLoop& loop) : loop_(loop) {}

ClusterController::~ClusterController() {
    if (!parts_) return;
    parts_->manager.stop();
    if (parts_->server) parts_->server->stop();
    parts_->release_requests.flush();
    parts_->experiments_judge.flush();
    parts_->lease.release();
}

Result<> ClusterController::start(
    const ControllerOptions& options,
    const kubernetes::ClusterConfig& config,
    std::function<void(const Error&)> on_lost) {
    SERIN_TRY(
        auto records, store::SqliteStore::open(loop_, {.path = options.state_dir + "/serin.db"}));
    parts_ = std::make_unique<Parts>(loop_, std::move(records), options, config);
    SERIN_TRY_DO(serve(options));
    parts_->store.start([this] {
        log::info("synced");
        run_if_ready();
    });
    parts_->streams.start();
    parts_->lease.start(
        [this] { run_if_ready(); },
        [this, on_lost = std::move(on_lost)](const Error& error) {
            parts_->manager.stop();
            on_lost(error);
        });
    return {};
}

void ClusterController::run_if_ready() {
    if (!parts_->lease.is_held() || !parts_->store.is_synced()) return;
    if (std::exchange(parts_->is_running, true)) return;
    parts_->manager.start();
    parts_->running_since = loop_.now();
    parts_->settling = loop_.after(settle_every, [this] { read_when_settled(); });
}

// What comes before a judge listens is not judged.
void ClusterController::read_when_settled() {
    bool is_settled = loop_.now() >= parts_->running_since + settle_max;
    if (!is_settled) {
        is_settled = std::ranges::all_of(
            parts_->manager.stats(), [](const auto& one) { return one.queued == 0; });
    }
    if (is_settled) return parts_->streams.read();
    parts_->settling = loop_.after(settle_every, [this] { read_when_settled(); });
}

// Probes and Prometheus: nothing secret, and nothing that changes anything.
Result<> ClusterController::serve(const ControllerOptions& options) {
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
                net::HttpServerResponse response;
                response.headers = {{"Content-Type", "text/plain; version=0.0.4"}};
                const bool is_ready = parts_->store.is_synced();
                if (request.path == "/metrics") {
                    response.body = metrics();
                } else if (request.path == "/healthz" || (request.path == "/readyz" && is_ready)) {
                    response.body = "ok\n";
                } else if (request.path == "/readyz") {
                    response.status = 503;
                    response.body = "the cluster's objects are not in memory yet\n";
                } else {
                    response.status = 404;
                    response.body = "there are /healthz, /readyz and /metrics\n";
                }
                responder->send(std::move(response));
            }));
    return {};
}

std::string ClusterController::metrics() const {
    using Kind = server::Exposition::Kind;
    server::Exposition out;
    out.add(
        "serin_leader",
        Kind::gauge,
        "1 while this process leads.",
        parts_->lease.is_held() ? 1 : 0);
    add_controller_metrics(parts_->manager, out);
    parts_->streams.add_metrics(out);
    add_store_metrics(parts_->store, out);
    server::add_process_metrics(out);
    return out.text() + parts_->release_metrics.text();
}

int ClusterController::port() const {
    return parts_->server->port();
}

}  // namespace serin::cli
