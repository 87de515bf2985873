#include "report.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace load {

namespace {

struct Line {
    double end_ms = 0;
    double latency_us = 0;
    int status = 0;
    std::string version;
    std::string pod;
    std::string method;
    std::string error;
};

std::optional<Line> read_line(const std::string& text) {
    std::istringstream in(text);
    Line line;
    if (!(in >> line.end_ms >> line.latency_us >> line.status >> line.version >> line.pod >>
          line.method)) {
        return std::nullopt;
    }
    std::getline(in >> std::ws, line.error);
    return line;
}

boost::json::value quantile_ms(std::vector<double>& latencies_us, double quantile) {
    if (latencies_us.empty()) return nullptr;
    const auto at = static_cast<size_t>(quantile * static_cast<double>(latencies_us.size() - 1));
    std::ranges::nth_element(latencies_us, latencies_us.begin() + static_cast<long>(at));
    return std::round(latencies_us[at] / 10) / 100;
}

}  // namespace

std::string report(const ReportOptions& options) {
    std::ifstream file(options.log_file);
    if (!file) throw std::runtime_error("cannot read " + options.log_file);

    long total = 0;
    long canary = 0;
    long canary_failures = 0;
    long lost = 0;
    std::optional<double> first_seen;
    std::optional<double> first_bad;
    std::optional<double> last_seen;
    std::vector<double> canary_us;
    std::vector<double> other_us;
    boost::json::array losses;
    for (std::string text; std::getline(file, text);) {
        const auto line = read_line(text);
        if (!line || line->end_ms < options.from_ms || line->end_ms >= options.to_ms) continue;
        ++total;
        const bool is_canary = line->version == options.candidate;
        const bool is_bad = line->status == 0 || line->status >= 500;
        if (is_canary) {
            ++canary;
            canary_failures += is_bad ? 1 : 0;
            if (!first_seen) first_seen = line->end_ms;
            if (is_bad && !first_bad) first_bad = line->end_ms;
            last_seen = line->end_ms;
        } else if (is_bad) {
            ++lost;
            if (losses.size() < 10) losses.emplace_back(text);
        }
        (is_canary ? canary_us : other_us).push_back(line->latency_us);
    }

    boost::json::object out;
    out["requests_total"] = total;
    out["requests_canary"] = canary;
    out["canary_share"] =
        total == 0
            ? 0.0
            : std::round(1e6 * static_cast<double>(canary) / static_cast<double>(total)) / 1e6;
    out["canary_failures"] = canary_failures;
    out["requests_lost"] = lost;
    out["losses"] = std::move(losses);
    const std::optional<double> first = first_bad ? first_bad : first_seen;
    out["first_bad_to_zero_ms"] =
        first ? boost::json::value(std::llround(*last_seen - *first)) : boost::json::value(nullptr);
    out["candidate_p50_ms"] = quantile_ms(canary_us, 0.5);
    out["candidate_p95_ms"] = quantile_ms(canary_us, 0.95);
    out["others_p50_ms"] = quantile_ms(other_us, 0.5);
    out["others_p95_ms"] = quantile_ms(other_us, 0.95);
    return boost::json::serialize(out);
}

}  // namespace load
