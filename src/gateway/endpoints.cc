#include "gateway/endpoints.h"

#include "gateway/build_table.h"
#include "gateway/text.h"
#include "ports/selector.h"

namespace serin::gateway {
namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";

std::string index_key(std::string_view ns, std::string_view label, std::string_view value) {
    return std::string(ns) + "/" + std::string(label) + "=" + std::string(value);
}

std::map<std::string, std::string> selector_of(const Object& service) {
    std::map<std::string, std::string> selector;
    if (const json::Object* written = json::object(service.find("/spec/selector"))) {
        for (const auto& [label, value] : *written) {
            selector[std::string(label)] = json::text(&value).value_or("");
        }
    }
    return selector;
}

int to_port(std::int64_t number) {
    return number >= 1 && number <= 65535 ? static_cast<int>(number) : 0;
}

// The Service port entry for `port`, or null.
const json::Value* find_port(const Object& service, int port) {
    const json::Array* ports = json::array(service.find("/spec/ports"));
    if (ports == nullptr) return nullptr;
    if (port == 0) return ports->size() == 1 ? &ports->front() : nullptr;
    for (const json::Value& item : *ports) {
        if (json::integer(json::find(item, "/port")) == port) return &item;
    }
    return nullptr;
}

}  // namespace

std::string server_name(const Object& pod) {
    const auto of_deployment = pod.label("pod-template-hash").value_or("");
    return std::string(pod.label(hash_label).value_or(of_deployment)) + ":" +
           std::string(pod.name());
}

int port_in_pod(const Object& pod, const json::Value& target) {
    std::int64_t declared = json::integer(&target).value_or(0);
    if (const auto name = json::text(&target)) {
        const json::Array* containers = json::array(pod.find("/spec/containers"));
        if (containers == nullptr) return 0;
        for (const json::Value& container : *containers) {
            const json::Array* ports = json::array(json::find(container, "/ports"));
            if (ports == nullptr) continue;
            for (const json::Value& port : *ports) {
                if (json::text(json::find(port, "/name")) == *name) {
                    declared = json::integer(json::find(port, "/containerPort")).value_or(0);
                }
            }
        }
    }
    if (const auto annotation = pod.annotation("serin.dev/ports")) {
        const Result<json::Value> ports = json::parse(*annotation);
        if (!ports) return 0;
        if (const auto actual = json::integer(json::find(*ports, "/" + std::to_string(declared)))) {
            return to_port(*actual);
        }
    }
    return to_port(declared);
}

ServiceIndex::ServiceIndex(const std::vector<Object>& services, const std::vector<Object>& pods) {
    for (const Object& service : services) services_[service.key()] = &service;
    for (const Object& pod : pods) {
        if (!may_serve(pod)) continue;
        for (const auto& [label, value] : pod.labels()) {
            pods_[index_key(pod.ns(), label, value)].push_back(&pod);
        }
    }
}

Result<Backend> ServiceIndex::resolve(
    const std::string& ns, const std::string& service, int port) const {
    return resolve(ns, service, port, std::nullopt);
}

Result<std::map<std::string, Endpoint>> ServiceIndex::pods_of_revision(
    const std::string& ns,
    const std::string& service,
    int port,
    const std::string& revision) const {
    SERIN_TRY(Backend backend, resolve(ns, service, port, revision));
    return std::move(backend.endpoints);
}

Result<Backend> ServiceIndex::resolve(
    const std::string& ns,
    const std::string& service,
    int port,
    const std::optional<std::string>& revision) const {
    const auto found = services_.find({.type = &types::service(), .ns = ns, .name = service});
    if (found == services_.end()) {
        return fail(ErrorKind::not_found, "no Service \"" + service + "\"");
    }
    const json::Value* entry = find_port(*found->second, port);
    if (entry == nullptr) {
        return fail(
            ErrorKind::not_found,
            port == 0 ? "Service \"" + service + "\" has not exactly one port: name one"
                      : "Service \"" + service + "\" has no port " + std::to_string(port));
    }
    const int number = to_port(json::integer(json::find(*entry, "/port")).value_or(0));
    if (number == 0 || !is_dns_name(service) || !is_dns_name(ns)) {
        return fail(ErrorKind::not_found, "Service \"" + service + "\": bad name or port");
    }
    Backend backend{
        .name = ns + "." + service + "." + std::to_string(number), .ns = ns, .service = service};
    const json::Value* named_target = json::find(*entry, "/targetPort");
    const json::Value target = named_target == nullptr ? json::Value(number) : *named_target;
    std::map<std::string, std::string> selector = selector_of(*found->second);
    if (revision) selector[std::string(hash_label)] = *revision;
    for (const Object* pod : select_pods(ns, selector)) {
        Endpoint endpoint{
            .server = server_name(*pod),
            .pod = std::string(pod->name()),
            .address = std::string(pod->text("/status/podIP")),
            .port = port_in_pod(*pod, target)};
        if (endpoint.port == 0 || !is_server_name(endpoint.server)) continue;
        backend.endpoints[endpoint.server] = std::move(endpoint);
    }
    return backend;
}

std::vector<const Object*> ServiceIndex::select_pods(
    const std::string& ns, const std::map<std::string, std::string>& selector) const {
    // The rarest label first: the pod-template hash leaves few pods to look at.
    const std::vector<const Object*>* fewest = nullptr;
    for (const auto& [label, value] : selector) {
        const auto found = pods_.find(index_key(ns, label, value));
        if (found == pods_.end()) return {};
        if (fewest == nullptr || found->second.size() < fewest->size()) fewest = &found->second;
    }
    if (fewest == nullptr) return {};  // A Service without a selector has no pods.

    const LabelSelector matcher = LabelSelector::equal_to(selector);
    std::vector<const Object*> selected;
    for (const Object* pod : *fewest) {
        if (matcher.matches(pod->labels())) selected.push_back(pod);
    }
    return selected;
}

}  // namespace serin::gateway
