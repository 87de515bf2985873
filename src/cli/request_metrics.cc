#include "cli/request_metrics.h"

#include "metrics/request_totals.h"
#include "server/exposition.h"

#include <string>

namespace serin::cli {

void add_request_metrics(const metrics::RequestTotals& totals, server::Exposition& out) {
    using Kind = server::Exposition::Kind;
    for (const auto& total : totals.read()) {
        const server::Exposition::Labels labels = {
            {"namespace", total.ns},
            {"route", total.route},
            {"service", total.service},
            {"revision", total.revision},
            {"code", std::to_string(total.status)}};
        if (total.is_rescue) {
            out.add(
                "serin_gateway_retries_on_stable_total",
                Kind::counter,
                "Requests that failed at another version and that stable answered instead.",
                static_cast<double>(total.requests),
                labels);
            continue;
        }
        out.add(
            "serin_gateway_requests_total",
            Kind::counter,
            "Requests by what answered them; code 0: the client left first.",
            static_cast<double>(total.requests),
            labels);
        out.add(
            "serin_gateway_request_seconds_total",
            Kind::counter,
            "Time from the arrival of these requests to the end of their responses.",
            total.seconds,
            labels);
    }
    out.add(
        "serin_gateway_outcomes_lost_total",
        Kind::counter,
        "Requests whose outcome did not reach Serin.",
        static_cast<double>(totals.lost_outcomes()));
}

}  // namespace serin::cli
