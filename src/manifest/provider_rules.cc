#include "manifest/rules.h"

#include <fmt/format.h>

namespace serin::manifest {

namespace {

void check_datadog(const Part& datadog, Findings& findings) {
    const bool is_v1 = datadog["apiVersion"].text() != "v2";
    const bool has_query = !datadog["query"].text().empty();
    const json::Object* given = datadog["queries"].object();
    const std::size_t count = given == nullptr ? 0 : given->size();
    const bool has_formula = !datadog["formula"].text().empty();
    if (has_query && count > 0) {
        findings.error(datadog["queries"].pointer(), "use either query or queries, not both");
    } else if (is_v1 && count > 0) {
        findings.error(datadog["queries"].pointer(), "need apiVersion v2; v1 knows only query");
    } else if (!has_query && count == 0) {
        findings.error(datadog.pointer(), "needs a query, or queries");
    }
    if (has_formula && count == 0)
        findings.error(datadog["formula"].pointer(), "a formula needs queries");
    if (!has_formula && count > 1)
        findings.error(datadog["queries"].pointer(), "several queries need a formula");
    if (is_v1 && datadog["aggregator"].is_given())
        findings.error(datadog["aggregator"].pointer(), "needs apiVersion v2");
}

void check_secret_ref(const Part& reference, Findings& findings) {
    if (reference["namespaced"].boolean() && reference["name"].text().empty())
        findings.error(reference.pointer(), "a namespaced secret needs a name");
}

void check_cloud_watch(const Part& queries, Findings& findings) {
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const Part query = queries[i];
        if (query["id"].text().empty()) findings.error(query.pointer(), "needs an id");
        if (query["expression"].is_given() == query["metricStat"].is_given())
            findings.error(query.pointer(), "needs expression or metricStat, and not both");
    }
}

void check_kayenta(const Part& scopes, Findings& findings) {
    for (std::size_t i = 0; i < scopes.size(); ++i) {
        for (const char* side : {"controlScope", "experimentScope"}) {
            const Part scope = scopes[i][side];
            if (scope["start"].is_given() != scope["end"].is_given())
                findings.error(scope.pointer(), "needs both start and end, or neither");
        }
    }
}

}  // namespace

void check_remote_provider(const Part& provider, Findings& findings) {
    if (provider["datadog"].is_given()) check_datadog(provider["datadog"], findings);
    check_secret_ref(provider["datadog"]["secretRef"], findings);
    for (const char* plugin : {"serin/dynatrace", "serin/googleCloudMonitoring", "serin/splunk"})
        check_secret_ref(provider["plugin"][plugin]["secretRef"], findings);
    check_cloud_watch(provider["cloudWatch"]["metricDataQueries"], findings);
    check_kayenta(provider["kayenta"]["scopes"], findings);
    for (const char* name : {"graphite", "skywalking", "wavefront"}) {
        const Part one = provider[name];
        if (one.is_given() && one["address"].text().empty())
            findings.error(one.pointer(), "needs an address");
    }
}

}  // namespace serin::manifest
