#include "manifest/references.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace serin;

namespace {

constexpr std::string_view shop = R"(apiVersion: v1
kind: Service
metadata: {name: stable, namespace: default}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: canary, namespace: default}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: health, namespace: default}
spec:
  args: [{name: service}]
  metrics:
    - name: errors
      interval: 5s
      count: 3
      provider: {prometheus: {query: "up{service='{{args.service}}'}"}}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: endless, namespace: default}
spec:
  metrics:
    - name: load
      interval: 5s
      provider: {prometheus: {query: "load"}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec:
  rules: [{backendRefs: [{name: stable, port: 80}, {name: canary, port: 80}]}]
---
)";

std::string problems(std::string_view text) {
    // What the objects under test are near to has no problems of its own.
    const DocumentsRead near = read_documents(shop, "near.yaml");
    DocumentsRead read = read_documents(text, "f.yaml");
    REQUIRE(read.diagnostics.empty());
    for (const Document& document : near.documents) read.documents.push_back(document);
    const auto nothing = [](const ObjectKey&) { return std::optional<Object>(); };
    std::string out;
    for (const Diagnostic& one : manifest::check_references(read.documents, nothing)) {
        out += to_string(one) + "\n";
    }
    return out;
}

// The canary's fields begin in line 10, column 7.
std::string rollout(std::string_view canary) {
    return R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: default}
spec:
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop}]}
  strategy:
    canary:
)" + std::string(canary);
}

}  // namespace

TEST_CASE("a Rollout whose references are all there has no diagnostics") {
    CHECK(problems(rollout(R"(      stableService: stable
      canaryService: canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop}}}
      analysis: {templates: [{templateName: endless}]}
      steps:
      - analysis: {templates: [{templateName: health}], args: [{name: service, value: shop}]}
)")) == "");
}

TEST_CASE("dangling references are errors at the place of the name") {
    CHECK(
        problems(rollout(R"(      stableService: stabel
      canaryService: canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shopp}}}
      steps:
      - analysis: {templates: [{templateName: health}]}
      - analysis: {templates: [{templateName: endless}]}
      - analysis: {templates: [{templateName: none}, {templateName: all, clusterScope: true}]}
)")) == "f.yaml:10:7: spec.strategy.canary.stableService: there is no Service 'stabel' in "
        "namespace default (add it, or correct the name)\n"
        "f.yaml:12:61: spec.strategy.canary.trafficRouting.plugins['argoproj-labs/gatewayAPI']"
        ".httpRoute: there is no HTTPRoute 'shopp' in namespace default (add it, or correct the "
        "name)\n"
        "f.yaml:14:20: spec.strategy.canary.steps[0].analysis.templates: args.service was not "
        "resolved\n"
        "f.yaml:15:20: spec.strategy.canary.steps[1].analysis.templates: metric 'load' runs "
        "indefinitely (give it a count, or use it as background analysis)\n"
        "f.yaml:16:33: spec.strategy.canary.steps[2].analysis.templates[0].templateName: there is "
        "no AnalysisTemplate 'none' in namespace default (add it, or correct the name)\n"
        "f.yaml:16:55: spec.strategy.canary.steps[2].analysis.templates[1].templateName: there is "
        "no ClusterAnalysisTemplate 'all' (add it, or correct the name)\n");
}

TEST_CASE("the Services of a Rollout select its pods, in one rule of its route") {
    CHECK(
        problems(rollout("      stableService: other\n") + R"(---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: default}
spec: {selector: {app: other, rollouts-pod-template-hash: abc}, ports: [{port: 80}]}
)") == "f.yaml:10:7: spec.strategy.canary.stableService: Service \"other\" has unmatch label "
       "\"app\" in rollout (its selector wants app=other of the template's labels)\n");
    CHECK(
        problems(rollout(R"(      stableService: stable
      canaryService: canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: half}}}
)") + R"(---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: half, namespace: default}
spec: {rules: [{backendRefs: [{name: stable, port: 80}]}]}
)") == "f.yaml:12:61: spec.strategy.canary.trafficRouting.plugins['argoproj-labs/gatewayAPI']"
       ".httpRoute: HTTPRoute 'half' has no rule with both Services (name stable and canary in "
       "one rule's backendRefs)\n");
    const auto alternating = [](std::string_view route) {
        return problems(
            rollout(R"(      pingPong: {pingService: stable, pongService: canary}
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: both}}}
)") + R"(---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: both, namespace: default}
spec: {rules: [{backendRefs: [)" +
            std::string(route) + "]}]}\n");
    };
    CHECK(alternating("{name: stable, port: 80}, {name: canary, port: 80}") == "");
    CHECK(alternating("{name: stable, port: 80}")
              .contains("no rule with both Services (name stable and canary in"));
}

TEST_CASE("routes name Gateways, listeners, Services and ports; Gateways name Secrets") {
    CHECK(
        problems(R"(apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: default}
spec:
  parentRefs: [{name: edge, sectionName: https}, {name: nowhere}]
  rules: [{backendRefs: [{name: stable, port: 81}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  gatewayClassName: serin
  listeners: [{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}]
)") == "f.yaml:5:29: spec.parentRefs[0].sectionName: Gateway 'edge' has no listener 'https'\n"
       "f.yaml:5:51: spec.parentRefs[1].name: there is no Gateway 'nowhere' in namespace default "
       "(add it, or correct the name)\n"
       "f.yaml:6:41: spec.rules[0].backendRefs[0].port: Service 'stable' has no port 81 (it has "
       "80)\n"
       "f.yaml:13:80: spec.listeners[0].tls.certificateRefs[0].name: there is no Secret 'cert' in "
       "namespace default (add it, or correct the name)\n");
}

TEST_CASE("pods need the keys they read, unless these are optional") {
    CHECK(
        problems(R"(apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec:
  containers:
    - name: a
      env:
        - {name: A, valueFrom: {configMapKeyRef: {name: c, key: there}}}
        - {name: B, valueFrom: {configMapKeyRef: {name: c, key: missing}}}
        - {name: C, valueFrom: {secretKeyRef: {name: s, key: x, optional: true}}}
      envFrom: [{secretRef: {name: s}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: default}
data: {there: x}
)") == "f.yaml:9:60: spec.containers[0].env[1].valueFrom.configMapKeyRef.key: ConfigMap 'c' has "
       "no key 'missing'\n"
       "f.yaml:11:30: spec.containers[0].envFrom[0].secretRef.name: there is no Secret 's' in "
       "namespace default (add it, or correct the name)\n");
}

TEST_CASE("what is not among the documents is looked for elsewhere") {
    const DocumentsRead read = read_documents(rollout("      stableService: stored\n"), "f.yaml");
    Object service(types::service(), "default", "stored");
    service.put("/spec", json::Object{{"selector", json::Object{{"app", "shop"}}}});
    const auto store = [&](const ObjectKey& key) -> std::optional<Object> {
        if (key == service.key()) return service;
        return std::nullopt;
    };
    CHECK(manifest::check_references(read.documents, store).empty());
}
