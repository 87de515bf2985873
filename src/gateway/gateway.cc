#include "gateway/gateway.h"

#include "base/log.h"
#include "gateway/copy_orders.h"
#include "gateway/data_plane.h"
#include "gateway/peers.h"
#include "gateway/read_gateway.h"
#include "gateway/read_route.h"
#include "gateway/split.h"
#include "gateway/status.h"

#include <algorithm>
#include <ranges>
#include <set>

namespace serin::gateway {
namespace {

constexpr std::string_view rotation_annotation = "serin.dev/in-rotation";
// How soon a certificate is served that was renewed in a Secret which nobody watches.
constexpr Duration secrets_every{60'000};

ObjectKey class_key() {
    return {.type = &types::gateway_class(), .ns = "", .name = std::string(class_name)};
}

// "default/6b7f:shop-x7k2p" -> the pod's key.
ObjectKey pod_key(const std::string& identity) {
    const std::size_t slash = identity.find('/');
    return {
        .type = &types::pod(),
        .ns = identity.substr(0, slash),
        .name = identity.substr(identity.find(':', slash) + 1)};
}

// "default/shop/0" -> the route's key.
ObjectKey route_key(const std::string& rule) {
    const std::size_t first = rule.find('/');
    const std::size_t last = rule.rfind('/');
    return {
        .type = &types::http_route(),
        .ns = rule.substr(0, first),
        .name = rule.substr(first + 1, last - first - 1)};
}

Ranges split_of(const TableRule& rule, const RoutingTable& table) {
    return ranges_of(servable_targets(rule.targets, table.backends));
}

std::map<std::string, Ranges> splits_of(const RoutingTable& table) {
    std::map<std::string, Ranges> splits;
    for (const auto& [id, rule] : table.rules) {
        if (!rule.rule.redirect) splits[id] = split_of(rule, table);
    }
    return splits;
}

Result<> annotate(ObjectStore& store, const ObjectKey& pod, bool is_in_rotation) {
    json::Object annotations;
    annotations[rotation_annotation] = is_in_rotation ? json::Value("true") : json::Value(nullptr);
    const json::Object patch{{"metadata", json::Object{{"annotations", std::move(annotations)}}}};
    auto patched = store.patch(pod, PatchKind::merge, patch);
    if (!patched && patched.error().kind != ErrorKind::not_found) {
        return std::unexpected(std::move(patched.error()).within(to_string(pod)));
    }
    return {};
}

}  // namespace

// Everything but a route's weights: one turn reads all objects. Its only key is the class.
class HaproxyGateway::TableReconciler : public Reconciler {
public:
    explicit TableReconciler(HaproxyGateway& gateway) : gateway_(gateway) {}
    std::string_view name() const override { return "gateway"; }
    std::vector<Trigger> triggers() const override {
        std::vector<Trigger> triggers;
        std::vector<const ResourceType*> types{
            &types::gateway_class(), &types::gateway(), &types::service(), &types::pod()};
        if (!gateway_.settings_.is_in_cluster) types.push_back(&types::secret());
        for (const ResourceType* type : types) {
            triggers.push_back({type, [](const Object&) { return std::vector{class_key()}; }});
        }
        return triggers;
    }
    Result<CallAgain> reconcile(const ObjectKey&) override {
        SERIN_TRY_DO(gateway_.serve_all());
        const bool must_look_again = gateway_.settings_.is_in_cluster && gateway_.has_certificates_;
        return must_look_again ? CallAgain(secrets_every) : CallAgain();
    }

private:
    HaproxyGateway& gateway_;
};

class HaproxyGateway::RouteReconciler : public Reconciler {
public:
    explicit RouteReconciler(HaproxyGateway& gateway) : gateway_(gateway) {}
    std::string_view name() const override { return "gateway-route"; }
    std::vector<Trigger> triggers() const override { return {on_change_of(types::http_route())}; }
    Result<CallAgain> reconcile(const ObjectKey& key) override {
        SERIN_TRY_DO(gateway_.serve_route(key));
        return CallAgain{};
    }

private:
    HaproxyGateway& gateway_;
};

HaproxyGateway::HaproxyGateway(
    EventLoop& loop, ObjectStore& store, OutcomeSink& sink, GatewaySettings settings)
    : loop_(loop),
      store_(store),
      settings_(std::move(settings)),
      orders_(
          std::make_unique<CopyOrders>(loop, settings_.state_dir, [this] { on_orders_change(); })),
      data_plane_(std::make_unique<DataPlane>(
          loop,
          DataPlane::Settings{.folder = settings_.state_dir, .binary = settings_.haproxy_binary},
          sink,
          [this] { on_data_plane_change(); })),
      table_reconciler_(std::make_unique<TableReconciler>(*this)),
      route_reconciler_(std::make_unique<RouteReconciler>(*this)) {}

HaproxyGateway::~HaproxyGateway() = default;

Result<> HaproxyGateway::start() {
    if (settings_.state_dir.size() > 80) {
        return fail(ErrorKind::invalid, "the gateway's state folder has too long a path");
    }
    data_plane_->start();
    return write_class();
}

std::vector<Reconciler*> HaproxyGateway::reconcilers() {
    return {table_reconciler_.get(), route_reconciler_.get()};
}

RequestCopies& HaproxyGateway::copies() {
    return *orders_;
}

void HaproxyGateway::detach() {
    retry_.reset();
    orders_retry_.reset();
    data_plane_.reset();
}

void HaproxyGateway::shut_down(Duration patience) {
    if (!data_plane_) return;
    data_plane_->shut_down(patience);
    for (const auto& [identity, pod] : table_.pods) {
        if (!pod.is_in_rotation || settings_.is_in_cluster) continue;
        if (const auto done = annotate(store_, pod_key(identity), false); !done) {
            log::warning("rotation_not_ended", {{"error", done.error().message}});
        }
    }
    detach();
}

int HaproxyGateway::haproxy_pid() const {
    return data_plane_ ? data_plane_->pid() : 0;
}

bool HaproxyGateway::is_serving() const {
    if (!has_table_ || !data_plane_) return false;
    return table_.frontends.empty() || data_plane_->is_up();
}

Result<World> HaproxyGateway::read_world() const {
    const auto list = [this](const ResourceType& type, std::vector<Object>& into) -> Result<> {
        SERIN_TRY(ObjectList found, store_.list({.type = &type}));
        into = std::move(found.items);
        return {};
    };
    World world{
        .refused = refused_,
        .wishes = orders_->wishes(),
        .default_address = settings_.default_address};
    SERIN_TRY_DO(list(types::gateway(), world.gateways));
    SERIN_TRY_DO(list(types::http_route(), world.routes));
    SERIN_TRY_DO(list(types::service(), world.services));
    SERIN_TRY_DO(list(types::pod(), world.pods));
    if (settings_.is_in_cluster) {
        SERIN_TRY_DO(read_secrets(world));
    } else {
        SERIN_TRY_DO(list(types::secret(), world.secrets));
    }
    return world;
}

// One that may not be read is one that is not there: the listener's status says so.
Result<> HaproxyGateway::read_secrets(World& world) const {
    std::set<ObjectKey> keys;
    for (const Object& gateway : world.gateways) {
        if (gateway.text("/spec/gatewayClassName") != class_name) continue;
        for (ObjectKey& key : certificate_keys(gateway)) keys.insert(std::move(key));
    }
    for (const ObjectKey& key : keys) {
        Result<Object> secret = store_.get(key);
        if (secret) {
            world.secrets.push_back(*std::move(secret));
            continue;
        }
        const ErrorKind kind = secret.error().kind;
        if (kind == ErrorKind::not_found) continue;
        if (kind != ErrorKind::denied) return std::unexpected(std::move(secret).error());
        log::warning("secret_denied", {{"error", secret.error().message}});
    }
    return {};
}

Result<> HaproxyGateway::serve_all() {
    SERIN_TRY_DO(write_class());
    SERIN_TRY(const World world, read_world());
    has_certificates_ = std::ranges::any_of(
        world.gateways, [](const Object& gateway) { return !certificate_keys(gateway).empty(); });
    table_ = build_table(world);
    orders_->follow(table_);
    has_table_ = true;
    // Whoever stops a pod must know that requests can reach it, before they can.
    const Result<> announced = put_in_rotation();
    data_plane_->follow(table_, splits_of(table_));
    if (note_refusal()) return serve_all();
    SERIN_TRY_DO(announced);
    SERIN_TRY_DO(take_out_of_rotation());
    if (settings_.peers) {
        const auto keys = table_.routes | std::views::keys;
        settings_.peers->keep_only({keys.begin(), keys.end()});
    }
    for (const Object& route : world.routes) {
        if (!table_.routes.contains(route.key())) SERIN_TRY_DO(forget_route(route));
    }
    if (settings_.is_in_cluster) return write_statuses();
    for (const Object& service : world.services) {
        if (!table_.services.contains(service.key())) SERIN_TRY_DO(forget_service(service));
    }
    return write_statuses();
}

Result<> HaproxyGateway::forget_service(const Object& service) {
    const json::Value* status = service.find("/status");
    if (status == nullptr || json::find(*status, "/conditions") == nullptr) return {};
    return write_status(service, service_status(*status, nullptr, std::nullopt, loop_.now()));
}

// Takes our report out of a route that has no Gateway of ours any more.
Result<> HaproxyGateway::forget_route(const Object& route) {
    const json::Value* status = route.find("/status");
    if (status == nullptr || json::find(*status, "/parents") == nullptr) return {};
    return write_status(route, route_status(*status, {}, std::nullopt, loop_.now()));
}

// A change of weights alone needs neither the other objects nor a new table.
Result<> HaproxyGateway::serve_route(const ObjectKey& key) {
    const Result<Object> route = store_.get(key);
    const auto known = table_.specs.find(key);
    if (!has_table_ || !route || known == table_.specs.end()) return serve_all();
    RouteSpec spec = read_route(*route);
    if (spec.problem || !differ_in_weights_only(spec, known->second)) return serve_all();

    RouteReport& report = table_.routes.at(key);
    for (std::size_t i = 0; i < spec.rules.size(); ++i) {
        TableRule& rule = table_.rules.at(report.rules[i]);
        for (std::size_t k = 0; k < rule.targets.size(); ++k) {
            rule.targets[k].weight = spec.rules[i].refs[k].weight;
        }
        rule.rule = spec.rules[i];
        if (!rule.rule.redirect) data_plane_->follow_split(rule.id, split_of(rule, table_));
    }
    known->second = std::move(spec);
    report.generation = route->generation();
    return write_route_status(key);
}

Result<> HaproxyGateway::put_in_rotation() {
    if (settings_.is_in_cluster) return {};
    Result<> outcome;
    for (auto& [name, backend] : table_.backends) {
        for (auto item = backend.endpoints.begin(); item != backend.endpoints.end();) {
            const std::string identity = pod_identity(backend.ns, item->first);
            PodState& pod = table_.pods.at(identity);
            if (!pod.is_in_rotation) {
                const Result<> done = annotate(store_, pod_key(identity), true);
                pod.is_in_rotation = done.has_value();
                if (!done) outcome = done;
            }
            item = pod.is_in_rotation ? std::next(item) : backend.endpoints.erase(item);
        }
    }
    return outcome;
}

Result<> HaproxyGateway::take_out_of_rotation() {
    if (settings_.is_in_cluster) return {};
    std::set<std::string> in_use = data_plane_->pods_in_use();
    for (const auto& [name, backend] : table_.backends) {
        for (const auto& [server, endpoint] : backend.endpoints) {
            in_use.insert(pod_identity(backend.ns, server));
        }
    }
    for (auto& [identity, pod] : table_.pods) {
        if (!pod.is_in_rotation || in_use.contains(identity)) continue;
        SERIN_TRY_DO(annotate(store_, pod_key(identity), false));
        pod.is_in_rotation = false;
    }
    return {};
}

void HaproxyGateway::on_data_plane_change() {
    if (!has_table_) return;
    Result<> done = note_refusal() ? serve_all() : take_out_of_rotation();
    if (done) done = write_statuses();
    if (done) return;
    // Mostly somebody else's write to the same object: read again.
    log::debug("gateway_retry", {{"error", done.error().message}});
    retry_ = loop_.after(Duration(20), [this] { on_data_plane_change(); });
}

void HaproxyGateway::on_orders_change() {
    if (!has_table_ || !data_plane_) return;
    if (serve_all()) return;
    orders_retry_ = loop_.after(Duration(20), [this] { on_orders_change(); });
}

// A route that HAProxy refuses must not keep the others from being served.
bool HaproxyGateway::note_refusal() {
    const std::string rule = data_plane_->refused_rule();
    if (rule.empty()) return false;
    const ObjectKey key = route_key(rule);
    const auto report = table_.routes.find(key);
    if (report == table_.routes.end()) return false;
    const World::Refusal refusal{
        .generation = report->second.generation, .message = data_plane_->trouble()};
    const auto known = refused_.find(key);
    if (known != refused_.end() && known->second.generation == refusal.generation) return false;
    refused_[key] = refusal;
    return true;
}

std::optional<InForce> HaproxyGateway::in_force_of(const RouteReport& report) const {
    if (!data_plane_->is_up()) {
        const std::string& trouble = data_plane_->trouble();
        return InForce{
            .is_true = false,
            .reason = "DataPlaneDown",
            .message = trouble.empty() ? "HAProxy is being started" : trouble};
    }
    InForce in_force{.is_true = true, .reason = "InForce"};
    json::Array splits;
    for (const std::string& id : report.rules) {
        const TableRule& rule = table_.rules.at(id);
        json::Object split;
        if (!rule.rule.redirect) {
            if (!data_plane_->confirms(id)) return std::nullopt;
            const auto targets = servable_targets(rule.targets, table_.backends);
            for (const Target& target : targets) {
                json::Value& weight = split[target.service];
                weight = json::integer(&weight).value_or(0) + target.weight;
                const auto backend = table_.backends.find(target.backend);
                const bool has_no_endpoint =
                    backend == table_.backends.end() || backend->second.endpoints.empty();
                if (target.weight > 0 && has_no_endpoint) in_force.reason = "NoEndpoints";
            }
            if (targets != rule.targets) in_force.reason = "NoEndpoints";
        }
        splits.push_back(std::move(split));
    }
    in_force.message = json::print(splits);
    return in_force;
}

// Which revisions get the requests of a Service, as soon as the processes do what its selector
// says.
std::optional<InForce> HaproxyGateway::in_force_of(const ServiceReport& report) const {
    std::set<std::string> revisions;
    for (const std::string& name : report.backends) {
        const Backend& backend = table_.backends.at(name);
        if (data_plane_->is_up() && !data_plane_->confirms(backend)) return std::nullopt;
        for (const auto& [server, endpoint] : backend.endpoints) {
            revisions.insert(server.substr(0, server.find(':')));
        }
    }
    json::Array names;
    for (const std::string& revision : revisions) names.push_back(json::string(revision));
    const bool is_up = data_plane_->is_up();
    return InForce{
        .is_true = is_up,
        .reason = is_up ? (revisions.empty() ? "NoEndpoints" : "InForce") : "DataPlaneDown",
        .message = json::print(names)};
}

Result<> HaproxyGateway::write_class() {
    const ObjectKey key = class_key();
    Result<Object> found = store_.get(key);
    if (!found && found.error().kind == ErrorKind::not_found) {
        if (settings_.is_in_cluster) return {};
        Object object(*key.type, "", key.name);
        object.put("/spec/controllerName", json::string(controller_name));
        found = store_.create(std::move(object));
    }
    if (!found) return std::unexpected(found.error());
    if (found->text("/spec/controllerName") != controller_name) return {};
    static const json::Value nothing = json::Object{};
    const json::Value* status = found->find("/status");
    return write_status(
        *found,
        class_status(status == nullptr ? nothing : *status, found->generation(), loop_.now()));
}

Result<> HaproxyGateway::write_statuses() {
    Result<> outcome;
    for (const GatewayReport& report : table_.gateways) {
        Result<Object> object = store_.get(report.key);
        if (!object) continue;  // Removed since; its event is on the way.
        const json::Value* status = object->find("/status");
        const json::Value before = status == nullptr ? json::Value(json::Object{}) : *status;
        const bool is_up = data_plane_->is_up();
        const std::string trouble = is_up || !data_plane_->trouble().empty()
                                        ? data_plane_->trouble()
                                        : "HAProxy is being started";
        const auto done = write_status(
            *object, gateway_status(before, report, data_plane_->unbound(), trouble, loop_.now()));
        if (!done) outcome = done;
    }
    for (const auto& [key, report] : table_.routes) {
        if (const auto done = write_route_status(key); !done) outcome = done;
    }
    if (settings_.is_in_cluster) return outcome;
    for (const auto& [key, report] : table_.services) {
        if (const auto done = write_service_status(key); !done) outcome = done;
    }
    return outcome;
}

Result<> HaproxyGateway::write_service_status(const ObjectKey& key) {
    const ServiceReport& report = table_.services.at(key);
    const Result<Object> object = store_.get(key);
    // A newer version is reported by the turn that its event asks for.
    if (!object || object->generation() != report.generation) return {};
    const json::Value* status = object->find("/status");
    const json::Value before = status == nullptr ? json::Value(json::Object{}) : *status;
    return write_status(*object, service_status(before, &report, in_force_of(report), loop_.now()));
}

Result<> HaproxyGateway::write_route_status(const ObjectKey& key) {
    const RouteReport& report = table_.routes.at(key);
    const Result<Object> object = store_.get(key);
    if (!object) return {};
    // A newer version is reported by the turn that its event asks for.
    if (object->generation() != report.generation) return {};
    std::optional<InForce> in_force = in_force_of(report);
    if (in_force && settings_.peers) {
        settings_.peers->tell(key, report.generation, *in_force);
        if (!settings_.peers->agree(key, report.generation, *in_force)) in_force.reset();
    }
    const json::Value* status = object->find("/status");
    const json::Value before = status == nullptr ? json::Value(json::Object{}) : *status;
    return write_status(*object, route_status(before, report, in_force, loop_.now()));
}

void HaproxyGateway::report() {
    on_data_plane_change();
}

Result<> HaproxyGateway::write_status(Object object, json::Value status) {
    if (settings_.peers && !settings_.peers->speaks()) return {};
    const json::Value* current = object.find("/status");
    if (current != nullptr && json::same(*current, status)) return {};
    object.put("/status", std::move(status));
    const auto written = store_.update(std::move(object), Part::status);
    if (!written && written.error().kind != ErrorKind::not_found) {
        return std::unexpected(written.error());
    }
    return {};
}

}  // namespace serin::gateway
