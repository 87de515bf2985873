#include "manifest/validate.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

namespace {

// What is wrong with a template of one metric; the provider begins in line 8.
std::string problems(const std::string& provider) {
    const std::string text = R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: a}
spec:
  metrics:
    - name: m
      provider:
)" + provider;
    std::string out;
    for (const Document& document : read_documents(text, "f.yaml").documents) {
        for (const Diagnostic& one : manifest::validate(document)) out += to_string(one) + "\n";
    }
    return out;
}

}  // namespace

TEST_CASE("a question that Datadog cannot be asked is refused") {
    CHECK(problems("        datadog: {query: a, requestTimeout: 30s}\n").empty());
    CHECK(problems("        datadog: {apiVersion: v2, queries: {a: x, b: y}, formula: a / b}\n")
              .empty());
    CHECK(problems("        datadog: {}\n").contains("needs a query, or queries"));
    CHECK(problems("        datadog: {query: a, queries: {b: c}}\n")
              .contains("spec.metrics[0].provider.datadog.queries: use either query or queries"));
    CHECK(problems("        datadog: {queries: {b: c}}\n").contains("need apiVersion v2"));
    CHECK(problems("        datadog: {apiVersion: v2, queries: {b: c, d: e}}\n")
              .contains("several queries need a formula"));
    CHECK(problems("        datadog: {apiVersion: v2, query: a, formula: b}\n")
              .contains("a formula needs queries"));
    CHECK(
        problems("        datadog: {query: a, aggregator: sum}\n").contains("needs apiVersion v2"));
    CHECK(problems("        datadog: {query: a, secretRef: {namespaced: true}}\n")
              .contains("a namespaced secret needs a name"));
}

TEST_CASE("what other services cannot be asked is refused") {
    CHECK(problems("        cloudWatch: {metricDataQueries: [{id: a, expression: b}]}\n").empty());
    CHECK(problems("        cloudWatch: {metricDataQueries: [{expression: b}]}\n")
              .contains("spec.metrics[0].provider.cloudWatch.metricDataQueries[0]: needs an id"));
    CHECK(problems("        cloudWatch: {metricDataQueries: [{id: a}]}\n")
              .contains("needs expression or metricStat, and not both"));
    CHECK(problems("        graphite: {query: target=a}\n").contains("needs an address"));
    CHECK(problems("        plugin: {serin/splunk: {query: a, secretRef: {namespaced: true}}}\n")
              .contains("a namespaced secret needs a name"));
    CHECK(problems("        plugin: {serin/dynatrace: {interval: 5m}}\n").contains("query"));
    CHECK(problems("        plugin: {serin/dynatrace: {query: a, interval: 5m}}\n").empty());
    CHECK(problems("        plugin: {serin/googleCloudMonitoring: {query: a, project: b}}\n")
              .empty());
}
