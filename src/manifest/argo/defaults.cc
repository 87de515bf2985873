#include "manifest/argo/defaults.h"

#include "manifest/argo/hash.h"

#include <cctype>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace serin::argo {

namespace {

using Change = void (*)(json::Object&);

// Kubernetes' types leave out what is null or an empty list.
void drop_nothings(json::Value& value) {
    if (json::Array* array = value.if_array()) {
        for (json::Value& item : *array) drop_nothings(item);
        return;
    }
    json::Object* object = value.if_object();
    if (!object) return;
    for (auto member = object->begin(); member != object->end();) {
        drop_nothings(member->value());
        const json::Array* array = member->value().if_array();
        const bool is_nothing = member->value().is_null() || (array && array->empty());
        member = is_nothing ? object->erase(member) : member + 1;
    }
}

void fill(json::Object& object, std::string_view name, json::Value value) {
    if (!object.contains(name)) object[name] = std::move(value);
}

// Fields that are left out when they are zero: absent and zero are one.
void drop_zero(json::Object& object, std::string_view name) {
    const json::Value* value = object.if_contains(name);
    if (!value) return;
    if (json::text(value) == "" || json::integer(value) == 0 || json::boolean(value) == false) {
        object.erase(name);
    }
}

void drop_empty_object(json::Object& object, std::string_view name) {
    const json::Object* found = json::object(object.if_contains(name));
    if (found && found->empty()) object.erase(name);
}

void each(json::Object& object, std::string_view list, Change change) {
    json::Value* value = object.if_contains(list);
    json::Array* array = value ? value->if_array() : nullptr;
    if (!array) return;
    for (json::Value& item : *array) {
        if (json::Object* one = item.if_object()) change(*one);
    }
}

void within(
    json::Object& object, std::string_view name, const std::function<void(json::Object&)>& change) {
    json::Value* value = object.if_contains(name);
    if (json::Object* found = value ? value->if_object() : nullptr) change(*found);
}

struct Suffix {
    std::string_view text;
    int twos = 0;
    int tens = 0;
};

std::optional<Suffix> suffix_of(std::string_view text) {
    static constexpr Suffix known[] = {
        {"", 0, 0},
        {"n", 0, -9},
        {"u", 0, -6},
        {"m", 0, -3},
        {"k", 0, 3},
        {"M", 0, 6},
        {"G", 0, 9},
        {"T", 0, 12},
        {"P", 0, 15},
        {"E", 0, 18},
        {"Ki", 10, 0},
        {"Mi", 20, 0},
        {"Gi", 30, 0},
        {"Ti", 40, 0},
        {"Pi", 50, 0},
        {"Ei", 60, 0}};
    for (const Suffix& one : known) {
        if (one.text == text) return one;
    }
    return std::nullopt;
}

// A quantity as m * 2^a * 5^b, with neither 2 nor 5 in m: one text for each number. Empty for what
// is none, or has more digits than fit.
std::string canonical_quantity(std::string_view text) {
    std::uint64_t digits = 0;
    int count = 0;
    int fraction = 0;
    bool is_fraction = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        if (std::isdigit(static_cast<unsigned char>(c)) == 0) break;
        digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
        if (is_fraction) ++fraction;
        if (++count > 18) return {};
    }
    const auto suffix = suffix_of(text.substr(at));
    if (count == 0 || !suffix) return {};
    if (digits == 0) return "0";
    int twos = suffix->twos + suffix->tens - fraction;
    int fives = suffix->tens - fraction;
    for (; digits % 2 == 0; digits /= 2) ++twos;
    for (; digits % 5 == 0; digits /= 5) ++fives;
    return std::to_string(digits) + "*2^" + std::to_string(twos) + "*5^" + std::to_string(fives);
}

void complete_quantity(json::Value& value) {
    const auto text = json::text(&value);
    const std::string canonical =
        canonical_quantity(text ? std::string(*text) : json::print(value));
    if (!canonical.empty()) value = json::string(canonical);
}

void complete_quantities(json::Object& quantities) {
    for (auto& member : quantities) complete_quantity(member.value());
}

void complete_resources(json::Object& resources) {
    within(resources, "limits", complete_quantities);
    within(resources, "requests", complete_quantities);
    drop_empty_object(resources, "limits");
    drop_empty_object(resources, "requests");
}

void complete_http_get(json::Object& get) {
    drop_zero(get, "path");
    fill(get, "path", "/");
    drop_zero(get, "scheme");
    fill(get, "scheme", "HTTP");
    drop_zero(get, "host");
}

void complete_probe(json::Object& probe) {
    const std::pair<std::string_view, int> defaults[] = {
        {"timeoutSeconds", 1},
        {"periodSeconds", 10},
        {"successThreshold", 1},
        {"failureThreshold", 3}};
    for (const auto& [name, value] : defaults) {
        drop_zero(probe, name);
        fill(probe, name, value);
    }
    drop_zero(probe, "initialDelaySeconds");
    within(probe, "httpGet", complete_http_get);
    within(probe, "tcpSocket", [](json::Object& socket) { drop_zero(socket, "host"); });
    within(probe, "grpc", [](json::Object& grpc) { fill(grpc, "service", ""); });
}

void complete_field_ref(json::Object& ref) {
    drop_zero(ref, "apiVersion");
    fill(ref, "apiVersion", "v1");
}

void complete_resource_ref(json::Object& ref) {
    drop_zero(ref, "containerName");
    fill(ref, "divisor", "0");
    complete_quantity(ref["divisor"]);
}

void complete_variable(json::Object& variable) {
    drop_zero(variable, "value");
    within(variable, "valueFrom", [](json::Object& source) {
        within(source, "fieldRef", complete_field_ref);
        within(source, "resourceFieldRef", complete_resource_ref);
    });
}

void complete_port(json::Object& port) {
    drop_zero(port, "protocol");
    fill(port, "protocol", "TCP");
    for (const char* name : {"name", "hostIP", "hostPort"}) drop_zero(port, name);
}

// Always for what may be another image tomorrow.
std::string_view pull_policy(std::string_view image) {
    if (image.find('@') != std::string_view::npos) return "IfNotPresent";
    const std::size_t slash = image.rfind('/');
    const std::string_view last = slash == std::string_view::npos ? image : image.substr(slash + 1);
    const std::size_t colon = last.find(':');
    const bool is_latest = colon == std::string_view::npos || last.substr(colon + 1) == "latest";
    return is_latest ? "Always" : "IfNotPresent";
}

void complete_security(json::Object& security) {
    if (json::text(security.if_contains("procMount")) == "Default") security.erase("procMount");
}

void complete_container(json::Object& container) {
    drop_zero(container, "imagePullPolicy");
    const std::string image(json::text(container.if_contains("image")).value_or(""));
    fill(container, "imagePullPolicy", json::string(pull_policy(image)));
    drop_zero(container, "terminationMessagePath");
    fill(container, "terminationMessagePath", "/dev/termination-log");
    drop_zero(container, "terminationMessagePolicy");
    fill(container, "terminationMessagePolicy", "File");
    fill(container, "resources", json::Object());
    within(container, "resources", complete_resources);
    for (const char* name : {"stdin", "stdinOnce", "tty", "workingDir"}) drop_zero(container, name);
    each(container, "env", complete_variable);
    each(container, "envFrom", [](json::Object& from) { drop_zero(from, "prefix"); });
    each(container, "ports", complete_port);
    each(container, "volumeMounts", [](json::Object& mount) {
        for (const char* name : {"readOnly", "subPath", "subPathExpr"}) drop_zero(mount, name);
    });
    for (const char* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
        within(container, name, complete_probe);
    }
    within(container, "lifecycle", [](json::Object& lifecycle) {
        for (const char* name : {"postStart", "preStop"}) {
            within(lifecycle, name, [](json::Object& hook) {
                within(hook, "httpGet", complete_http_get);
            });
        }
    });
    within(container, "securityContext", complete_security);
}

void complete_downward_item(json::Object& item) {
    within(item, "fieldRef", complete_field_ref);
    within(item, "resourceFieldRef", complete_resource_ref);
}

void complete_projection(json::Object& source) {
    within(source, "serviceAccountToken", [](json::Object& token) {
        drop_zero(token, "audience");
        fill(token, "expirationSeconds", 3600);
    });
    within(source, "downwardAPI", [](json::Object& api) {
        each(api, "items", complete_downward_item);
    });
}

void complete_volume(json::Object& volume) {
    if (volume.size() == 1 && volume.contains("name")) volume["emptyDir"] = json::Object();
    constexpr int usual_mode = 0644;
    for (const char* name : {"secret", "configMap", "downwardAPI", "projected"}) {
        within(volume, name, [](json::Object& source) { fill(source, "defaultMode", usual_mode); });
    }
    within(volume, "downwardAPI", [](json::Object& api) {
        each(api, "items", complete_downward_item);
    });
    within(volume, "projected", [](json::Object& projected) {
        each(projected, "sources", complete_projection);
    });
    within(volume, "hostPath", [](json::Object& path) { fill(path, "type", ""); });
    within(volume, "emptyDir", [](json::Object& folder) {
        drop_zero(folder, "medium");
        if (json::Value* size = folder.if_contains("sizeLimit")) complete_quantity(*size);
    });
    within(
        volume, "persistentVolumeClaim", [](json::Object& claim) { drop_zero(claim, "readOnly"); });
    within(volume, "ephemeral", [](json::Object& ephemeral) {
        within(ephemeral, "volumeClaimTemplate", [](json::Object& claim) {
            drop_empty_object(claim, "metadata");
            within(claim, "spec", [](json::Object& spec) {
                fill(spec, "volumeMode", "Filesystem");
                fill(spec, "resources", json::Object());
                within(spec, "resources", complete_resources);
            });
        });
    });
}

// On the host's network a port is the host's too.
void complete_host_ports(json::Object& spec) {
    if (json::boolean(spec.if_contains("hostNetwork")) != true) return;
    for (const char* list : {"containers", "initContainers"}) {
        each(spec, list, [](json::Object& container) {
            each(container, "ports", [](json::Object& port) {
                const json::Value* own = port.if_contains("containerPort");
                if (own && !port.contains("hostPort")) port["hostPort"] = json::Value(*own);
            });
        });
    }
}

void complete_account(json::Object& spec) {
    drop_zero(spec, "serviceAccountName");
    drop_zero(spec, "serviceAccount");
    // The old name of the same.
    if (const json::Value* old = spec.if_contains("serviceAccount")) {
        fill(spec, "serviceAccountName", json::Value(*old));
    }
    spec.erase("serviceAccount");
}

void complete_spec(json::Object& spec) {
    const std::pair<std::string_view, json::Value> defaults[] = {
        {"dnsPolicy", "ClusterFirst"},
        {"restartPolicy", "Always"},
        {"schedulerName", "default-scheduler"},
        {"terminationGracePeriodSeconds", 30},
        {"securityContext", json::Object()}};
    for (const auto& [name, value] : defaults) {
        if (value.is_string()) drop_zero(spec, name);
        fill(spec, name, value);
    }
    for (const char* name :
         {"hostNetwork",
          "hostPID",
          "hostIPC",
          "hostname",
          "subdomain",
          "nodeName",
          "priorityClassName"}) {
        drop_zero(spec, name);
    }
    for (const char* name : {"nodeSelector", "affinity", "overhead"}) drop_empty_object(spec, name);
    within(spec, "overhead", complete_quantities);
    complete_account(spec);
    for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
        each(spec, list, complete_container);
    }
    complete_host_ports(spec);
    each(spec, "volumes", complete_volume);
    each(spec, "tolerations", [](json::Object& toleration) {
        for (const char* name : {"key", "operator", "value", "effect"}) drop_zero(toleration, name);
    });
}

// As Kubernetes stores it, in a writing of our own.
json::Value completed(const json::Value& pod_template) {
    json::Value copy = pod_template;
    drop_nothings(copy);
    json::Object* object = copy.if_object();
    if (!object) return copy;
    within(*object, "spec", complete_spec);
    return copy;
}

}  // namespace

bool is_same_when_stored(const json::Value& left, const json::Value& right) {
    return is_same_template(completed(left), completed(right));
}

}  // namespace serin::argo
