#include "rehearse/request_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace serin::rehearse {

namespace {

enum class Quantity { requests, failures, seconds, buckets };

// How responses that went well and badly look under a label, in the spellings that are in use.
struct CodeLabel {
    std::string_view label;
    std::array<std::string_view, 3> good;
    std::array<std::string_view, 3> bad;
};

constexpr std::array<std::string_view, 3> code_good = {"200", "2xx", "2"};
constexpr std::array<std::string_view, 3> code_bad = {"500", "5xx", "5"};
constexpr std::array<CodeLabel, 14> code_labels = {{
    {"code", code_good, code_bad},
    {"status", code_good, code_bad},
    {"status_code", code_good, code_bad},
    {"statuscode", code_good, code_bad},
    {"response_code", code_good, code_bad},
    {"http_status", code_good, code_bad},
    {"http_status_code", code_good, code_bad},
    {"http_response_status_code", code_good, code_bad},
    {"code_class", code_good, code_bad},
    {"status_class", code_good, code_bad},
    {"envoy_response_code", code_good, code_bad},
    {"envoy_response_code_class", code_good, code_bad},
    {"classification", {"success", "success", "success"}, {"failure", "failure", "failure"}},
    {"grpc_code", {"OK", "OK", "OK"}, {"Internal", "Unknown", "Unavailable"}},
}};

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::optional<Quantity> quantity_of(std::string_view metric) {
    if (metric.ends_with("_bucket")) return Quantity::buckets;
    const bool is_about_requests = has(metric, "request") || has(metric, "response") ||
                                   has(metric, "http") || has(metric, "grpc") || has(metric, "rq");
    if (!is_about_requests) return std::nullopt;
    if (metric.ends_with("_sum")) return Quantity::seconds;
    if (has(metric, "error") || has(metric, "fail") || has(metric, "5xx")) {
        return Quantity::failures;
    }
    const bool is_counter = metric.ends_with("_total") || metric.ends_with("_count") ||
                            metric.ends_with("requests") || metric.ends_with("_rq") ||
                            metric.ends_with("_xx");
    if (!is_counter) return std::nullopt;
    return Quantity::requests;
}

bool is_in_milliseconds(std::string_view metric) {
    return has(metric, "millisecond") || has(metric, "_ms_");
}

// The share of latencies up to `limit`, by halving.
double share_below(const metrics::LatencyHistogram& latency, double limit) {
    double low = 0;
    double high = 1;
    if (latency.total() == 0 || latency.quantile_s(1) <= limit) return 1;
    for (int i = 0; i < 20; ++i) {
        const double middle = (low + high) / 2;
        (latency.quantile_s(middle) <= limit ? low : high) = middle;
    }
    return low;
}

double mean_of(const metrics::LatencyHistogram& latency) {
    constexpr int parts = 50;
    double sum = 0;
    for (int i = 0; i < parts; ++i) sum += latency.quantile_s((i + 0.5) / parts);
    return sum / parts;
}

std::string_view words_for(Quantity quantity) {
    switch (quantity) {
        case Quantity::requests:
            return "requests";
        case Quantity::failures:
            return "failed requests";
        case Quantity::seconds:
            return "time spent on requests";
        case Quantity::buckets:
            return "latencies";
    }
    std::unreachable();
}

}  // namespace

// Which requests a selection is about.
struct RequestSeries::Meaning {
    Quantity quantity = Quantity::requests;
    // By version: of responses that went well, and badly.
    std::array<std::array<bool, 2>, 2> is_in{};
    std::optional<double> limit;  // le="0.3", in seconds.
    double unit = 1;              // Of latencies, in seconds.
};

// A matcher on a label that tells neither codes nor versions apart admits everything: the manifest
// is rehearsed alone, so it is about this service.
Result<bool> RequestSeries::admits(
    const LabelMatcher& matcher, Version version, bool is_failure) const {
    std::string label = matcher.label;
    std::ranges::transform(label, label.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    for (const CodeLabel& code : code_labels) {
        if (code.label != label) continue;
        const bool is_negative = matcher.kind == LabelMatcher::Kind::not_equal ||
                                 matcher.kind == LabelMatcher::Kind::not_match;
        bool admits_all = true;
        bool admits_any = false;
        for (const std::string_view text : is_failure ? code.bad : code.good) {
            SERIN_TRY(const bool is_admitted, matcher.admits(std::string(text)));
            admits_all = admits_all && is_admitted;
            admits_any = admits_any || is_admitted;
        }
        // One spelling is the real one: to match it is to be in, to exclude it is to be out.
        return is_negative ? admits_all : admits_any;
    }
    const Version other = version == Version::stable ? Version::candidate : Version::stable;
    const auto names_of = [&](Version which) {
        const std::string revision = crowd_.revision(which);
        return std::array<std::string, 4>{
            revision,
            scene_.subject.name() + "-" + revision + "-abcde",
            crowd_.service(which),
            scene_.subject.name() + "-" + revision};
    };
    const bool is_negative = matcher.kind == LabelMatcher::Kind::not_equal ||
                             matcher.kind == LabelMatcher::Kind::not_match;
    LabelMatcher plain = matcher;
    if (is_negative) {
        plain.kind = matcher.kind == LabelMatcher::Kind::not_equal ? LabelMatcher::Kind::equal
                                                                   : LabelMatcher::Kind::match;
    }
    const auto names_a = names_of(version);
    const auto names_b = names_of(other);
    for (std::size_t i = 0; i < names_a.size(); ++i) {
        if (names_a[i] == names_b[i]) continue;
        SERIN_TRY(const bool is_a, plain.admits(names_a[i]));
        SERIN_TRY(const bool is_b, plain.admits(names_b[i]));
        if (is_a != is_b) return is_a != is_negative;
    }
    return true;
}

Result<RequestSeries::Meaning> RequestSeries::understand(const Selection& selection) const {
    const auto quantity = quantity_of(selection.metric);
    if (!quantity) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "{} is by its name neither a counter of requests nor a histogram of latencies",
                selection.metric));
    }
    Meaning meaning{
        .quantity = *quantity, .unit = is_in_milliseconds(selection.metric) ? 0.001 : 1};
    for (const Version version : {Version::stable, Version::candidate}) {
        for (const bool is_failure : {false, true}) {
            bool is_in = *quantity != Quantity::failures || is_failure;
            for (const LabelMatcher& matcher : selection.matchers) {
                if (matcher.label == "le" || matcher.label == "__name__") continue;
                SERIN_TRY(const bool admits_it, admits(matcher, version, is_failure));
                is_in = is_in && admits_it;
            }
            meaning.is_in[version == Version::stable ? 0 : 1][is_failure ? 1 : 0] = is_in;
        }
    }
    for (const LabelMatcher& matcher : selection.matchers) {
        if (matcher.label != "le") continue;
        double limit = std::numeric_limits<double>::infinity();
        const char* end = matcher.value.data() + matcher.value.size();
        const bool is_number = std::from_chars(matcher.value.data(), end, limit).ptr == end;
        if (matcher.kind != LabelMatcher::Kind::equal || (!is_number && matcher.value != "+Inf")) {
            return fail(ErrorKind::invalid, "le is not one bound");
        }
        meaning.limit = limit * meaning.unit;
    }
    return meaning;
}

Result<SeriesReading> RequestSeries::read(const Selection& selection) const {
    SERIN_TRY(const Meaning meaning, understand(selection));
    const Duration scrape = scene_.settings.scrape;
    const Instant asked = scene_.loop.now() - selection.offset;
    const Instant to(asked.time_since_epoch() / scrape * scrape);
    const Instant from((to - selection.range).time_since_epoch() / scrape * scrape);
    metrics::LatencyHistogram latency;
    SeriesReading reading;
    for (const Version version : {Version::stable, Version::candidate}) {
        const auto& is_in = meaning.is_in[version == Version::stable ? 0 : 1];
        if (!is_in[0] && !is_in[1]) continue;
        for (const bool is_failure : {false, true}) {
            const auto first = crowd_.first_seen(version, is_failure);
            // Two samples within the range are the least a rate can be made of.
            if (is_in[is_failure ? 1 : 0] && first && *first + 2 * scrape <= asked &&
                selection.range >= scrape) {
                reading.is_there = true;
            }
        }
        const auto window = windows_.read(
            {.ns = scene_.subject.ns(),
             .revision = crowd_.revision(version),
             .service = {},
             .route = {},
             .own_service = crowd_.service(version)},
            from,
            to);
        const auto failed = static_cast<double>(window.counts.by_class[5]);
        const auto well = static_cast<double>(window.counts.total()) - failed;
        double count = (is_in[0] ? well : 0) + (is_in[1] ? failed : 0);
        if (meaning.quantity == Quantity::seconds) count *= mean_of(window.latency) / meaning.unit;
        if (meaning.limit) count *= share_below(window.latency, *meaning.limit);
        reading.increase += count;
        latency.merge(window.latency);
    }
    if (meaning.quantity == Quantity::buckets) {
        reading.quantile = [latency, unit = meaning.unit](double share) {
            if (latency.total() == 0) return std::numeric_limits<double>::quiet_NaN();
            return latency.quantile_s(std::clamp(share, 0.0, 1.0)) / unit;
        };
    }
    return reading;
}

Result<std::string> RequestSeries::describe(const Selection& selection) const {
    SERIN_TRY(const Meaning meaning, understand(selection));
    const auto& [stable, candidate] = meaning.is_in;
    const bool has_stable = stable[0] || stable[1];
    const bool has_candidate = candidate[0] || candidate[1];
    const bool has_good = stable[0] || candidate[0];
    const bool has_bad = stable[1] || candidate[1];
    if (!has_good && !has_bad) {
        return fmt::format("{}: no request at all", selection.metric);
    }
    std::string text = fmt::format(
        "{} of {}",
        words_for(meaning.quantity),
        has_stable && has_candidate ? "both versions"
        : has_stable                ? "the old version"
                                    : "the new version");
    if (meaning.quantity != Quantity::failures && has_good != has_bad) {
        text += has_bad ? " that failed" : " that went well";
    }
    if (meaning.limit) text += fmt::format(" within {:g}s", *meaning.limit);
    return text + " over " + format_duration(selection.range);
}

}  // namespace serin::rehearse
