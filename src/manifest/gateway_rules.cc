#include "manifest/rules.h"
#include "ports/retry_on_stable.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

namespace serin::manifest {

namespace {

constexpr std::pair<std::string_view, std::string_view> filter_members[] = {
    {"RequestHeaderModifier", "requestHeaderModifier"},
    {"ResponseHeaderModifier", "responseHeaderModifier"},
    {"RequestMirror", "requestMirror"},
    {"RequestRedirect", "requestRedirect"},
    {"URLRewrite", "urlRewrite"},
    {"ExtensionRef", "extensionRef"},
    {"CORS", "cors"},
    {"ExternalAuth", "externalAuth"},
};

void check_filters(const Part& filters, Findings& findings) {
    for (std::size_t i = 0; i < filters.size(); ++i) {
        for (const auto& [type, member] : filter_members) {
            if (filters[i]["type"].text() == type && !filters[i][member].is_given()) {
                findings.error(filters[i].pointer(), fmt::format("type {} needs {}", type, member));
            }
        }
        const Part status = filters[i]["requestRedirect"]["statusCode"];
        const auto code = status.integer();
        if (code && *code != 301 && *code != 302 && *code != 303 && *code != 307 && *code != 308) {
            findings.error(status.pointer(), "must be 301, 302, 303, 307 or 308");
        }
    }
}

void check_match(const Part& match, Findings& findings) {
    const Part path = match["path"];
    const std::string value = path["value"].text();
    if (path["type"].text() != "RegularExpression" && !value.empty() && !value.starts_with('/')) {
        findings.error(
            path["value"].pointer(), "must begin with '/'", fmt::format("write /{}", value));
    }
}

}  // namespace

void check_gateway(const Part& spec, Findings& findings) {
    // Left aside, these would let in whom they are to keep out.
    for (const char* field : {"tls", "backendTLS"}) {
        if (spec[field].is_given()) {
            findings.error(spec[field].pointer(), "is not supported: certificates are not checked");
        }
    }
    std::set<std::tuple<std::int64_t, std::string, std::string>> seen;
    const Part listeners = spec["listeners"];
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const Part listener = listeners[i];
        const Part clients = listener["tls"]["frontendValidation"];
        if (clients.is_given()) {
            findings.error(
                clients.pointer(), "is not supported: certificates of clients are not checked");
        }
        const std::string protocol = listener["protocol"].text();
        const auto port = listener["port"].integer();
        const bool is_new =
            seen.emplace(port.value_or(-1), protocol, listener["hostname"].text()).second;
        if (port && !is_new) {
            findings.error(
                listener.pointer(), "another listener has the same port, protocol and hostname");
        }
        if (!protocol.empty() && protocol != "HTTP" && protocol != "HTTPS") {
            findings.error(
                listener["protocol"].pointer(),
                fmt::format("protocol '{}' is not supported", protocol),
                "use HTTP or HTTPS");
        }
        if (protocol == "HTTP" && listener["tls"].is_given()) {
            findings.error(listener["tls"].pointer(), "is not possible with protocol HTTP");
        }
        if (protocol == "HTTPS" && listener["tls"]["certificateRefs"].size() == 0) {
            findings.error(
                listener["tls"]["certificateRefs"].pointer(),
                "protocol HTTPS needs a certificate",
                "name a Secret of type kubernetes.io/tls");
        }
    }
}

void check_retry_on_stable(const Part& route, Findings& findings) {
    const Part annotations = route["metadata"]["annotations"];
    std::vector<AnnotationProblem> problems;
    const auto wanted = read_retry_on_stable(annotations.object(), problems);
    for (AnnotationProblem& problem : problems) {
        findings.error(
            annotations[problem.annotation].pointer(),
            std::move(problem.message),
            std::move(problem.suggestion));
    }
    if (!wanted) return;
    const Part rules = route["spec"]["rules"];
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Part backends = rules[i]["backendRefs"];
        for (std::size_t j = 0; j < backends.size(); ++j) {
            if (backends[j]["name"].text() == wanted->service) return;
        }
    }
    findings.error(
        annotations[RetryOnStable::annotation].pointer(),
        fmt::format("no rule of this route names the Service '{}'", wanted->service),
        "name the Rollout's stableService");
}

void check_http_route(const Part& spec, Findings& findings) {
    const Part rules = spec["rules"];
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Part matches = rules[i]["matches"];
        for (std::size_t j = 0; j < matches.size(); ++j) check_match(matches[j], findings);
        check_filters(rules[i]["filters"], findings);
        const Part backends = rules[i]["backendRefs"];
        for (std::size_t j = 0; j < backends.size(); ++j) {
            check_filters(backends[j]["filters"], findings);
            const std::string kind = backends[j]["kind"].text();
            if (!kind.empty() && kind != "Service") {
                findings.error(backends[j]["kind"].pointer(), "only Service is supported");
            } else if (backends[j]["name"].is_given() && !backends[j]["port"].is_given()) {
                findings.error(
                    backends[j]["port"].pointer(), "required: which port of the Service");
            }
        }
    }
}

}  // namespace serin::manifest
