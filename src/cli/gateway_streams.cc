#include "cli/gateway_streams.h"

#include "server/exposition.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <utility>

namespace serin::cli {

namespace {

constexpr Duration look_every{500};
constexpr std::string_view port_name = "outcomes";
constexpr int default_port = 8091;

kubernetes::StoreSettings pod_settings(const std::string& ns) {
    kubernetes::StoreSettings settings;
    settings.followed.push_back(
        {.type = &types::pod(),
         .labels = LabelSelector::equal_to({{"app.kubernetes.io/name", "serin-gateway"}})});
    settings.namespaces = {ns};
    return settings;
}

std::string read_token(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
}

std::int64_t port_of(const Object& pod) {
    const json::Array* ports = json::array(pod.find("/spec/containers/0/ports"));
    if (ports == nullptr) return default_port;
    for (const json::Value& port : *ports) {
        if (json::text(json::find(port, "/name")) != port_name) continue;
        return json::integer(json::find(port, "/containerPort")).value_or(default_port);
    }
    return default_port;
}

std::string url_of(const Object& pod) {
    const std::string_view address = pod.text("/status/podIP");
    const bool is_v6 = address.contains(':');
    return fmt::format(
        "http://{}{}{}:{}", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port_of(pod));
}

bool is_ready(const Object& pod) {
    const json::Array* conditions = json::array(pod.find("/status/conditions"));
    if (conditions == nullptr) return false;
    for (const json::Value& condition : *conditions) {
        if (json::text(json::find(condition, "/type")) != "Ready") continue;
        return json::text(json::find(condition, "/status")) == "True";
    }
    return false;
}

}  // namespace

GatewayStreams::GatewayStreams(
    kubernetes::Api& api,
    HttpClient& http,
    OutcomeSink& sink,
    const std::string& ns,
    std::string token_file)
    : loop_(api.loop()),
      pods_(api, pod_settings(ns)),
      reader_(loop_, http, sink, [path = std::move(token_file)] { return read_token(path); }) {}

void GatewayStreams::start() {
    pods_.start([] {});
}

void GatewayStreams::read() {
    if (std::exchange(is_reading_, true)) return;
    began_ = loop_.now();
    tick();
}

// One that is not ready takes no requests; one that was, is read until it is gone.
void GatewayStreams::tick() {
    timer_ = loop_.after(look_every, [this] { tick(); });
    if (!pods_.is_synced()) return;
    const auto pods = pods_.list({.type = &types::pod()});
    if (!pods) return;
    std::map<std::string, stream::StreamSource> sources;
    for (const Object& pod : pods->items) {
        const std::string uid(pod.uid());
        const bool has_ended =
            pod.text("/status/phase") == "Succeeded" || pod.text("/status/phase") == "Failed";
        if (has_ended || pod.text("/status/podIP").empty()) continue;
        if (!is_ready(pod) && !reader_.follows(uid)) continue;
        sources[uid] = {.name = std::string(pod.name()), .url = url_of(pod)};
    }
    reader_.follow(sources);
}

std::string GatewayStreams::trouble() const {
    if (!is_reading_ || loop_.now() < began_ + grace) return "";
    return reader_.trouble(grace);
}

void GatewayStreams::add_metrics(server::Exposition& out) const {
    using Kind = server::Exposition::Kind;
    for (const auto& source : reader_.sources()) {
        out.add(
            "serin_outcome_streams",
            Kind::gauge,
            "1 while a gateway streams the outcomes of its requests to this process.",
            source.is_streaming ? 1 : 0,
            {{"gateway", source.name}});
    }
    out.add(
        "serin_outcomes_total",
        Kind::counter,
        "Requests whose outcome has reached this process.",
        static_cast<double>(reader_.outcomes()));
    out.add(
        "serin_outcomes_lost_total",
        Kind::counter,
        "Requests of gateways whose outcome has not; at least one for each that ended unheard.",
        static_cast<double>(reader_.lost()));
}

}  // namespace serin::cli
