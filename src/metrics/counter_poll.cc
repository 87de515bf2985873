#include "metrics/counter_poll.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace serin::metrics {

namespace {

constexpr Duration patience{30'000};  // With one round.
constexpr int first_rounds_max = 5;   // Without any answer.
constexpr Duration silence_max{300'000};

}  // namespace

// One look at all counters.
struct CounterPoll::Round {
    Instant at;
    std::size_t open = 0;
    std::vector<std::optional<Result<MetricSample>>> answers;
    std::vector<std::unique_ptr<MetricSource::Measurement>> asked;
    bool is_asking = true;
};

CounterPoll::CounterPoll(
    EventLoop& loop,
    MetricQuery query,
    std::vector<Metric> metrics,
    Duration interval,
    Callbacks callbacks)
    : loop_(loop),
      query_(std::move(query)),
      metrics_(std::move(metrics)),
      interval_(interval),
      callbacks_(std::move(callbacks)) {
    timer_ = loop_.after(Duration(0), [this] { ask(); });
}
CounterPoll::~CounterPoll() = default;

void CounterPoll::ask() {
    former_.clear();
    auto round = std::make_shared<Round>();
    round_ = round;
    round->at = loop_.now();
    std::vector<const Question*> questions;
    for (const Metric& metric : metrics_) {
        questions.insert(questions.end(), {&metric.canary.total, &metric.canary.events});
        if (metric.stable)
            questions.insert(questions.end(), {&metric.stable->total, &metric.stable->events});
    }
    round->open = questions.size();
    round->answers.resize(questions.size());
    timer_ = loop_.after(patience, [this, round] { finish(round); });
    for (std::size_t i = 0; i < questions.size(); ++i) ask_one(round, *questions[i], i);
    round->is_asking = false;
    if (round->open == 0) finish(round);
}

void CounterPoll::ask_one(
    const std::shared_ptr<Round>& round, const Question& question, std::size_t place) {
    MetricQuery query = query_;
    query.config = question.config;
    query.now = round->at;
    // A late answer finds its round gone.
    auto done = [this, weak = std::weak_ptr(round), place](Result<MetricSample> sample) {
        const auto asked = weak.lock();
        if (!asked || asked->answers[place]) return;
        asked->answers[place] = std::move(sample);
        --asked->open;
        if (asked->open == 0 && !asked->is_asking) finish(asked);
    };
    round->asked.push_back(question.source->measure(std::move(query), std::move(done)));
}

// May end this object's use, so nothing follows the last call.
void CounterPoll::finish(const std::shared_ptr<Round>& round) {
    if (round != round_) return;
    const auto ended = std::exchange(round_, nullptr);
    // One of them may be calling this.
    former_ = std::move(ended->asked);
    const CounterReading reading = reading_of(*ended);
    if (is_hopeless(reading)) {
        timer_.reset();
        return callbacks_.on_end({ErrorKind::unavailable, problem_});
    }
    const Duration left = std::max(ended->at + interval_ - loop_.now(), Duration(0));
    timer_ = loop_.after(left, [this] { ask(); });
    callbacks_.on_reading(reading);
}

CounterReading CounterPoll::reading_of(const Round& round) const {
    std::size_t place = 0;
    const auto answer = [&](std::string& problem) {
        const auto& sample = round.answers[place++];
        if (!sample) {
            problem = fmt::format("no answer within {}", format_duration(patience));
            return CounterAnswer();
        }
        auto read = *sample ? CounterAnswer::read(**sample)
                            : Result<CounterAnswer>(std::unexpected(sample->error()));
        if (read) return *std::move(read);
        problem = std::move(read).error().message;
        return CounterAnswer();
    };
    const auto arm = [&] {
        ArmReading read;
        read.total = answer(read.problem);
        read.events = answer(read.problem);
        return read;
    };
    CounterReading reading{.at = round.at, .metrics = {}};
    for (const Metric& metric : metrics_) {
        CounterReading::Metric one{
            .index = metric.index,
            .counts_the_rest = metric.counts_the_rest,
            .canary = arm(),
            .stable = std::nullopt};
        if (metric.stable) one.stable = arm();
        reading.metrics.push_back(std::move(one));
    }
    return reading;
}

// An outage of the provider is waited for; one that never answers is a mistake.
bool CounterPoll::is_hopeless(const CounterReading& reading) {
    std::string problem;
    for (const CounterReading::Metric& metric : reading.metrics) {
        for (const auto* arm : {&metric.canary, &metric.stable}) {
            if (!*arm) continue;
            if ((*arm)->problem.empty()) {
                read_at_ = reading.at;
                rounds_without_ = 0;
                return false;
            }
            problem = (*arm)->problem;
        }
    }
    ++rounds_without_;
    problem_ = fmt::format("no counter could be read: {}", problem);
    if (!read_at_) return rounds_without_ >= first_rounds_max;
    return reading.at - *read_at_ > silence_max;
}

}  // namespace serin::metrics
