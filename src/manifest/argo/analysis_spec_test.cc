#include "manifest/argo/analysis_spec.h"

#include "base/document.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

namespace {

json::Object read(std::string_view text) {
    return read_documents(text, "f").documents.front().root.get_object();
}

constexpr std::string_view templates = R"(
base:
  args: [{name: service}, {name: limit, value: "0.9"}]
  metrics: [{name: errors, provider: {web: {url: "{{args.service}}"}}}]
secret:
  args: [{name: token, valueFrom: {secretKeyRef: {name: s, key: k}}}]
  metrics: [{name: secret}]
both: {templates: [{templateName: base}, {templateName: secret}, {templateName: both}]}
other-limit: {args: [{name: limit, value: "0.8"}], metrics: [{name: other}]}
nil-limit: {args: [{name: limit}], metrics: [{name: nil}]}
same-metric: {metrics: [{name: errors}]}
empty: {}
dry: {dryRun: [{metricName: errors}], metrics: [{name: dry}]}
)";

std::string spec_of(std::string_view analysis, std::string_view cluster_scoped = "") {
    const json::Object all = read(templates);
    Object rollout(read(R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: default, labels: {app.kubernetes.io/name: web}}
spec: {replicas: 3, template: {spec: {containers: [{image: "shop:v1"}]}}}
)"));
    const auto find = [&](const argo::TemplateName& name) -> Result<Object> {
        const json::Value* spec = all.if_contains(name.name);
        if (!spec || name.is_cluster_scoped != (name.name == cluster_scoped)) {
            return fail(ErrorKind::not_found, name.name);
        }
        return Object(json::Object{{"spec", *spec}});
    };
    const auto spec =
        argo::analysis_run_spec(read(analysis), rollout, {.stable = "s1", .latest = "l1"}, find);
    return spec ? json::print(*spec) : spec.error().message;
}

}  // namespace

TEST_CASE("a run measures its templates' metrics with arguments settled") {
    CHECK(
        spec_of("{templates: [{templateName: base}], args: [{name: service, value: shop}, "
                "{name: unknown, value: x}]}") ==
        R"({"metrics":[{"name":"errors","provider":{"web":{"url":"{{args.service}}"}}}],)"
        R"("args":[{"name":"service","value":"shop"},{"name":"limit","value":"0.9"}]})");
}

TEST_CASE("arguments come from the hashes and from the Rollout") {
    struct Row {
        std::string_view from;
        std::string_view value;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"podTemplateHashValue: Stable", "s1"},
             {"podTemplateHashValue: Latest", "l1"},
             {"fieldRef: {fieldPath: metadata.name}", "shop"},
             {"fieldRef: {fieldPath: \"metadata.labels['app.kubernetes.io/name']\"}", "web"},
             {"fieldRef: {fieldPath: \"metadata.labels['none']\"}", ""},
             {"fieldRef: {fieldPath: \"spec.template.spec.containers[0].image\"}", "shop:v1"},
             {"fieldRef: {fieldPath: spec.replicas}", "3"},
         }) {
        const std::string analysis =
            "{templates: [{templateName: base}], args: [{name: service, valueFrom: {" +
            std::string(row.from) + "}}]}";
        CHECK(
            spec_of(analysis).find(
                R"({"name":"service","value":")" + std::string(row.value) + "\"}") !=
            std::string::npos);
    }
    CHECK(
        spec_of("{templates: [{templateName: base}], args: [{name: service, valueFrom: {fieldRef: "
                "{fieldPath: spec.none}}}]}") == "args.service: invalid path spec.none in rollout");
}

TEST_CASE("templates are composed, each once, namespaced ones first") {
    CHECK(
        spec_of("{templates: [{templateName: both}, {templateName: base}], args: [{name: service, "
                "value: a}]}") ==
        R"({"metrics":[{"name":"errors","provider":{"web":{"url":"{{args.service}}"}}},)"
        R"({"name":"secret"}],"args":[{"name":"service","value":"a"},)"
        R"({"name":"limit","value":"0.9"},)"
        R"({"name":"token","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]})");
    CHECK(spec_of(
              "{templates: [{templateName: secret, clusterScope: true}, {templateName: dry}]}",
              "secret")
              .starts_with(R"({"metrics":[{"name":"dry"},{"name":"secret"}])"));
    CHECK(
        spec_of("{templates: [{templateName: base}, {templateName: nil-limit}], args: [{name: "
                "service, value: a}]}")
            .find(R"({"name":"limit","value":"0.9"})") != std::string::npos);
}

TEST_CASE("what cannot be composed says why") {
    CHECK(spec_of("{templates: [{templateName: none}]}") == "none");
    CHECK(spec_of("{templates: [{templateName: base}]}") == "args.service was not resolved");
    CHECK(
        spec_of("{templates: [{templateName: empty}]}") == "no metrics specified in the templates");
    CHECK(
        spec_of("{templates: [{templateName: base}, {templateName: same-metric}]}") ==
        "two metrics have the same name 'errors'");
    CHECK(
        spec_of("{templates: [{templateName: base}, {templateName: other-limit}]}") ==
        "Argument `limit` specified multiple times with different values");
    CHECK(
        spec_of("{templates: [{templateName: dry}], dryRun: [{metricName: errors}]}") ==
        "two Dry-Run metric rules have the same name 'errors'");
}
