#include "metrics/kayenta_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

namespace kayenta = judge::kayenta;
using kayenta::AnalysisSpec;
using kayenta::SeriesQuery;

// After a question that was not answered.
constexpr Duration retry_after{10'000};
constexpr int failures_max = 5;  // In a row.

std::string_view provider_of(const SeriesQuery& query) {
    return query.is_requests ? "serin/requests" : "prometheus";
}

// The points that end after `begin`, up to `end`, one a step.
json::Object range_of(const SeriesQuery& query, const AnalysisSpec::Window& window, Duration step) {
    const Duration covered = window.end - window.begin - step;
    json::Object config = query.config;
    config["rangeQuery"] = json::Object{
        {"start", json::string(fmt::format("now() - duration('{}ms')", covered.count()))},
        {"end", "now()"},
        {"step", json::string(fmt::format("{}ms", step.count()))}};
    return config;
}

class Analysis : public MetricSource::Measurement {
public:
    Analysis(
        EventLoop& loop,
        MetricQuery query,
        AnalysisSpec spec,
        const KayentaSource::Providers& providers,
        MetricSource::Done done)
        : loop_(loop),
          query_(std::move(query)),
          spec_(std::move(spec)),
          done_(std::move(done)),
          sampled_(spec_.queries.size()) {
        for (const SeriesQuery& series : spec_.queries)
            sources_.push_back(providers.at(std::string(provider_of(series))));
        const auto begin = spec_.window(query_.started, 1).begin;
        // After a restart what is past stays past: the next judgement looks at all there is.
        const Duration passed = std::max(loop_.now() - begin, Duration(0));
        next_step_ = passed / spec_.step + 1;
        next_judgement_ = std::max<std::int64_t>(passed / spec_.interval, 1);
        wait();
    }

    std::map<std::string, std::string> metadata() const override { return facts_; }
    void report(std::function<void()> on_progress) override {
        on_progress_ = std::move(on_progress);
    }
    void terminate() override {
        done_ = nullptr;
        timer_.reset();
        asked_.clear();
    }
    std::optional<MetricSample> last_word() const override {
        if (!query_.is_beside_steps) return std::nullopt;
        return sample_of(MetricSample::Judgement::successful, "nothing against it so far");
    }

private:
    Instant begin() const { return query_.started + spec_.begin_after; }
    Instant end_of(std::int64_t judgement) const {
        return spec_.window(query_.started, judgement).end;
    }

    // For the end of the next step, if requests are looked at, or for the next judgement.
    void wait() {
        Instant at = end_of(next_judgement_);
        const bool has_requests = std::ranges::any_of(
            spec_.queries, [](const SeriesQuery& series) { return series.is_requests; });
        if (has_requests) at = std::min(at, begin() + next_step_ * spec_.step);
        if (retry_at_) at = std::max(at, *retry_at_);
        timer_ = loop_.after(std::max(at - loop_.now(), Duration(0)), [this] { wake(); });
    }

    void wake() {
        retry_at_.reset();
        const Instant now = loop_.now();
        while (begin() + next_step_ * spec_.step <= now) {
            // One that was missed is a point without data.
            if (begin() + (next_step_ + 1) * spec_.step > now)
                sample_requests(begin() + next_step_ * spec_.step);
            ++next_step_;
        }
        if (now < end_of(next_judgement_)) return wait();
        ask();
    }

    void sample_requests(Instant at) {
        for (std::size_t i = 0; i < spec_.queries.size(); ++i) {
            if (!spec_.queries[i].is_requests) continue;
            MetricQuery query = query_;
            query.config = spec_.queries[i].config;
            query.now = at;
            query.is_early = true;  // Answered at once.
            const auto done = [&](const Result<MetricSample>& sample) {
                if (!sample || !sample->no_data_reason.empty()) return;
                const json::Array* list = json::array(&sample->result);
                const json::Value* value = list == nullptr ? &sample->result
                                           : list->empty() ? nullptr
                                                           : list->data();
                if (const auto number = json::number(value)) sampled_[i].emplace_back(at, *number);
            };
            const auto asked = sources_[i]->measure(std::move(query), done);
        }
    }

    void ask() {
        window_ = spec_.window(query_.started, next_judgement_);
        asked_.clear();
        answers_.assign(spec_.queries.size(), std::nullopt);
        is_asking_ = true;
        for (std::size_t i = 0; i < spec_.queries.size(); ++i) {
            if (spec_.queries[i].is_requests) {
                answers_[i] = MetricSample{.series = {{.labels = {}, .points = sampled_[i]}}};
                continue;
            }
            MetricQuery query = query_;
            query.config = range_of(spec_.queries[i], window_, spec_.step);
            query.now = window_.end;
            asked_.push_back(
                sources_[i]->measure(std::move(query), [this, i](Result<MetricSample> sample) {
                    answers_[i] = std::move(sample);
                    if (!is_asking_) judge_if_complete();
                }));
        }
        is_asking_ = false;
        judge_if_complete();
    }

    // May end this object's use, so nothing follows the call of done.
    void judge_if_complete() {
        if (!std::ranges::all_of(answers_, [](const auto& answer) { return answer.has_value(); }))
            return;
        auto report = judge();
        if (!report) {
            ++failures_;
            const std::string problem = report.error().message;
            if (failures_ >= failures_max) {
                const auto done = std::exchange(done_, nullptr);
                timer_.reset();
                return done(fail(ErrorKind::unavailable, problem));
            }
            facts_["problem"] = problem;
            retry_at_ = loop_.now() + retry_after;
            wait();
            if (on_progress_) on_progress_();
            return;
        }
        failures_ = 0;
        facts_.erase("problem");
        settle(*report);
    }

    Result<kayenta::Report> judge() const {
        std::vector<kayenta::MetricPair> pairs;
        for (std::size_t i = 0; i + 1 < spec_.queries.size(); i += 2) {
            SERIN_TRY(const auto control, sets_of(i));
            SERIN_TRY(const auto experiment, sets_of(i + 1));
            auto more = kayenta::pair_up(control, experiment);
            if (!more)
                return std::unexpected(std::move(more).error().within(spec_.queries[i].metric));
            std::ranges::move(*more, std::back_inserter(pairs));
        }
        return kayenta::judge_canary(spec_.config, pairs, spec_.thresholds);
    }

    Result<std::vector<kayenta::MetricSet>> sets_of(std::size_t index) const {
        const SeriesQuery& query = spec_.queries[index];
        const Result<MetricSample>& answer = *answers_[index];
        if (!answer) return std::unexpected(Error(answer.error()).within(query.metric));
        std::vector<kayenta::MetricSet> sets;
        for (const MetricSeries& series : answer->series) {
            kayenta::Tags tags = series.labels;
            std::erase_if(tags, [&](const auto& tag) {
                const bool is_kept = query.tags.empty() ||
                                     std::ranges::find(query.tags, tag.first) != query.tags.end();
                return tag.first == "__name__" || !is_kept;
            });
            sets.push_back(kayenta::on_grid(
                query.metric, std::move(tags), series.points, window_, spec_.step));
        }
        // What was not found is no data.
        if (sets.empty())
            sets.push_back(kayenta::on_grid(query.metric, {}, {}, window_, spec_.step));
        return sets;
    }

    void settle(const kayenta::Report& report) {
        const bool is_last = !query_.is_beside_steps && next_judgement_ >= spec_.judgements();
        facts_["score"] = fmt::format("{:g}", report.score);
        facts_["classification"] = kayenta::to_string(report.verdict);
        facts_["judgement"] = query_.is_beside_steps
                                  ? std::to_string(next_judgement_)
                                  : fmt::format("{} of {}", next_judgement_, spec_.judgements());
        facts_["report"] = json::print(print_report(report));
        summary_ = describe(report);
        facts_["standing"] = summary_;
        const kayenta::Outcome outcome = kayenta::outcome_of(report, is_last);
        using enum MetricSample::Judgement;
        switch (outcome) {
            case kayenta::Outcome::fail:
                return finish(failed);
            case kayenta::Outcome::pass:
                return finish(successful);
            case kayenta::Outcome::inconclusive:
                return finish(inconclusive);
            case kayenta::Outcome::go_on:
                ++next_judgement_;
                wait();
                if (on_progress_) on_progress_();
        }
    }

    std::string describe(const kayenta::Report& report) const {
        std::string text = fmt::format(
            "score {:g} ({} at {:g}, passes at {:g})",
            report.score,
            report.score <= report.thresholds.marginal ? "failed" : "fails",
            report.thresholds.marginal,
            report.thresholds.pass);
        for (const kayenta::MetricResult& metric : report.metrics) {
            const kayenta::Classification& of = metric.classification;
            if (of.label == kayenta::Label::pass || metric.is_muted) continue;
            text += fmt::format(
                "; {} is {}: {:.4g} on the canary ({} points), {:.4g} on the baseline ({})",
                metric.name,
                kayenta::to_string(of.label),
                metric.experiment.mean,
                metric.experiment.count,
                metric.control.mean,
                metric.control.count);
        }
        return text;
    }

    MetricSample sample_of(MetricSample::Judgement judgement, std::string summary) const {
        const auto score = facts_.find("score");
        return {
            .value = score == facts_.end() ? "" : score->second,
            .judgement = judgement,
            .summary = std::move(summary),
            .metadata = facts_};
    }

    void finish(MetricSample::Judgement judgement) {
        const auto done = std::exchange(done_, nullptr);
        timer_.reset();
        if (done) done(sample_of(judgement, summary_));
    }

    EventLoop& loop_;
    MetricQuery query_;
    AnalysisSpec spec_;
    MetricSource::Done done_;
    std::vector<MetricSource*> sources_;  // Of the queries.
    std::vector<std::vector<std::pair<Instant, double>>> sampled_;
    std::vector<std::optional<Result<MetricSample>>> answers_;
    std::vector<std::unique_ptr<MetricSource::Measurement>> asked_;
    AnalysisSpec::Window window_;
    std::int64_t next_step_ = 1;
    std::int64_t next_judgement_ = 1;
    std::optional<Instant> retry_at_;
    int failures_ = 0;
    bool is_asking_ = false;
    std::map<std::string, std::string> facts_;
    std::string summary_;
    std::function<void()> on_progress_;
    EventLoop::Watch timer_;
};

}  // namespace

KayentaSource::KayentaSource(EventLoop& loop, Providers providers)
    : loop_(loop), providers_(std::move(providers)) {}

Result<AnalysisSpec> KayentaSource::read(const json::Object& config) const {
    SERIN_TRY(AnalysisSpec spec, AnalysisSpec::read(config));
    for (const SeriesQuery& series : spec.queries) {
        const auto found = providers_.find(std::string(provider_of(series)));
        if (found == providers_.end()) {
            return fail(
                ErrorKind::invalid,
                fmt::format("{}: provider {} cannot be asked", series.metric, provider_of(series)));
        }
        if (auto checked = found->second->check(series.config); !checked)
            return std::unexpected(std::move(checked).error().within(series.metric));
    }
    return spec;
}

Result<> KayentaSource::check(const json::Object& config) const {
    SERIN_TRY_DO(read(config));
    return {};
}

std::unique_ptr<MetricSource::Measurement> KayentaSource::measure(MetricQuery query, Done done) {
    auto spec = read(query.config);
    if (!spec) {
        done(std::unexpected(std::move(spec).error()));
        return nullptr;
    }
    return std::make_unique<Analysis>(
        loop_, std::move(query), *std::move(spec), providers_, std::move(done));
}

}  // namespace serin::metrics
