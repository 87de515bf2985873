#include "manifest/validate.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

using namespace serin;

namespace {

std::vector<std::string> problems(std::string_view text) {
    const DocumentsRead read = read_documents(text, "f.yaml");
    std::vector<std::string> out;
    for (const Diagnostic& one : read.diagnostics) out.push_back(to_string(one));
    for (const Document& document : read.documents) {
        for (const Diagnostic& one : manifest::validate(document)) out.push_back(to_string(one));
    }
    return out;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += line + "\n";
    return out;
}

void check_problems(std::string_view text, std::string_view expected) {
    CAPTURE(std::string(text));
    CHECK(joined(problems(text)) == expected);
}

constexpr std::string_view rollout_head = R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:v1"}]}
)";

// The strategy begins in line 9, column 3.
std::string rollout(std::string_view rest) {
    return std::string(rollout_head) + std::string(rest);
}

// The steps begin in line 15.
std::string with_steps(std::string_view steps) {
    return rollout(R"(  strategy:
    canary:
      stableService: stable
      canaryService: canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop}}}
      steps:
)") + std::string(steps);
}

// The metric's fields begin in line 7, column 7.
std::string with_metric(std::string_view fields) {
    return R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: health}
spec:
  metrics:
    - name: errors
)" + std::string(fields) +
           "      provider: {prometheus: {query: up}}\n";
}

}  // namespace

TEST_CASE("a sound Rollout has no diagnostics") {
    check_problems(
        with_steps(R"(      - setWeight: 5
      - pause: {duration: 30}
      - pause: {duration: "10m"}
      - pause: {}
      - setCanaryScale: {weight: 20}
      - analysis: {templates: [{templateName: health}]}
)"),
        "");
}

TEST_CASE("all errors are said at once, each with its place and path") {
    check_problems(
        with_steps(R"(      - setWieght: 5
      - setWeight: "5"
      - setWeight: 101
      - setWeight: -1
      - setWeight: 5
        pause: {}
      - pause: {duration: -5s}
      - pause: {duration: soon}
      - pause:
      - analysis: {templates: []}
)"),
        "f.yaml:15:9: spec.strategy.canary.steps[0].setWieght: unknown field "
        "(did you mean 'setWeight'?)\n"
        "f.yaml:16:9: spec.strategy.canary.steps[1].setWeight: wrong type: expected an integer of "
        "at least 0, found a string (write 5, not \"5\")\n"
        "f.yaml:17:9: spec.strategy.canary.steps[2].setWeight: must be from 0 to 100, is 101\n"
        "f.yaml:18:9: spec.strategy.canary.steps[3].setWeight: must not be negative, is -1\n"
        "f.yaml:20:9: spec.strategy.canary.steps[4].pause: only one of setWeight, pause is "
        "possible here (write a step of its own, beginning with '- ')\n"
        "f.yaml:21:17: spec.strategy.canary.steps[5].pause.duration: must not be negative\n"
        "f.yaml:22:17: spec.strategy.canary.steps[6].pause.duration: 'soon' is not a duration "
        "(write 30, \"30s\" or \"10m\")\n"
        "f.yaml:23:9: spec.strategy.canary.steps[7]: needs exactly one of setWeight, pause, "
        "setCanaryScale, analysis, experiment, setHeaderRoute, setMirrorRoute, plugin "
        "(write 'pause: {}')\n"
        "f.yaml:24:20: spec.strategy.canary.steps[8].analysis.templates: needs at least one "
        "template\n");
}

TEST_CASE("a Rollout's fields have to fit together") {
    struct Row {
        std::string_view yaml;
        std::string_view problem;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"  strategy: {}\n",
              "f.yaml:9:3: spec.strategy: needs exactly one of blueGreen, canary\n"},
             {"  strategy: {canary: {}, blueGreen: {activeService: a}}\n",
              "f.yaml:9:26: spec.strategy.blueGreen: only one of canary, blueGreen is possible "
              "here\n"},
             {"  strategy: {canary: {stableService: a, canaryService: a}}\n",
              "f.yaml:9:41: spec.strategy.canary.canaryService: This rollout uses the same service "
              "for the stable and canary services, but two different services are required.\n"},
             {"  strategy: {canary: {maxSurge: 0, maxUnavailable: 0%}}\n",
              "f.yaml:9:36: spec.strategy.canary.maxUnavailable: maxSurge and maxUnavailable both "
              "can not be Zero\n"},
             {"  strategy: {canary: {scaleDownDelaySeconds: 5}}\n",
              "f.yaml:9:23: spec.strategy.canary.scaleDownDelaySeconds: Canary "
              "scaleDownDelaySeconds can only be used with traffic routing (add trafficRouting, or "
              "remove it)\n"},
             {"  strategy: {canary: {steps: [{setWeight: 5}], analysis: {startingStep: 1}}}\n",
              "f.yaml:9:59: spec.strategy.canary.analysis.startingStep: must be the index of a "
              "step, from 0 to 0\n"},
             {"  strategy: {canary: {steps: [{setCanaryScale: {replicas: 1}}]}}\n",
              "f.yaml:9:32: spec.strategy.canary.steps[0].setCanaryScale: SetCanaryScale requires "
              "TrafficRouting to be set\n"},
             {"  minReadySeconds: 600\n  strategy: {canary: {}}\n",
              "f.yaml:9:3: spec.minReadySeconds: progressDeadlineSeconds must be greater than "
              "minReadySeconds\n"},
             {"  replicas: -1\n  strategy: {canary: {}}\n",
              "f.yaml:9:3: spec.replicas: must not be negative, is -1\n"},
             {"  replica: 1\n  strategy: {canary: {}}\n",
              "f.yaml:9:3: spec.replica: unknown field (did you mean 'replicas'?)\n"},
             {"  strategy: {blueGreen: {activeService: a, previewService: a}}\n",
              "f.yaml:9:44: spec.strategy.blueGreen.previewService: This rollout uses the same "
              "service for the active and preview services, but two different services are "
              "required.\n"},
         }) {
        check_problems(rollout(row.yaml), row.problem);
    }
}

TEST_CASE("what is sound and not acted on is refused with its place") {
    const std::string found = joined(
        problems(rollout("  strategy: {canary: {stableService: a, canaryService: b, "
                         "trafficRouting: {appMesh: {virtualService: {name: c}, virtualNodeGroup: "
                         "{canaryVirtualNodeRef: {name: a}, stableVirtualNodeRef: "
                         "{name: b}}}}}}\n")));
    CHECK(
        found.find("spec.strategy.canary.trafficRouting.appMesh: not supported") !=
        std::string::npos);
    CHECK(found.find("blueGreen") == std::string::npos);
}

TEST_CASE("the selector has to match the template's labels") {
    check_problems(
        R"(apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shoop}}
    spec: {containers: [{name: shop}]}
  strategy: {canary: {}}
)",
        "f.yaml:7:16: spec.template.metadata.labels: `selector` does not match template `labels`: "
        "it wants app=shop\n");
}

TEST_CASE("metrics have Argo's rules for limits") {
    struct Row {
        std::string_view yaml;
        std::string_view problem;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"      interval: 5s\n      count: 3\n      failureLimit: \"{{args.n}}\"\n",
              "f.yaml:6:7: spec.metrics[0]: args.n is not declared in args\n"},
             {"      count: 3\n",
              "f.yaml:6:7: spec.metrics[0].interval: interval must be specified when count > 1\n"},
             {"      interval: 5\n",
              "f.yaml:7:7: spec.metrics[0].interval: wrong type: expected a duration, found an "
              "integer (write \"5s\")\n"},
             {"      interval: \"5\"\n",
              "f.yaml:7:7: spec.metrics[0].interval: '5' is not a duration (write \"5s\")\n"},
             {"      initialDelay: -1m\n",
              "f.yaml:7:7: spec.metrics[0].initialDelay: must not be negative, is -1m\n"},
             {"      interval: 5s\n      count: 2\n      failureLimit: 3\n",
              "f.yaml:8:7: spec.metrics[0].count: count must be >= failureLimit\n"},
             {"      failureLimit: -1\n",
              "f.yaml:7:7: spec.metrics[0].failureLimit: failureLimit -1 needs a "
              "consecutiveSuccessLimit of at least 1\n"},
             {"      successCondition: result[0] >\n",
              "f.yaml:7:7: spec.metrics[0].successCondition: does not compile: unexpected token "
              "EOF (1:12)\n"},
         }) {
        const std::vector<std::string> found = problems(with_metric(row.yaml));
        CAPTURE(row.yaml);
        REQUIRE(found.size() == 1);
        // A warning is shown with its severity; only the text after it matters here.
        CHECK(
            (found.front() + "\n").find(row.problem.substr(row.problem.find(": ") + 2)) !=
            std::string::npos);
    }
    check_problems(with_metric("      interval: 5s\n      count: 3\n"), "");
}

TEST_CASE("a metric has exactly one provider") {
    check_problems(
        R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: health}
spec:
  metrics:
    - name: errors
      provider:
        prometheus: {query: up}
        web: {url: "http://127.0.0.1"}
    - name: errors
      provider: {plugin: {serin/requests: {metric: count, minRequest: 5}}}
)",
        "f.yaml:9:9: spec.metrics[0].provider.web: only one of prometheus, web is possible here\n"
        "f.yaml:10:7: spec.metrics[1].name: duplicate name 'errors' (item 0 has it already)\n"
        "f.yaml:11:59: spec.metrics[1].provider.plugin['serin/requests'].minRequest: unknown field "
        "(did you mean 'minRequests'?)\n");
}

TEST_CASE("outcomes told by a header of the answer, and users, can be asked for") {
    check_problems(
        R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: a}
spec:
  metrics:
    - name: sells
      provider:
        plugin:
          serin/sequential:
            metrics:
              - {metric: business, name: one, header: x-checkout, good: ok}
              - {metric: business, name: two, header: x-checkout, good: [ok, later]}
              - {metric: business, name: three, header: x-total, goodFrom: "10"}
    - name: risk
      provider:
        plugin: {serin/budget: {users: 100, perWindow: {window: 1m, users: 10}}}
)",
        "");
}

TEST_CASE("kinds that are not served are named, with what to use instead") {
    check_problems(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n",
        "f.yaml:2:1: kind: Ingress is not served on one machine (use a Gateway and an "
        "HTTPRoute)\n");
    check_problems(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n",
        "f.yaml:2:1: warning: kind: NetworkPolicy has no effect on one machine, and is left out: "
        "pods listen on loopback\n");
    check_problems(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rolout\n",
        "f.yaml:2:1: kind: unknown kind 'Rolout' (did you mean 'Rollout'?)\n");
    check_problems(
        "apiVersion: v1\nkind: Rollout\n",
        "f.yaml:1:1: apiVersion: 'v1' is not the apiVersion of a Rollout (write "
        "argoproj.io/v1alpha1)\n");
    check_problems(
        "a: 1\n",
        "f.yaml:1:1: kind: required field is missing (write, say, kind: "
        "Rollout)\n");
    check_problems(
        "- a\n",
        "f.yaml:1:1: is not an object (a manifest begins with apiVersion and "
        "kind)\n");
}

TEST_CASE("names, labels, data keys and base64 have their syntax") {
    check_problems(
        R"(apiVersion: v1
kind: Secret
metadata:
  name: Bad_Name
  labels: {"a b": x, tier: "x y"}
data:
  good: aGk=
  bad: hi!
  "a/b": aGk=
)",
        "f.yaml:4:3: metadata.name: must be lower-case letters, digits, '-' and '.' between them\n"
        "f.yaml:5:12: metadata.labels['a b']: bad key: must be letters, digits, '-', '_' and '.', "
        "beginning and ending with a letter or digit\n"
        "f.yaml:5:22: metadata.labels.tier: must be letters, digits, '-', '_' and '.', beginning "
        "and ending with a letter or digit\n"
        "f.yaml:8:3: data.bad: is not base64\n"
        "f.yaml:9:3: data['a/b']: bad key: must be letters, digits, '-', '_' and '.'\n");
}

TEST_CASE("containers' probes name ports that are there") {
    check_problems(
        R"(apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
    - name: a
      image: a:v1
      ports: [{name: http, containerPort: 80}]
      readinessProbe: {httpGet: {port: https}}
      livenessProbe: {httpGet: {port: http}, tcpSocket: {port: 80}}
      resources: {limits: {cpu: lots}}
)",
        "f.yaml:9:34: spec.containers[0].readinessProbe.httpGet.port: the container has no port "
        "named 'https' (name it in the container's ports)\n"
        "f.yaml:10:46: spec.containers[0].livenessProbe.tcpSocket: only one of httpGet, tcpSocket "
        "is possible here\n"
        "f.yaml:11:7: warning: spec.containers[0].resources: has no effect on one machine\n"
        "f.yaml:11:28: spec.containers[0].resources.limits.cpu: must be a quantity such as 500m, "
        "0.5, 64Mi or 1G\n");
}

TEST_CASE("a route is told which headers must not be observed") {
    check_problems(
        R"(apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop
  annotations:
    serin.dev/observe-user: session
    serin.dev/observe-request-headers: x-platform, Authorization
spec:
  rules:
    - backendRefs: [{name: shop, port: 80}]
)",
        "f.yaml:6:5: metadata.annotations['serin.dev/observe-user']: expected \"header NAME\" or "
        "\"cookie NAME\", not 'session'\n"
        "f.yaml:7:5: metadata.annotations['serin.dev/observe-request-headers']: 'authorization' "
        "may "
        "carry a secret, which must not be recorded; a user's identity is named in "
        "serin.dev/observe-user, which keeps only a keyed hash\n");
}

TEST_CASE("routes and Gateways are judged") {
    check_problems(
        R"(apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  rules:
    - matches: [{path: {value: api}}]
      filters: [{type: URLRewrite}]
      backendRefs: [{name: shop}, {name: shop, port: 80, weight: -1}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: serin
  listeners:
    - {name: a, port: 80, protocol: TCP}
    - {name: a, port: 443, protocol: HTTPS}
)",
        "f.yaml:6:25: spec.rules[0].matches[0].path.value: must begin with '/' (write /api)\n"
        "f.yaml:7:17: spec.rules[0].filters[0]: needs exactly one of requestHeaderModifier, "
        "responseHeaderModifier, requestMirror, requestRedirect, urlRewrite, extensionRef, cors, "
        "externalAuth\n"
        "f.yaml:7:17: spec.rules[0].filters[0]: type URLRewrite needs urlRewrite\n"
        "f.yaml:8:21: spec.rules[0].backendRefs[0].port: required: which port of the Service\n"
        "f.yaml:8:58: spec.rules[0].backendRefs[1].weight: must not be negative, is -1\n"
        "f.yaml:16:27: spec.listeners[0].protocol: protocol 'TCP' is not supported (use HTTP or "
        "HTTPS)\n"
        "f.yaml:17:7: spec.listeners[1].tls.certificateRefs: protocol HTTPS needs a certificate "
        "(name a Secret of type kubernetes.io/tls)\n"
        "f.yaml:17:8: spec.listeners[1].name: duplicate name 'a' (item 0 has it already)\n");
}

TEST_CASE("what a route says about retries on stable has to make sense") {
    const auto route = [](const std::string& annotations) {
        return "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
               "metadata:\n  name: shop\n  annotations:\n" +
               annotations +
               "spec:\n  rules:\n    - backendRefs: [{name: s, port: 80}, {name: c, port: 80}]\n";
    };
    check_problems(route("    serin.dev/retry-on-stable: s\n"), "");
    check_problems(
        route("    serin.dev/retry-on-stable: other\n"),
        "f.yaml:6:5: metadata.annotations['serin.dev/retry-on-stable']: no rule of this route "
        "names "
        "the Service 'other' (name the Rollout's stableService)\n");
    check_problems(
        route("    serin.dev/retry-on-stable: s\n    serin.dev/retry-on-stable-budget: lots\n"
              "    serin.dev/retry-on-stable-methods: get\n"),
        "f.yaml:7:5: metadata.annotations['serin.dev/retry-on-stable-budget']: must be a share of "
        "the requests, 1% to 100% (write \"20%\")\n"
        "f.yaml:8:5: metadata.annotations['serin.dev/retry-on-stable-methods']: must be a list of "
        "at "
        "most 16 methods in capital letters (write \"GET, HEAD, PUT\")\n");
}

TEST_CASE("what would be unsafe to leave aside is refused") {
    const std::string told = joined(problems(R"(apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  schedulingGates: [{name: approval}]
  containers:
    - name: a
      image: a:v1
      env:
        - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: ODD, valueFrom: {fieldRef: {fieldPath: spec.replicas}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: serin
  tls: {frontend: {default: {validation: {caCertificateRefs: []}}}}
  listeners: [{name: a, port: 80, protocol: HTTP}]
)"));
    CHECK(told.contains("spec.schedulingGates: is not supported on one machine"));
    CHECK(told.contains("env[0].valueFrom.resourceFieldRef: is not supported on one machine"));
    CHECK_FALSE(told.contains("env[1]"));
    CHECK(told.contains("env[2].valueFrom.fieldRef.fieldPath: 'spec.replicas' is not a field"));
    CHECK(told.contains("spec.tls: is not supported: certificates are not checked"));
}

TEST_CASE("a Deployment keeps Kubernetes' rules") {
    const auto deployment = [](std::string_view rest) {
        return fmt::format(
            R"(apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  selector: {{matchLabels: {{app: shop}}}}
  template:
    metadata: {{labels: {{app: shop}}}}
    spec: {{containers: [{{name: shop, image: "shop:v1"}}]}}
{})",
            rest);
    };
    check_problems(deployment("  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}"), "");
    CHECK(joined(problems(deployment("  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: "
                                     "0%}}")))
              .contains("maxUnavailable: may not be 0 when `maxSurge` is 0"));
    CHECK(joined(problems(deployment("  strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}")))
              .contains("may not be specified when strategy `type` is 'Recreate'"));
    CHECK(joined(problems(deployment("  minReadySeconds: 700")))
              .contains("progressDeadlineSeconds must be greater than minReadySeconds"));
}

TEST_CASE("whatever a manifest holds, judging it ends with diagnostics") {
    const std::string sound = with_steps(
        "      - setWeight: 5\n      - pause: {duration: 5}\n"
        "      - analysis: {templates: [{templateName: h}], args: [{name: a, value: b}]}\n");
    const json::Value root = read_documents(sound, "f").documents.front().root;
    rc::check("a mutated Rollout is judged", [&] {
        const std::vector<json::Value> strange = {
            nullptr,
            true,
            -1,
            1.5,
            "",
            "x",
            json::Array{},
            json::Array{nullptr, 1},
            json::Object{},
            json::Object{{"a", json::Array{json::Object{}}}}};
        const Document document = read_documents(sound, "f").documents.front();
        auto mark = document.marks.begin();
        std::advance(mark, *rc::gen::inRange<std::size_t>(0, document.marks.size()));
        json::Object mutated = root.get_object();
        if (auto* value = const_cast<json::Value*>(json::find(mutated, mark->first))) {
            *value = strange[*rc::gen::inRange<std::size_t>(0, strange.size())];
        }
        manifest::validate(Object(std::move(mutated)));
    });
}
