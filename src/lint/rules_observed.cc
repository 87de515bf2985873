#include "judge/ab/config.h"
#include "judge/sequential/counters.h"
#include "judge/sequential/spec.h"
#include "lint/families.h"
#include "lint/services.h"
#include "ports/observed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

// What a judge wants to be told of each request, and no route of the release tells.

namespace serin::lint {

namespace {

namespace sequential = judge::sequential;

// The routes of one release, and what their authors asked for.
class Watched {
public:
    explicit Watched(std::vector<const Source*> routes) : routes_(std::move(routes)) {
        for (const Source* route : routes_)
            observed_.push_back(read_observed(route->object).observed);
    }

    bool is_elsewhere() const { return routes_.empty(); }
    bool tells_users() const {
        return std::ranges::any_of(observed_, [](const Observed& one) {
            return one.user_in != Observed::UserIn::nowhere;
        });
    }
    bool tells(const std::string& header) const {
        return std::ranges::any_of(observed_, [&](const Observed& one) {
            return std::ranges::find(one.response_headers, header) != one.response_headers.end();
        });
    }
    std::string_view name() const { return routes_.front()->object.name(); }
    // What the first route tells already, with the header.
    std::string headers_with(const std::string& header) const {
        std::vector<std::string> all = observed_.front().response_headers;
        all.push_back(header);
        return fmt::format("{}", fmt::join(all, ", "));
    }

private:
    std::vector<const Source*> routes_;
    std::vector<Observed> observed_;
};

void check_header(
    const Context& context,
    const UsedMetric& metric,
    const Watched& watched,
    const std::string& pointer,
    const std::string& header) {
    if (header.empty() || header.contains("{{") || watched.tells(header)) return;
    context.reporter.add(
        "header-not-observed",
        *metric.source,
        metric.provider_pointer + pointer,
        fmt::format(
            "no HTTPRoute of the release tells the header {} of its answers: no outcome is ever "
            "seen",
            header),
        fmt::format(
            "annotate HTTPRoute {} with {}: \"{}\"",
            watched.name(),
            observe_response_headers,
            watched.headers_with(header)));
}

void check_sequential(const Context& context, const UsedMetric& metric, const Watched& watched) {
    const auto counters = sequential::CountersConfig::read(metric.config);
    if (!counters) return;  // Told by the rule judge-config.
    const sequential::SpecRead read = sequential::read_spec(counters->judged);
    for (std::size_t i = 0; i < read.spec.metrics.size(); ++i) {
        const std::string pointer = fmt::format("/metrics/{}/header", i);
        check_header(context, metric, watched, pointer, read.spec.metrics[i].header);
    }
}

void check_ab(const Context& context, const UsedMetric& metric, const Watched& watched) {
    const auto config = judge::ab::Config::read(metric.config);
    if (config) check_header(context, metric, watched, "/header", config->header);
}

void check_budget(const Context& context, const UsedMetric& metric, const Watched& watched) {
    if (watched.tells_users()) return;
    for (const char* pointer : {"/users", "/perWindow/users"}) {
        if (json::find(metric.config, pointer) == nullptr) continue;
        context.reporter.add(
            "users-not-observed",
            *metric.source,
            metric.provider_pointer + pointer,
            "no HTTPRoute of the release says who a user is: every request counts as a user of "
            "its own",
            fmt::format(
                "annotate HTTPRoute {} with {}: \"cookie NAME\" or \"header NAME\"",
                watched.name(),
                observe_user));
    }
}

}  // namespace

void check_observed(const Context& context) {
    const ServiceIndex index(context.sources);
    for (const Use& use : context.uses) {
        if (!use.rollout) continue;
        const Watched watched(index.routes_of(*use.rollout));
        if (watched.is_elsewhere()) continue;
        for (const UsedMetric& metric : use.metrics) {
            if (metric.provider == "serin/sequential") check_sequential(context, metric, watched);
            if (metric.provider == "serin/ab") check_ab(context, metric, watched);
            if (metric.provider == "serin/budget") check_budget(context, metric, watched);
        }
    }
}

}  // namespace serin::lint
