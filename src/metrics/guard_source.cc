#include "metrics/guard_source.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <utility>

namespace serin::metrics {

namespace {

using Judgement = MetricSample::Judgement;
using Standing = Finding::Standing;

constexpr Duration show_every{5'000};
// Before that an estimate is a guess.
constexpr Duration estimate_after{3'000};
// Before that the traffic is not known.
constexpr Duration sight_after{15'000};

std::string words_of(double seconds) {
    constexpr double day = 86'400;
    if (seconds >= 100 * day) return "more than 100 days";
    const auto whole = std::chrono::seconds(std::max<std::int64_t>(std::llround(seconds), 1));
    return format_duration(std::chrono::duration_cast<Duration>(whole));
}

// When a decision can be expected, and whether the step leaves time for it.
std::string estimate(const Finding& finding, Duration passed, std::optional<Duration> left) {
    if (!finding.has_forecast || passed < estimate_after) return "";
    const std::string traffic =
        fmt::format("{:.3g} canary requests a second", finding.requests_per_second);
    const std::string within =
        left ? fmt::format(" within the {} that are left", format_duration(*left)) : "";
    if (finding.requests_per_second <= 0)
        return "no request has reached the canary: nothing can be decided" + within;
    if (!finding.seconds_to_decision) return "no decision in sight at " + traffic;
    const double seconds = *finding.seconds_to_decision;
    const std::string when = fmt::format("about {} at {}", words_of(seconds), traffic);
    if (!left || seconds <= std::chrono::duration<double>(*left).count())
        return "decision expected in " + when;
    return fmt::format(
        "too little traffic: a decision takes {}, the step has {} left; raise the weight or the "
        "timeout",
        when,
        format_duration(*left));
}

MetricSample sample_of(const Finding& finding, Judgement judgement) {
    return {
        .value = finding.value,
        .judgement = judgement,
        .summary = finding.summary,
        .metadata = finding.facts};
}

std::optional<Judgement> judgement_of(const Finding& finding, bool is_beside_steps) {
    if (finding.standing == Standing::bad) return Judgement::failed;
    if (finding.standing == Standing::good && !is_beside_steps) return Judgement::successful;
    return std::nullopt;
}

class Attending : public MetricSource::Measurement {
public:
    Attending(
        EventLoop& loop,
        const MetricQuery& query,
        std::optional<Duration> timeout,
        MetricSource::Done done)
        : loop_(loop),
          started_(query.started),
          is_beside_steps_(query.is_beside_steps),
          done_(std::move(done)) {
        if (timeout && !is_beside_steps_) ends_at_ = started_ + *timeout;
    }

    // Begins. The seat calls look().
    void sit(std::unique_ptr<ReleaseRequests::Seat> seat) {
        seat_ = std::move(seat);
        // Whoever measures has to get the handle first.
        first_ = loop_.after(Duration(0), [this] { look(true); });
        if (ends_at_) {
            const Duration left = std::max(*ends_at_ - loop_.now(), Duration(0));
            timer_ = loop_.after(left, [this] { look(true); });
        }
    }

    // Shows the seat what counters say, for as long as it is held.
    void ask(MetricQuery query, std::vector<CounterPoll::Metric> counters, Duration interval) {
        poll_ = std::make_unique<CounterPoll>(
            loop_,
            std::move(query),
            std::move(counters),
            interval,
            CounterPoll::Callbacks{
                .on_reading = [this](const CounterReading& reading) { seat_->show(reading); },
                .on_end = [this](Error error) { finish(std::unexpected(std::move(error))); }});
    }

    // May end this object's use, so nothing follows the call of done.
    void look(bool is_news) {
        if (!done_) return;
        const Instant now = loop_.now();
        const Finding finding = seat_->finding();
        const auto judgement = judgement_of(finding, is_beside_steps_);
        if (judgement) return finish(sample_of(finding, *judgement));
        if (ends_at_ && now >= *ends_at_) {
            MetricSample sample = sample_of(finding, Judgement::inconclusive);
            sample.summary = fmt::format(
                "the step's {} are over without a decision: {}",
                format_duration(*ends_at_ - started_),
                finding.summary);
            sample.metadata["rule"] = "deadline";
            return finish(std::move(sample));
        }
        if (!is_news && now < shown_at_ + show_every) return;
        std::map<std::string, std::string> facts = facts_of(finding, now);
        if (facts == shown_) return;
        shown_ = std::move(facts);
        shown_at_ = now;
        if (on_progress_) on_progress_();
    }

    std::map<std::string, std::string> metadata() const override {
        return shown_.empty() ? facts_of(seat_->finding(), loop_.now()) : shown_;
    }

    void report(std::function<void()> on_progress) override {
        on_progress_ = std::move(on_progress);
    }

    std::optional<MetricSample> last_word() const override {
        const Finding finding = seat_->finding();
        if (finding.standing == Standing::bad) return sample_of(finding, Judgement::failed);
        if (!is_beside_steps_ && finding.standing == Standing::open) return std::nullopt;
        MetricSample sample = sample_of(finding, Judgement::successful);
        // The release may be tried again: what is said to be spent now has to be so then, also
        // after a crash. What cannot be kept is not said.
        if (!seat_->keep() && !shown_.empty()) {
            sample.metadata = shown_;
            sample.summary = shown_.at("standing");
        }
        return sample;
    }

    void terminate() override {
        done_ = nullptr;
        poll_.reset();
        seat_.reset();
        timer_.reset();
        first_.reset();
    }

private:
    std::map<std::string, std::string> facts_of(const Finding& finding, Instant now) const {
        std::map<std::string, std::string> facts = finding.facts;
        std::optional<Duration> left;
        if (ends_at_) left = std::max(*ends_at_ - now, Duration(0));
        facts["standing"] = finding.summary;
        if (const auto text = estimate(finding, now - started_, left); !text.empty())
            facts["estimate"] = text;
        if (now >= started_ + sight_after) {
            const Duration time = ends_at_ ? *ends_at_ - started_ : finding.release;
            if (const auto text = describe_blindness(finding.sights, time); !text.empty())
                facts["plan"] = text;
        }
        return facts;
    }

    void finish(Result<MetricSample> sample) {
        const MetricSource::Done done = std::exchange(done_, nullptr);
        terminate();
        done(std::move(sample));
    }

    EventLoop& loop_;
    Instant started_;
    bool is_beside_steps_;
    MetricSource::Done done_;
    std::optional<Instant> ends_at_;
    std::unique_ptr<ReleaseRequests::Seat> seat_;
    std::unique_ptr<CounterPoll> poll_;
    EventLoop::Watch timer_;
    EventLoop::Watch first_;
    std::function<void()> on_progress_;
    std::map<std::string, std::string> shown_;
    Instant shown_at_;
};

}  // namespace

Result<> GuardSource::check(const json::Object& config) const {
    SERIN_TRY_DO(read(config));
    return {};
}

std::unique_ptr<MetricSource::Measurement> GuardSource::measure(MetricQuery query, Done done) {
    auto guard = read(query.config);
    if (!guard) {
        done(std::unexpected(std::move(guard).error()));
        return nullptr;
    }
    const auto refuse = [&](std::string_view what) {
        done(fail(ErrorKind::invalid, std::string(what)));
        return nullptr;
    };
    if (query.candidate.revision.empty())
        return refuse("the run belongs to no revision: give it to a Rollout");
    if (guard->needs_stable &&
        (query.stable.revision.empty() || query.stable.revision == query.candidate.revision)) {
        return refuse("there is no stable revision to compare with: judge against bounds instead");
    }
    auto attending = std::make_unique<Attending>(loop_, query, guard->timeout, std::move(done));
    attending->sit(requests_.attend(
        query,
        {.name = guard->name,
         .make = guard->make,
         .on_change = [self = attending.get()](bool is_news) { self->look(is_news); }}));
    if (!guard->counters.empty())
        attending->ask(std::move(query), std::move(guard->counters), guard->counters_interval);
    return attending;
}

}  // namespace serin::metrics
