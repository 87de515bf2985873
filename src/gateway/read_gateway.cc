#include "gateway/read_gateway.h"

#include "gateway/text.h"

#include <algorithm>

namespace serin::gateway {
namespace {

using Text = std::string_view;

Text text_at(const json::Value& value, Text pointer, Text otherwise = {}) {
    return json::text(json::find(value, pointer)).value_or(otherwise);
}

void read_certificates(
    const json::Value& written,
    const std::string& ns,
    const std::map<ObjectKey, const Object*>& secrets,
    Listener& into) {
    const json::Array* refs = json::array(json::find(written, "/tls/certificateRefs"));
    if (text_at(written, "/tls/mode", "Terminate") != "Terminate") {
        into.problem = Problem{"UnsupportedValue", "tls.mode: only Terminate is supported"};
        return;
    }
    if (refs == nullptr || refs->empty()) {
        into.certificate_problem =
            Problem{"InvalidCertificateRef", "tls.certificateRefs: a Secret is needed"};
        return;
    }
    for (const json::Value& ref : *refs) {
        if (text_at(ref, "/namespace", ns) != ns) {
            into.certificate_problem =
                Problem{"RefNotPermitted", "tls.certificateRefs: Secret in another namespace"};
            return;
        }
        const std::string name(text_at(ref, "/name"));
        const auto secret = secrets.find({.type = &types::secret(), .ns = ns, .name = name});
        if (secret == secrets.end() || text_at(ref, "/kind", "Secret") != "Secret") {
            into.certificate_problem =
                Problem{"InvalidCertificateRef", "tls.certificateRefs: no Secret \"" + name + "\""};
            return;
        }
        Result<Certificate> certificate = read_certificate(*secret->second);
        if (!certificate) {
            into.certificate_problem = Problem{
                "InvalidCertificateRef", "Secret \"" + name + "\": " + certificate.error().message};
            return;
        }
        certificate->host = into.host;
        into.certificates.push_back(*std::move(certificate));
    }
}

Listener read_listener(
    const json::Value& written,
    const std::string& ns,
    const std::map<ObjectKey, const Object*>& secrets) {
    Listener listener;
    listener.name = text_at(written, "/name");
    listener.protocol = text_at(written, "/protocol");
    for (const char c : text_at(written, "/hostname")) {
        listener.host += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    listener.port = static_cast<int>(json::integer(json::find(written, "/port")).value_or(0));
    const Text from = text_at(written, "/allowedRoutes/namespaces/from", "Same");
    listener.from_all_namespaces = from == "All";

    if (listener.port < 1 || listener.port > 65535) {
        listener.problem = Problem{"UnsupportedValue", "port: not in 1..65535"};
    } else if (!listener.host.empty() && !is_host_pattern(listener.host)) {
        listener.problem = Problem{"UnsupportedValue", "hostname: not a host name"};
    } else if (from != "All" && from != "Same") {
        listener.problem = Problem{
            "UnsupportedValue", "allowedRoutes.namespaces.from: only Same and All are supported"};
    } else if (listener.protocol == "HTTPS") {
        read_certificates(written, ns, secrets, listener);
    } else if (listener.protocol != "HTTP") {
        listener.problem = Problem{"UnsupportedProtocol", "protocol: only HTTP and HTTPS"};
    }
    return listener;
}

}  // namespace

GatewaySpec read_gateway(
    const Object& gateway,
    const std::string& default_address,
    const std::map<ObjectKey, const Object*>& secrets) {
    GatewaySpec spec;
    spec.key = gateway.key();
    spec.generation = gateway.generation();
    spec.created = gateway.text("/metadata/creationTimestamp");
    spec.address = gateway.text("/spec/addresses/0/value", default_address);
    if (gateway.text("/spec/addresses/0/type", "IPAddress") != "IPAddress" ||
        !is_ip_address(spec.address)) {
        spec.problem =
            Problem{"UnsupportedAddress", "spec.addresses: only one IP address is supported"};
    }
    if (const json::Array* listeners = json::array(gateway.find("/spec/listeners"))) {
        for (const json::Value& listener : *listeners) {
            spec.listeners.push_back(read_listener(listener, spec.key.ns, secrets));
        }
    }
    return spec;
}

std::vector<ObjectKey> certificate_keys(const Object& gateway) {
    std::vector<ObjectKey> keys;
    const json::Array* listeners = json::array(gateway.find("/spec/listeners"));
    if (listeners == nullptr) return keys;
    for (const json::Value& listener : *listeners) {
        const json::Array* refs = json::array(json::find(listener, "/tls/certificateRefs"));
        if (refs == nullptr) continue;
        for (const json::Value& ref : *refs) {
            const std::string ns(gateway.ns());
            const std::string name(text_at(ref, "/name"));
            if (name.empty() || text_at(ref, "/namespace", ns) != ns) continue;
            keys.push_back({.type = &types::secret(), .ns = ns, .name = name});
        }
    }
    return keys;
}

std::optional<std::string> intersect_hosts(const std::string& left, const std::string& right) {
    if (left.empty() || left == right) return right;
    if (right.empty()) return left;
    // "*.example" covers "a.example", "a.b.example" and "*.b.example", not "example".
    const auto covers = [](Text pattern, Text host) {
        return pattern.starts_with("*.") && host.ends_with(pattern.substr(1)) && host != pattern;
    };
    if (covers(left, right)) return right;
    if (covers(right, left)) return left;
    return std::nullopt;
}

}  // namespace serin::gateway
