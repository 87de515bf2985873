#include "metrics/requests_source.h"

#include "metrics/requests_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace serin::metrics {

namespace {

using Quantity = RequestsConfig::Quantity;
using Comparison = RequestsConfig::Comparison;

// What one metric asks of the windows, resolved to revisions.
struct Question {
    RequestsConfig config;
    WindowQuery asked;
    std::optional<WindowQuery> baseline;
    Instant started;
};

WindowQuery query_for(
    const MetricQuery& query, const RequestsConfig& config, const MetricArm& arm) {
    return {
        .ns = query.ns,
        .revision = arm.revision,
        .service = config.service,
        .route = config.route,
        .own_service = arm.service};
}

Result<Question> resolve(const MetricQuery& query) {
    Question question{.started = query.started};
    SERIN_TRY(question.config, RequestsConfig::read(query.config));
    SERIN_TRY(const MetricArm arm, question.config.arm(query));
    question.asked = query_for(query, question.config, arm);
    if (question.config.comparison != Comparison::none) {
        SERIN_TRY(const MetricArm stable, RequestsConfig{.revision = "stable"}.arm(query));
        question.baseline = query_for(query, question.config, stable);
    }
    return question;
}

std::uint64_t chosen(const RequestsConfig& config, const RequestCounts& counts) {
    return config.status_class == 0
               ? counts.total()
               : counts.by_class[static_cast<std::size_t>(config.status_class)];
}

std::uint64_t errors(const RequestsConfig& config, const RequestCounts& counts) {
    return counts
        .by_class[config.status_class == 0 ? 5 : static_cast<std::size_t>(config.status_class)];
}

double value_of(const RequestsConfig& config, const WindowReading& reading, Instant now) {
    const auto total = static_cast<double>(reading.counts.total());
    const auto failed = static_cast<double>(errors(config, reading.counts));
    const auto counted = static_cast<double>(chosen(config, reading.counts));
    constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
    switch (config.quantity) {
        case Quantity::success_rate:
            return total == 0 ? nothing : (total - failed) / total;
        case Quantity::error_rate:
            return total == 0 ? nothing : failed / total;
        case Quantity::latency:
            return reading.latency.total() == 0 ? nothing
                                                : reading.latency.quantile_s(config.quantile);
        case Quantity::count:
            return counted;
        case Quantity::rate: {
            const double seconds = std::chrono::duration<double>(now - reading.from).count();
            return seconds <= 0 ? nothing : counted / seconds;
        }
    }
    std::unreachable();
}

double compare(Comparison comparison, double asked, double baseline) {
    if (comparison == Comparison::difference) return asked - baseline;
    if (baseline == 0) return asked == 0 ? 1 : std::numeric_limits<double>::infinity();
    return asked / baseline;
}

// As Go prints floats, which is how values look in a measurement.
std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

std::string seconds_text(Duration duration) {
    return fmt::format(
        "{}s", number_text(std::round(static_cast<double>(duration.count()) / 100) / 10));
}

std::map<std::string, std::string> describe(
    const Question& question, const WindowReading& reading, Instant now) {
    std::map<std::string, std::string> facts = {
        {"revision", question.asked.revision},
        {"requests", std::to_string(reading.counts.total())},
        {"failed", std::to_string(errors(question.config, reading.counts))},
        {"window", seconds_text(now - reading.from)}};
    if (reading.counts.lost > 0) facts["lost"] = std::to_string(reading.counts.lost);
    if (reading.counts.retried > 0) facts["retried"] = std::to_string(reading.counts.retried);
    if (reading.counts.aborted() > 0)
        facts["clientAborted"] = std::to_string(reading.counts.aborted());
    if (reading.missing > 0) facts["missing"] = std::to_string(reading.missing);
    return facts;
}

std::string rounded(double value) {
    return std::isfinite(value) ? fmt::format("{:.4g}", value) : number_text(value);
}

// "success rate 0.75", "p95 latency 0.31s", "12.5 5xx requests a second".
std::string quantity_text(const RequestsConfig& config, double value) {
    const std::string number = rounded(value);
    const std::string kind =
        config.status_class == 0 ? "" : fmt::format("{}xx ", config.status_class);
    switch (config.quantity) {
        case Quantity::success_rate:
            return "success rate " + number;
        case Quantity::error_rate:
            return kind + "error rate " + number;
        case Quantity::latency:
            return fmt::format("p{:g} latency {}s", config.quantile * 100, number);
        case Quantity::count:
            return fmt::format("{} {}requests", number, kind);
        case Quantity::rate:
            return fmt::format("{} {}requests a second", number, kind);
    }
    std::unreachable();
}

// One side of a measurement: "success rate 0.75 over 20 requests".
std::string side_text(const RequestsConfig& config, const WindowReading& reading, double value) {
    std::string text = quantity_text(config, value);
    const bool counts = config.quantity == Quantity::count || config.quantity == Quantity::rate;
    if (counts && config.status_class == 0) return text;
    text += fmt::format(" {} {} requests", counts ? "of" : "over", reading.counts.total());
    return text;
}

std::string too_few(
    const Question& question, const WindowReading& reading, std::string_view side, Instant now) {
    return fmt::format(
        "{} of at least {} requests{} in the last {}",
        reading.counts.total(),
        question.config.requests_min,
        side,
        seconds_text(
            std::min(question.config.window.value_or(Duration::max()), now - question.started)));
}

bool is_enough(const Question& question, const WindowReading& reading) {
    if (reading.counts.total() < question.config.requests_min) return false;
    // Requests without an answer have no latency.
    return question.config.quantity != Quantity::latency || reading.latency.total() > 0;
}

// The answer with what there is at `now`.
MetricSample answer(const Question& question, const RequestWindows& windows, Instant now) {
    const RequestsConfig& config = question.config;
    Instant from = question.started;
    if (config.window) from = std::max(from, now - *config.window);
    const WindowReading reading = windows.read(question.asked, from, now);

    MetricSample sample{.metadata = describe(question, reading, now)};
    double value = value_of(config, reading, now);
    sample.summary = side_text(config, reading, value);
    if (!is_enough(question, reading)) sample.no_data_reason = too_few(question, reading, "", now);
    if (question.baseline) {
        const WindowReading baseline = windows.read(*question.baseline, from, now);
        const double stable = value_of(config, baseline, now);
        sample.metadata["candidateValue"] = number_text(value);
        sample.metadata["stableValue"] = number_text(stable);
        sample.metadata["stableRequests"] = std::to_string(baseline.counts.total());
        sample.summary += ", stable " + side_text(config, baseline, stable);
        value = compare(config.comparison, value, stable);
        if (sample.no_data_reason.empty() && !is_enough(question, baseline)) {
            sample.no_data_reason = too_few(question, baseline, " to the stable revision", now);
        }
    }
    if (std::isnan(value) && sample.no_data_reason.empty())
        sample.no_data_reason = too_few(question, reading, "", now);
    if (!sample.no_data_reason.empty()) return sample;
    sample.summary += " in " + seconds_text(now - reading.from);
    sample.result = json::Array{value};
    sample.value = "[" + number_text(value) + "]";
    return sample;
}

// A measurement that looks again with every request until there are enough or its time is over.
class Waiting : public MetricSource::Measurement {
public:
    Waiting(EventLoop& loop, RequestWindows& windows, Question question, MetricSource::Done done)
        : loop_(loop), windows_(windows), question_(std::move(question)), done_(std::move(done)) {
        const auto look = [this] { this->look(false); };
        asked_ = windows_.watch(question_.asked, 1, look);
        if (question_.baseline) baseline_ = windows_.watch(*question_.baseline, 1, look);
        timer_ = loop_.after(question_.config.timeout, [this] { this->look(true); });
        // For what came in between the first look and the watch.
        first_ = loop_.after(Duration(0), look);
    }

private:
    // May end this object, so nothing follows the call of done.
    void look(bool is_last) {
        MetricSample sample = answer(question_, windows_, loop_.now());
        if (!sample.no_data_reason.empty() && !is_last) return;
        asked_.reset();
        baseline_.reset();
        timer_.reset();
        first_.reset();
        const MetricSource::Done done = std::move(done_);
        done(std::move(sample));
    }

    EventLoop& loop_;
    RequestWindows& windows_;
    Question question_;
    MetricSource::Done done_;
    std::unique_ptr<RequestWindows::Watch> asked_;
    std::unique_ptr<RequestWindows::Watch> baseline_;
    EventLoop::Watch timer_;
    EventLoop::Watch first_;
};

}  // namespace

Result<> RequestsSource::check(const json::Object& config) const {
    SERIN_TRY_DO(RequestsConfig::read(config));
    return {};
}

std::unique_ptr<MetricSource::Measurement> RequestsSource::measure(MetricQuery query, Done done) {
    auto question = resolve(query);
    if (!question) {
        done(std::unexpected(std::move(question).error()));
        return nullptr;
    }
    MetricSample sample = answer(*question, windows_, loop_.now());
    if (sample.no_data_reason.empty() || query.is_early) {
        done(std::move(sample));
        return nullptr;
    }
    return std::make_unique<Waiting>(loop_, windows_, *std::move(question), std::move(done));
}

std::unique_ptr<MetricSource::Measurement> RequestsSource::watch(
    const MetricQuery& query, std::function<void()> on_news) {
    struct News : Measurement {
        std::unique_ptr<RequestWindows::Watch> watch;
    };
    const auto question = resolve(query);
    if (!question) return nullptr;
    auto news = std::make_unique<News>();
    news->watch = windows_.watch(
        question->asked,
        std::max<std::uint64_t>(question->config.requests_min, 1),
        std::move(on_news));
    return news;
}

}  // namespace serin::metrics
