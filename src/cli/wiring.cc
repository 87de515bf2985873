#include "cli/wiring.h"

#include "base/log.h"
#include "cli/controller_metrics.h"
#include "cli/environment.h"
#include "cli/manifest_watch.h"
#include "cli/release_metrics.h"
#include "cli/request_metrics.h"
#include "control/analysis_controller.h"
#include "control/deployment_controller.h"
#include "control/event_expiry.h"
#include "control/experiment_controller.h"
#include "control/manager.h"
#include "control/plugin_source.h"
#include "control/release_controller.h"
#include "control/router_plugins.h"
#include "gateway/gateway.h"
#include "manifest/admission.h"
#include "metrics/ab_source.h"
#include "metrics/budget_source.h"
#include "metrics/job.h"
#include "metrics/kayenta_source.h"
#include "metrics/prometheus.h"
#include "metrics/release_requests.h"
#include "metrics/remote_sources.h"
#include "metrics/request_totals.h"
#include "metrics/request_windows.h"
#include "metrics/requests_source.h"
#include "metrics/sequential_source.h"
#include "metrics/shadow_source.h"
#include "metrics/web.h"
#include "net/curl_client.h"
#include "net/loop.h"
#include "node/node.h"
#include "node/plugin_processes.h"
#include "ports/event_recorder.h"
#include "server/server.h"
#include "store/memory.h"
#include "store/patch.h"
#include "store/sqlite.h"
#include "traffic/http_route.h"
#include "traffic/plugin_router.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

namespace serin::cli {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// In the order in which they are made; taken apart in reverse.
struct LocalMachine::Parts {
    std::unique_ptr<store::SqliteStore> store;
    net::CurlClient http;
    manifest::ManifestAdmission admission;
    node::Node node;
    node::PluginProcesses plugins;
    metrics::RequestWindows windows;
    metrics::RequestTotals totals;
    metrics::ReleaseRequests release_requests;
    metrics::AbSource experiments_judge;
    gateway::HaproxyGateway gateway;
    traffic::HttpRouteRouter route_router;
    traffic::PluginRouter plugin_router;
    traffic::Routers router;
    metrics::RequestsSource requests;
    metrics::PrometheusSource prometheus;
    metrics::WebSource web;
    control::PluginSource plugin_metrics;
    metrics::RemoteSources remote;
    metrics::SequentialSource sequential;
    metrics::BudgetSource budget;
    metrics::KayentaSource kayenta;
    metrics::ShadowSource shadow;
    metrics::JobSource job;
    EventRecorder analysis_events;
    control::AnalysisController analysis;
    control::ReleaseController releases;
    control::DeploymentController deployments;
    control::ExperimentController experiments;
    control::RouterPlugins router_plugins;
    control::EventExpiry event_expiry;
    std::optional<control::Manager> manager;
    std::optional<server::ApiServer> server;
    std::optional<ManifestWatch> manifests;

    Parts(
        net::AsioLoop& loop,
        std::unique_ptr<store::SqliteStore> opened,
        const UpOptions& options,
        const std::string& images_dir)
        : store(std::move(opened)),
          http(loop, options.authorities),
          node(
              loop,
              *store,
              http,
              {.state_dir = options.state_dir,
               .images_dir = images_dir,
               .descriptors_max = options.pod_descriptors_max}),
          plugins(loop),
          windows(loop),
          totals(windows),
          release_requests(loop, *store, totals),
          experiments_judge(loop, *store, release_requests),
          gateway(
              loop,
              *store,
              experiments_judge,
              {.state_dir = options.state_dir + "/gateway", .haproxy_binary = options.haproxy}),
          route_router(*store),
          plugin_router(*store),
          router(route_router, plugin_router),
          requests(loop, windows),
          prometheus(
              http,
              options.prometheus_address,
              metrics::Credentials(
                  *store, {options.ns, std::string(argo_namespace)}, environment_variable)),
          web(http),
          plugin_metrics(*store, plugins),
          remote(
              loop,
              http,
              {*store, {options.ns, std::string(argo_namespace)}, environment_variable}),
          sequential(
              loop,
              release_requests,
              remote.with(
                  {{std::string(metrics::PrometheusSource::provider), &prometheus},
                   {std::string(metrics::WebSource::provider), &web},
                   {std::string(control::PluginSource::provider), &plugin_metrics}})),
          budget(loop, release_requests),
          kayenta(
              loop,
              {{std::string(metrics::PrometheusSource::provider), &prometheus},
               {std::string(metrics::RequestsSource::provider), &requests}}),
          shadow(loop, *store, http, gateway.copies()),
          job(loop, *store),
          analysis_events(*store, loop, "serin-analysis"),
          analysis(
              loop,
              *store,
              analysis_events,
              remote.with(
                  {{std::string(metrics::RequestsSource::provider), &requests},
                   {std::string(metrics::SequentialSource::provider), &sequential},
                   {std::string(metrics::BudgetSource::provider), &budget},
                   {std::string(metrics::KayentaSource::provider), &kayenta},
                   {std::string(metrics::AbSource::provider), &experiments_judge},
                   {std::string(metrics::ShadowSource::provider), &shadow},
                   {std::string(metrics::PrometheusSource::provider), &prometheus},
                   {std::string(metrics::WebSource::provider), &web},
                   {std::string(control::PluginSource::provider), &plugin_metrics},
                   {std::string(metrics::JobSource::provider), &job}})),
          releases(loop, *store, store->evidence(), router, plugins),
          deployments(loop, *store, store->evidence(), router),
          experiments(loop, *store, router),
          router_plugins(loop, *store, plugins),
          event_expiry(*store, loop) {}
};

namespace {

// `images` beside the first manifest folder, as a tree with both is what people hand over.
std::string images_dir_of(const UpOptions& options) {
    if (!options.images_dir.empty()) return fs::absolute(options.images_dir).string();
    for (const std::string& path : options.paths) {
        fs::path given = fs::absolute(path).lexically_normal();
        if (!given.has_filename()) given = given.parent_path();  // "manifests/"
        const fs::path folder = fs::is_directory(given) ? given : given.parent_path();
        for (const fs::path& images : {folder / "images", folder.parent_path() / "images"}) {
            if (fs::is_directory(images)) return images.string();
        }
    }
    return fs::absolute("images").string();
}

Result<> add_default_namespace(ObjectStore& store, const std::string& name) {
    const auto created = store.create(Object(types::name_space(), "", name));
    if (created || created.error().kind == ErrorKind::exists) return {};
    return std::unexpected(created.error());
}

std::vector<Reconciler*> joined(const std::vector<std::vector<Reconciler*>>& parts) {
    std::vector<Reconciler*> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

using Kind = server::Exposition::Kind;

void add_pod_metrics(const node::Node& node, server::Exposition& out) {
    for (const auto& pod : node.usage()) {
        const server::Exposition::Labels labels = {{"namespace", pod.ns}, {"pod", pod.pod}};
        out.add(
            "serin_pod_cpu_cores",
            Kind::gauge,
            "Processor use of a pod over the last sample.",
            pod.cpu_cores,
            labels);
        out.add(
            "serin_pod_memory_bytes",
            Kind::gauge,
            "Resident memory of a pod's processes.",
            static_cast<double>(pod.memory_bytes),
            labels);
    }
}

}  // namespace

LocalMachine::LocalMachine(net::AsioLoop& loop) : loop_(loop) {}

LocalMachine::~LocalMachine() {
    if (!parts_) return;
    if (parts_->manager) parts_->manager->stop();
    if (parts_->server) parts_->server->stop();
    parts_->gateway.detach();
    parts_->release_requests.flush();
    parts_->experiments_judge.flush();
}

Result<> LocalMachine::start(const UpOptions& options) {
    SERIN_TRY_DO(open_parts(options));
    SERIN_TRY_DO(parts_->node.start());
    SERIN_TRY_DO(parts_->gateway.start());
    parts_->manager.emplace(
        loop_,
        *parts_->store,
        joined(
            {parts_->node.reconcilers(),
             parts_->gateway.reconcilers(),
             {&parts_->analysis,
              &parts_->releases,
              &parts_->deployments,
              &parts_->experiments,
              &parts_->router_plugins,
              &parts_->event_expiry}}));
    // Manifests come before turns: those with errors must not leave half a machine running.
    parts_->manifests.emplace(loop_, *parts_->store, parts_->admission, options.paths, options.ns);
    SERIN_TRY_DO(parts_->manifests->start());
    SERIN_TRY_DO(serve(options));
    parts_->manager->start();
    return {};
}

Result<> LocalMachine::open_parts(const UpOptions& options) {
    SERIN_TRY(
        auto store, store::SqliteStore::open(loop_, {.path = options.state_dir + "/serin.db"}));
    parts_ = std::make_unique<Parts>(loop_, std::move(store), options, images_dir_of(options));
    return add_default_namespace(*parts_->store, options.ns);
}

Result<> LocalMachine::serve(const UpOptions& options) {
    server::ServerOptions server;
    server.address = options.address;
    server.port = static_cast<std::uint16_t>(options.port);
    server.token_file = options.token_file;
    server.is_tls = !options.tls_certificate.empty();
    server.tls.certificate_file = options.tls_certificate;
    server.tls.key_file = options.tls_key;
    server.tls.client_ca_file = options.client_ca;
    server.tls.must_have_client_certificate =
        !options.client_ca.empty() && options.token_file.empty();
    parts_->server.emplace(
        loop_,
        *parts_->store,
        parts_->admission,
        parts_->store->evidence(),
        parts_->node.logs(),
        store::apply_patch,
        server);
    parts_->server->add_metrics([this](server::Exposition& out) {
        add_request_metrics(parts_->totals, out);
        add_controller_metrics(*parts_->manager, out);
        add_release_metrics(*parts_->store, out);
        add_pod_metrics(parts_->node, out);
    });
    return parts_->server->start();
}

std::string LocalMachine::url() const {
    return parts_->server->url();
}

Result<> end_processes(
    net::AsioLoop& loop, const std::string& state_dir, const std::string& haproxy) {
    constexpr Duration patience = 20s;
    // Over a store without pods, a node reaps every process it finds, and a gateway has nothing to
    // serve.
    store::MemoryStore nothing(loop);
    net::CurlClient http(loop);
    metrics::RequestWindows windows(loop);
    gateway::HaproxyGateway gateway(
        loop, nothing, windows, {.state_dir = state_dir + "/gateway", .haproxy_binary = haproxy});
    SERIN_TRY_DO(gateway.start());
    gateway.shut_down();

    node::Node node(loop, nothing, http, {.state_dir = state_dir, .images_dir = state_dir});
    SERIN_TRY_DO(node.start());
    const auto is_empty = [&] {
        std::error_code error;
        return fs::is_empty(state_dir + "/pods", error) || error;
    };
    const Instant end = loop.now() + patience;
    while (!is_empty()) {
        if (loop.now() >= end) {
            return fail(
                ErrorKind::unavailable,
                fmt::format("some processes have not ended; see {}/pods", state_dir));
        }
        const auto pause = loop.after(50ms, [&] { loop.stop(); });
        loop.run();
    }
    return {};
}

}  // namespace serin::cli
