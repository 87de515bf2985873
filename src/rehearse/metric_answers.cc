#include "rehearse/metric_answers.h"

#include "judge/sequential/counters.h"
#include "metrics/ab_source.h"
#include "metrics/kayenta_source.h"
#include "metrics/requests_config.h"
#include "metrics/shadow_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace serin::rehearse {

namespace {

constexpr std::uint64_t examined_at_once = 30;

class Pending : public MetricSource::Measurement {
public:
    explicit Pending(EventLoop::Watch timer) : timer_(std::move(timer)) {}

private:
    EventLoop::Watch timer_;
};

std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

MetricSample stated(const json::Value& value) {
    if (value.is_null()) return {.no_data_reason = "no data, as the rehearsal was told"};
    return {.result = value, .value = json::print(value)};
}

}  // namespace

// A watch of the real provider; while it lives, requests come in portions of its size.
class MetricAnswers::News : public Measurement {
public:
    News(MetricAnswers& answers, std::uint64_t every, std::unique_ptr<Measurement> watch)
        : answers_(answers),
          watch_(std::move(watch)),
          place_(answers.awaited_.emplace(every, this)) {
        answers_.set_pace();
    }
    ~News() override {
        answers_.awaited_.erase(place_);
        answers_.set_pace();
    }
    News(const News&) = delete;
    News& operator=(const News&) = delete;

private:
    MetricAnswers& answers_;
    std::unique_ptr<Measurement> watch_;
    std::multimap<std::uint64_t, const Measurement*>::iterator place_;
};

// A measurement that sees every request; while it lives, few come at once.
class MetricAnswers::Examining : public Measurement {
public:
    Examining(MetricAnswers& answers, std::unique_ptr<Measurement> inner)
        : answers_(answers),
          inner_(std::move(inner)),
          place_(answers.awaited_.emplace(examined_at_once, this)) {
        answers_.set_pace();
    }
    ~Examining() override {
        answers_.awaited_.erase(place_);
        answers_.set_pace();
    }
    Examining(const Examining&) = delete;
    Examining& operator=(const Examining&) = delete;

    std::map<std::string, std::string> metadata() const override { return inner_->metadata(); }
    void terminate() override { inner_->terminate(); }
    std::optional<MetricSample> last_word() const override { return inner_->last_word(); }
    void report(std::function<void()> on_progress) override {
        inner_->report(std::move(on_progress));
    }

private:
    MetricAnswers& answers_;
    std::unique_ptr<Measurement> inner_;
    std::multimap<std::uint64_t, const Measurement*>::iterator place_;
};

const std::vector<std::string>& known_providers() {
    static const std::vector<std::string> all = {
        "prometheus",
        "web",
        "job",
        "datadog",
        "newRelic",
        "wavefront",
        "cloudWatch",
        "kayenta",
        "graphite",
        "influxdb",
        "skywalking",
        "serin/dynatrace",
        "serin/googleCloudMonitoring",
        "serin/splunk",
        std::string(metrics::RequestsSource::provider),
        std::string(metrics::SequentialSource::provider),
        std::string(metrics::BudgetSource::provider),
        std::string(metrics::KayentaSource::provider),
        std::string(metrics::AbSource::provider),
        std::string(metrics::ShadowSource::provider)};
    return all;
}

MetricAnswers::MetricAnswers(
    Scene& scene,
    Crowd& crowd,
    metrics::RequestWindows& windows,
    metrics::ReleaseRequests& examined)
    : scene_(scene),
      crowd_(crowd),
      requests_(scene.loop, windows),
      sequential_(scene.loop, examined),
      budget_(scene.loop, examined),
      series_(scene, crowd, windows),
      chance_(scene.chance.fork(6)) {}

Result<> MetricAnswers::check(const json::Object& /*config*/) const {
    return {};
}

void MetricAnswers::set_pace() {
    crowd_.hurry(awaited_.empty() ? 0 : std::max<std::uint64_t>(awaited_.begin()->first, 1));
}

void MetricAnswers::note(const MetricQuery& query, const std::string& words, bool is_understood) {
    notes_.try_emplace(query.metric, query.provider, words, is_understood);
}

std::unique_ptr<MetricSource::Measurement> MetricAnswers::measure(MetricQuery query, Done done) {
    crowd_.catch_up();
    if (scene_.current(Fault::Kind::metric_error)) {
        done(fail(ErrorKind::unavailable, "the metric provider does not answer"));
        return nullptr;
    }
    if (scene_.current(Fault::Kind::metric_empty)) {
        note(query, "left without data by a fault");
        MetricSample nothing{.no_data_reason = "no data"};
        // An empty vector is an answer, of which conditions make what they will.
        if (query.provider == "prometheus") nothing = {.result = json::Array(), .value = "[]"};
        done(std::move(nothing));
        return nullptr;
    }
    const Fault* late = scene_.current(Fault::Kind::metric_late);
    if (!late || query.is_early) {
        const bool counts = !query.is_early;
        return answer(std::move(query), std::move(done), counts);
    }
    const Duration delay = chance_.duration(Duration(1), std::max(late->time, Duration(1)));
    return std::make_unique<Pending>(scene_.loop.after(
        delay, [this, query = std::move(query), done = std::move(done)]() mutable {
            crowd_.catch_up();
            query.now = scene_.loop.now();
            query.is_early = true;  // What is there now, without waiting once more.
            static_cast<void>(answer(std::move(query), std::move(done), true));
        }));
}

std::unique_ptr<MetricSource::Measurement> MetricAnswers::answer(
    MetricQuery query, Done done, bool counts) {
    done = [this, counts, then = std::move(done)](Result<MetricSample> sample) {
        if (sample && sample->no_data_reason.empty() && counts) ++values_given_;
        then(std::move(sample));
    };
    const auto given = scene_.settings.metric_values.find(query.metric);
    if (given != scene_.settings.metric_values.end()) {
        note(query, "answered as stated: " + json::print(given->second));
        done(stated(given->second));
        return nullptr;
    }
    if (query.provider == metrics::RequestsSource::provider) {
        note(query, "from the simulated requests");
        return requests_.measure(std::move(query), std::move(done));
    }
    for (metrics::GuardSource* guard :
         {static_cast<metrics::GuardSource*>(&sequential_),
          static_cast<metrics::GuardSource*>(&budget_)}) {
        const std::string_view provider = guard == &sequential_
                                              ? metrics::SequentialSource::provider
                                              : metrics::BudgetSource::provider;
        if (query.provider != provider) continue;
        const auto counted = judge::sequential::CountersConfig::read(query.config);
        if (guard == &sequential_ && counted && !counted->metrics.empty()) {
            query.config = counted->judged;
            note(query, "its counters are taken to count the simulated requests");
        }
        note(query, "from the simulated requests, one by one");
        auto inner = guard->measure(std::move(query), std::move(done));
        if (!inner) return nullptr;
        return std::make_unique<Examining>(*this, std::move(inner));
    }
    if (query.provider == "prometheus") {
        done(ask_prometheus(query));
        return nullptr;
    }
    if (query.provider == metrics::ShadowSource::provider) {
        note(query, "simulated pods give no answers to compare: answered with no data", false);
        done(MetricSample{
            .no_data_reason = fmt::format(
                "a rehearsal cannot compare answers: state how it ends with --metric {}=VALUE",
                query.metric)});
        return nullptr;
    }
    note(query, "unknown to a rehearsal: answered with no data", false);
    done(MetricSample{
        .no_data_reason = fmt::format(
            "a rehearsal does not know what {} answers: state it with --metric {}=VALUE",
            query.provider,
            query.metric)});
    return nullptr;
}

Result<MetricSample> MetricAnswers::ask_prometheus(const MetricQuery& query) {
    const auto text = json::text(query.config.if_contains("query")).value_or("");
    const auto parsed = PromQuery::parse(text);
    const auto answered =
        parsed ? parsed->evaluate([this](const Selection& one) { return series_.read(one); })
               : Result<PromQuery::Answer>(std::unexpected(parsed.error()));
    if (!answered) {
        note(
            query,
            fmt::format(
                "query not understood ({}): answered with no data", answered.error().message),
            false);
        return MetricSample{.no_data_reason = answered.error().message};
    }
    std::string words;
    for (const Selection& selection : parsed->selections()) {
        const auto one = series_.describe(selection);
        if (one && words.find(*one) == std::string::npos) {
            words += (words.empty() ? "query understood: " : "; ") + *one;
        }
    }
    note(query, words.empty() ? "query understood: a constant" : words);
    if (answered->is_scalar) {
        return MetricSample{
            .result = answered->values.front(), .value = number_text(answered->values.front())};
    }
    json::Array values;
    std::string shown;
    for (const double value : answered->values) {
        values.emplace_back(value);
        shown += number_text(value);
    }
    return MetricSample{.result = std::move(values), .value = "[" + shown + "]"};
}

std::unique_ptr<MetricSource::Measurement> MetricAnswers::watch(
    const MetricQuery& query, std::function<void()> on_news) {
    if (query.provider != metrics::RequestsSource::provider ||
        scene_.settings.metric_values.contains(query.metric)) {
        return nullptr;
    }
    crowd_.catch_up();
    const auto config = metrics::RequestsConfig::read(query.config);
    auto watch = requests_.watch(query, std::move(on_news));
    if (!config || !watch) return nullptr;
    return std::make_unique<News>(*this, config->requests_min, std::move(watch));
}

}  // namespace serin::rehearse
