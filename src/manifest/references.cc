#include "manifest/references.h"

#include "manifest/argo/analysis_spec.h"
#include "manifest/argo/names.h"
#include "manifest/findings.h"
#include "manifest/part.h"
#include "manifest/rules.h"
#include "ports/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace serin::manifest {

namespace {

std::map<std::string, std::string> read_labels(const Part& labels) {
    std::map<std::string, std::string> out;
    if (const json::Object* members = labels.object()) {
        for (const auto& member : *members) {
            if (const auto text = json::text(&member.value())) {
                out.emplace(std::string(member.key()), *text);
            }
        }
    }
    return out;
}

// Null when there is none; of use until the next call.
using Finder = std::function<const Object*(const ObjectKey&)>;

class References {
public:
    References(const Object& object, const Document& document, const Finder& lookup)
        : object_(object),
          root_(object.document()),
          ns_(object.ns()),
          lookup_(lookup),
          findings_(object.document(), &document) {}

    std::vector<Diagnostic> check() {
        const Part spec = root_["spec"];
        const ResourceType* type = object_.type();
        if (type == &types::rollout()) check_rollout_references(spec);
        if (type == &types::analysis_template() || type == &types::cluster_analysis_template()) {
            check_templates(spec["templates"]);
            if (type == &types::analysis_template()) check_secret_arguments(spec["args"]);
        }
        if (type == &types::experiment()) check_experiment_references(spec);
        if (type == &types::http_route()) check_route(spec);
        if (type == &types::gateway()) check_gateway_references(spec);
        if (type == &types::pod()) check_pod(spec);
        if (type == &types::replica_set() || type == &types::deployment()) {
            check_pod(spec["template"]["spec"]);
        }
        return findings_.take();
    }

private:
    // Null, with an error, when there is no such object.
    const Object* find(
        const ResourceType& type, const std::string& ns, const std::string& name, const Part& at) {
        if (name.empty()) return nullptr;
        const ObjectKey key{.type = &type, .ns = type.is_namespaced ? ns : "", .name = name};
        const Object* found = lookup_(key);
        if (!found) {
            const std::string place =
                type.is_namespaced ? fmt::format(" in namespace {}", ns) : std::string();
            findings_.error(
                at.pointer(),
                fmt::format("there is no {} '{}'{}", type.kind, name, place),
                "add it, or correct the name");
        }
        return found;
    }

    std::string ns_of(const Part& reference) const {
        const std::string ns = reference["namespace"].text();
        return ns.empty() ? ns_ : ns;
    }

    void check_rollout_references(const Part& spec) {
        const Part canary = spec["strategy"]["canary"];
        const Part blue_green = spec["strategy"]["blueGreen"];
        for (const Part& service :
             {canary["stableService"],
              canary["canaryService"],
              canary["pingPong"]["pingService"],
              canary["pingPong"]["pongService"],
              blue_green["activeService"],
              blue_green["previewService"]}) {
            check_rollout_service(service, spec["template"]["metadata"]["labels"]);
        }
        check_rollout_routes(canary);
        check_run(canary["analysis"], false);
        check_run(blue_green["prePromotionAnalysis"], true);
        check_run(blue_green["postPromotionAnalysis"], true);
        const Part steps = canary["steps"];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            check_run(steps[i]["analysis"], true);
            check_analyses(steps[i]["experiment"]["analyses"]);
        }
        check_pod(spec["template"]["spec"]);
        check_workload(spec["workloadRef"]);
    }

    void check_workload(const Part& reference) {
        const ResourceType* type =
            find_kind(reference["apiVersion"].text(), reference["kind"].text());
        if (type) find(*type, ns_, reference["name"].text(), reference["name"]);
    }

    void check_rollout_service(const Part& at, const Part& labels) {
        const Object* service = find(types::service(), ns_, at.text(), at);
        if (!service || !labels.is_given()) return;
        const auto owner = service->annotation(argo::annotation_managed_by);
        if (owner && *owner != object_.name()) {
            findings_.error(
                at.pointer(),
                fmt::format("Service \"{}\" is managed by another Rollout, {}", at.text(), *owner));
        }
        auto wanted = read_labels(Part(service->document())["spec"]["selector"]);
        wanted.erase(std::string(argo::label_hash));
        if (wanted.empty()) {
            return findings_.error(
                at.pointer(), fmt::format("Service \"{}\" has no selector", at.text()));
        }
        const auto has = read_labels(labels);
        for (const auto& [key, value] : wanted) {
            const auto found = has.find(key);
            if (found != has.end() && found->second == value) continue;
            findings_.error(
                at.pointer(),
                fmt::format("Service \"{}\" has unmatch label \"{}\" in rollout", at.text(), key),
                fmt::format("its selector wants {}={} of the template's labels", key, value));
        }
    }

    void check_rollout_routes(const Part& canary) {
        const Part config = canary["trafficRouting"]["plugins"][argo::gateway_api_plugin];
        check_rollout_route(config["httpRoute"], ns_of(config), canary);
        const Part routes = config["httpRoutes"];
        for (std::size_t i = 0; i < routes.size(); ++i) {
            check_rollout_route(routes[i]["name"], ns_of(config), canary);
        }
    }

    void check_rollout_route(const Part& at, const std::string& ns, const Part& canary) {
        const Object* route = find(types::http_route(), ns, at.text(), at);
        if (!route) return;
        const Part ping_pong = canary["pingPong"];
        const bool alternates = ping_pong.is_given();
        const std::string stable =
            (alternates ? ping_pong["pingService"] : canary["stableService"]).text();
        const std::string candidate =
            (alternates ? ping_pong["pongService"] : canary["canaryService"]).text();
        const Part rules = Part(route->document())["spec"]["rules"];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            std::set<std::string> named;
            const Part backends = rules[i]["backendRefs"];
            for (std::size_t j = 0; j < backends.size(); ++j) {
                named.insert(backends[j]["name"].text());
            }
            if (named.contains(stable) && named.contains(candidate)) return;
        }
        findings_.error(
            at.pointer(),
            fmt::format("HTTPRoute '{}' has no rule with both Services", at.text()),
            fmt::format("name {} and {} in one rule's backendRefs", stable, candidate));
    }

    static const ResourceType& template_type(bool is_cluster_scoped) {
        return is_cluster_scoped ? types::cluster_analysis_template() : types::analysis_template();
    }

    bool check_template(const Part& reference) {
        const Part name = reference["templateName"];
        return find(template_type(reference["clusterScope"].boolean()), ns_, name.text(), name);
    }

    bool check_templates(const Part& references) {
        bool are_all_there = true;
        for (std::size_t i = 0; i < references.size(); ++i) {
            are_all_there = check_template(references[i]) && are_all_there;
        }
        return are_all_there;
    }

    void check_run(const Part& analysis, bool has_to_end) {
        const Part templates = analysis["templates"];
        if (templates.size() == 0 || !check_templates(templates)) return;
        const auto find_template = [this](const argo::TemplateName& name) -> Result<Object> {
            const ResourceType& type = template_type(name.is_cluster_scoped);
            const Object* found = lookup_(
                {.type = &type, .ns = name.is_cluster_scoped ? "" : ns_, .name = name.name});
            if (found) return *found;
            return fail(
                ErrorKind::not_found, fmt::format("there is no {} '{}'", type.kind, name.name));
        };
        const auto spec = argo::analysis_run_spec(
            *analysis.object(), object_, {.stable = "stable", .latest = "latest"}, find_template);
        if (!spec) return findings_.error(templates.pointer(), spec.error().message);
        check_composed(*spec, templates, has_to_end);
    }

    void check_composed(const json::Object& spec, const Part& at, bool has_to_end) {
        const Part run(spec);
        std::set<std::string> known;
        for (std::size_t i = 0; i < run["args"].size(); ++i) {
            known.insert(run["args"][i]["name"].text());
        }
        const Part metrics = run["metrics"];
        for (std::size_t i = 0; i < metrics.size(); ++i) {
            const Part metric = metrics[i];
            const std::string name = metric["name"].text();
            std::set<std::string> used;
            collect_arguments(*metric.value(), used);
            for (const std::string& argument : used) {
                if (argument.starts_with("{{") || known.contains(argument)) continue;
                findings_.error(
                    at.pointer(),
                    fmt::format("args.{} of metric '{}' was not resolved", argument, name),
                    "declare it in the template's args");
            }
            const auto count = metric["count"].integer();
            const bool has_count = metric["count"].is_given() && (!count || *count > 0) &&
                                   metric["count"].text() != "0";
            const bool ends_by_success =
                metric["consecutiveSuccessLimit"].is_given() &&
                metric["consecutiveSuccessLimit"].integer().value_or(1) > 0;
            if (has_to_end && metric["interval"].is_given() && !has_count && !ends_by_success) {
                findings_.error(
                    at.pointer(),
                    fmt::format("metric '{}' runs indefinitely", name),
                    "give it a count, or use it as background analysis");
            }
        }
    }

    void check_analyses(const Part& analyses) {
        for (std::size_t i = 0; i < analyses.size(); ++i) check_template(analyses[i]);
    }

    void check_secret_arguments(const Part& arguments) {
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            check_key(types::secret(), arguments[i]["valueFrom"]["secretKeyRef"]);
        }
    }

    void check_experiment_references(const Part& spec) {
        check_analyses(spec["analyses"]);
        const Part templates = spec["templates"];
        for (std::size_t i = 0; i < templates.size(); ++i) {
            check_pod(templates[i]["template"]["spec"]);
        }
    }

    void check_key(const ResourceType& type, const Part& reference) {
        if (!reference.is_given() || reference["optional"].boolean()) return;
        const Object* found = find(type, ns_, reference["name"].text(), reference["name"]);
        if (!found) return;
        const std::string key = reference["key"].text();
        const Part root(found->document());
        for (const char* map : {"data", "stringData", "binaryData"}) {
            if (root[map][key].is_given()) return;
        }
        findings_.error(
            reference["key"].pointer(),
            fmt::format("{} '{}' has no key '{}'", type.kind, found->name(), key));
    }

    void check_pod(const Part& spec) {
        for (const char* list : {"initContainers", "containers"}) {
            const Part containers = spec[list];
            for (std::size_t i = 0; i < containers.size(); ++i) check_container(containers[i]);
        }
    }

    void check_container(const Part& container) {
        const Part env = container["env"];
        for (std::size_t i = 0; i < env.size(); ++i) {
            check_key(types::config_map(), env[i]["valueFrom"]["configMapKeyRef"]);
            check_key(types::secret(), env[i]["valueFrom"]["secretKeyRef"]);
        }
        const Part sources = container["envFrom"];
        for (std::size_t i = 0; i < sources.size(); ++i) {
            check_source(types::config_map(), sources[i]["configMapRef"]);
            check_source(types::secret(), sources[i]["secretRef"]);
        }
    }

    void check_source(const ResourceType& type, const Part& reference) {
        if (!reference.is_given() || reference["optional"].boolean()) return;
        find(type, ns_, reference["name"].text(), reference["name"]);
    }

    void check_route(const Part& spec) {
        const Part parents = spec["parentRefs"];
        for (std::size_t i = 0; i < parents.size(); ++i) check_parent(parents[i]);
        const Part rules = spec["rules"];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const Part backends = rules[i]["backendRefs"];
            for (std::size_t j = 0; j < backends.size(); ++j) check_backend(backends[j]);
        }
    }

    void check_parent(const Part& parent) {
        if (parent["kind"].is_given() && parent["kind"].text() != "Gateway") return;
        const Object* gateway =
            find(types::gateway(), ns_of(parent), parent["name"].text(), parent["name"]);
        const std::string section = parent["sectionName"].text();
        if (!gateway || section.empty()) return;
        const Part listeners = Part(gateway->document())["spec"]["listeners"];
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            if (listeners[i]["name"].text() == section) return;
        }
        findings_.error(
            parent["sectionName"].pointer(),
            fmt::format("Gateway '{}' has no listener '{}'", gateway->name(), section));
    }

    void check_backend(const Part& backend) {
        const Object* service =
            find(types::service(), ns_of(backend), backend["name"].text(), backend["name"]);
        const auto port = backend["port"].integer();
        if (!service || !port) return;
        const Part ports = Part(service->document())["spec"]["ports"];
        std::string known;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            const auto number = ports[i]["port"].integer();
            if (number == port) return;
            if (number) known += fmt::format("{}{}", known.empty() ? "" : ", ", *number);
        }
        findings_.error(
            backend["port"].pointer(),
            fmt::format("Service '{}' has no port {}", service->name(), *port),
            known.empty() ? "" : fmt::format("it has {}", known));
    }

    void check_gateway_references(const Part& spec) {
        const Part listeners = spec["listeners"];
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            const Part certificates = listeners[i]["tls"]["certificateRefs"];
            for (std::size_t j = 0; j < certificates.size(); ++j) {
                check_certificate(certificates[j]);
            }
        }
    }

    void check_certificate(const Part& reference) {
        const Object* secret =
            find(types::secret(), ns_of(reference), reference["name"].text(), reference["name"]);
        if (!secret) return;
        const Part root(secret->document());
        for (const char* key : {"tls.crt", "tls.key"}) {
            if (root["data"][key].is_given() || root["stringData"][key].is_given()) continue;
            findings_.error(
                reference["name"].pointer(),
                fmt::format("Secret '{}' has no key '{}'", secret->name(), key));
        }
    }

    const Object& object_;
    Part root_;
    std::string ns_;
    const Finder& lookup_;
    Findings findings_;
};

}  // namespace

std::vector<Diagnostic> check_references(
    const std::vector<Document>& documents, const Lookup& elsewhere) {
    std::map<ObjectKey, Object> known;
    const auto remember = [&](Object object) {
        const ObjectKey key = object.key();
        return &known.insert_or_assign(key, std::move(object)).first->second;
    };
    for (const Document& document : documents) {
        const json::Object* root = json::object(&document.root);
        if (root && Object(*root).type()) remember(Object(*root));
    }
    const Finder finder = [&](const ObjectKey& key) -> const Object* {
        const auto found = known.find(key);
        if (found != known.end()) return &found->second;
        std::optional<Object> stored = elsewhere(key);
        return stored && stored->type() ? remember(*std::move(stored)) : nullptr;
    };
    std::vector<Diagnostic> out;
    for (const Document& document : documents) {
        const json::Object* root = json::object(&document.root);
        if (!root || !Object(*root).type()) continue;
        const Object object(*root);
        std::ranges::move(References(object, document, finder).check(), std::back_inserter(out));
    }
    return out;
}

}  // namespace serin::manifest
