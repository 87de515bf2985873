#include "manifest/defaults.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace serin::manifest {

namespace {

json::Object* object_in(json::Object& parent, std::string_view name) {
    json::Value* value = parent.if_contains(name);
    return value ? value->if_object() : nullptr;
}

json::Array* list_in(json::Object& parent, std::string_view name) {
    json::Value* value = parent.if_contains(name);
    return value ? value->if_array() : nullptr;
}

void set_default(json::Object& object, std::string_view name, json::Value value) {
    json::Value* found = object.if_contains(name);
    if (!found || found->is_null()) object[name] = std::move(value);
}

// Calls `task` for each object in the list, if there is one.
template <class Task>
void for_each_in(json::Object& parent, std::string_view name, Task task) {
    json::Array* items = list_in(parent, name);
    if (!items) return;
    for (json::Value& item : *items) {
        if (json::Object* object = item.if_object()) task(*object);
    }
}

std::string encode_base64(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        std::array<unsigned, 3> bytes{};
        const std::size_t count = std::min<std::size_t>(3, text.size() - i);
        for (std::size_t j = 0; j < count; ++j) {
            bytes[j] = static_cast<unsigned char>(text[i + j]);
        }
        const unsigned bits = bytes[0] << 16U | bytes[1] << 8U | bytes[2];
        out += alphabet[bits >> 18U];
        out += alphabet[bits >> 12U & 63U];
        out += count > 1 ? alphabet[bits >> 6U & 63U] : '=';
        out += count > 2 ? alphabet[bits & 63U] : '=';
    }
    return out;
}

void default_secret(json::Object& secret) {
    set_default(secret, "type", "Opaque");
    json::Object* texts = object_in(secret, "stringData");
    if (!texts) return;
    set_default(secret, "data", json::Object());
    json::Object* data = object_in(secret, "data");
    texts = object_in(secret, "stringData");  // Adding a member moves the others.
    if (!data) return;
    for (const auto& member : *texts) {
        const auto text = json::text(&member.value());
        if (text) (*data)[member.key()] = encode_base64(*text);
    }
    secret.erase("stringData");
}

void default_service(json::Object& spec) {
    set_default(spec, "type", "ClusterIP");
    set_default(spec, "sessionAffinity", "None");
    for_each_in(spec, "ports", [](json::Object& port) {
        set_default(port, "protocol", "TCP");
        if (const json::Value* number = port.if_contains("port")) {
            set_default(port, "targetPort", json::Value(*number));
        }
    });
}

void default_http_get(json::Object& parent) {
    if (json::Object* call = object_in(parent, "httpGet")) {
        set_default(*call, "path", "/");
        set_default(*call, "scheme", "HTTP");
    }
}

void default_container(json::Object& container) {
    for_each_in(
        container, "ports", [](json::Object& port) { set_default(port, "protocol", "TCP"); });
    for (const char* name : {"readinessProbe", "livenessProbe", "startupProbe"}) {
        json::Object* probe = object_in(container, name);
        if (!probe) continue;
        default_http_get(*probe);
        set_default(*probe, "timeoutSeconds", 1);
        set_default(*probe, "periodSeconds", 10);
        set_default(*probe, "successThreshold", 1);
        set_default(*probe, "failureThreshold", 3);
    }
    if (json::Object* hooks = object_in(container, "lifecycle")) {
        if (json::Object* hook = object_in(*hooks, "preStop")) default_http_get(*hook);
    }
}

void default_pod(json::Object& spec) {
    set_default(spec, "restartPolicy", "Always");
    set_default(spec, "terminationGracePeriodSeconds", 30);
    for_each_in(spec, "containers", default_container);
    for_each_in(spec, "initContainers", default_container);
}

void default_deployment(json::Object& spec) {
    set_default(spec, "replicas", 1);
    set_default(spec, "revisionHistoryLimit", 10);
    set_default(spec, "progressDeadlineSeconds", 600);
    set_default(spec, "strategy", json::Object());
    json::Object* strategy = object_in(spec, "strategy");
    if (!strategy) return;
    set_default(*strategy, "type", "RollingUpdate");
    if (json::text(strategy->if_contains("type")) != "RollingUpdate") return;
    set_default(*strategy, "rollingUpdate", json::Object());
    json::Object* rolling = object_in(*strategy, "rollingUpdate");
    if (!rolling) return;
    set_default(*rolling, "maxSurge", "25%");
    set_default(*rolling, "maxUnavailable", "25%");
}

}  // namespace

void apply_defaults(Object& object) {
    const ResourceType* type = object.type();
    if (!type) return;
    if (type == &types::secret()) return default_secret(object.document());
    json::Object* spec = object_in(object.document(), "spec");
    if (!spec) return;
    if (type == &types::service()) default_service(*spec);
    if (type == &types::pod()) default_pod(*spec);
    if (type == &types::replica_set()) set_default(*spec, "replicas", 1);
    if (type == &types::deployment()) default_deployment(*spec);
}

}  // namespace serin::manifest
