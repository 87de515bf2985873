#include "metrics/ab_source.h"

#include "base/digest.h"
#include "base/log.h"
#include "judge/ab/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

namespace serin::metrics {

namespace {

namespace ab = judge::ab;

constexpr Duration tick_every{1'000};
constexpr Duration show_every{30'000};
constexpr Duration save_every{30'000};

double seconds_of(Instant at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

std::string describe(const ab::Report& report) {
    std::string text;
    for (const ab::ArmReport& arm : report.arms) {
        text += fmt::format(
            "{}{}: {:.4g} % of {} (best with {:.3g} %, expected loss {:.3g} points, evidence "
            "{:.3g} of "
            "{:.3g})",
            text.empty() ? "" : ", ",
            arm.name,
            100 * arm.rate,
            arm.visitors,
            100 * arm.chance_best,
            100 * arm.expected_loss,
            arm.e_value,
            report.win_at);
    }
    return text;
}

}  // namespace

struct AbSource::Trial {
    ab::Config config;
    MetricQuery query;
    ab::State state;
    bool is_dirty = false;
    Instant saved_at;
    std::function<void(bool is_news)> on_change;

    ObjectKey memory_key() const {
        const std::string name = sha256_hex(query.run + "/" + query.metric).substr(0, 10);
        return {&types::config_map(), query.ns, fmt::format("{}-ab-{}", query.run, name)};
    }
    const ab::ArmTarget& target(std::size_t arm) const { return config.targets[arm]; }
    bool is_decided() const { return state.winner || ab::is_split_broken(state, config.spec); }
};

class AbSource::Running : public Measurement {
public:
    Running(AbSource& source, std::shared_ptr<Trial> trial, Done done)
        : source_(source), trial_(std::move(trial)), done_(std::move(done)) {
        trial_->on_change = [this](bool is_news) { look(is_news); };
        const MetricQuery& query = trial_->query;
        if (trial_->config.timeout && !query.is_beside_steps) {
            ends_at_ = query.started + *trial_->config.timeout;
            const Duration left = std::max(*ends_at_ - source_.loop_.now(), Duration(0));
            timer_ = source_.loop_.after(left, [this] { look(true); });
        }
        // Whoever measures has to get the handle first.
        first_ = source_.loop_.after(Duration(0), [this] { look(true); });
        source_.enter(trial_);
    }
    ~Running() override { source_.leave(trial_); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    std::map<std::string, std::string> metadata() const override {
        return facts_.empty() ? facts_of(report()) : facts_;
    }
    void report(std::function<void()> on_progress) override {
        on_progress_ = std::move(on_progress);
    }
    void terminate() override {
        done_ = nullptr;
        timer_.reset();
        first_.reset();
    }
    std::optional<MetricSample> last_word() const override {
        const ab::Report now = report();
        if (!trial_->query.is_beside_steps) return std::nullopt;
        return sample_of(now, MetricSample::Judgement::successful, describe(now));
    }

private:
    using Judgement = MetricSample::Judgement;

    ab::Report report() const {
        ab::State state;
        {
            const std::lock_guard lock(source_.mutex_);
            state = trial_->state;
        }
        return ab::report(state, trial_->config.spec);
    }

    static std::map<std::string, std::string> facts_of(const ab::Report& report) {
        std::map<std::string, std::string> facts{
            {"standing", describe(report)}, {"report", json::print(print_report(report))}};
        if (report.is_split_broken) facts["warning"] = broken_words(report);
        return facts;
    }
    static std::string broken_words(const ab::Report& report) {
        return fmt::format(
            "visitors do not split by the weights (p = {:.2g}): the arms cannot be compared",
            report.split_p_value);
    }
    static MetricSample sample_of(
        const ab::Report& report, Judgement judgement, std::string summary) {
        return {
            .value = report.winner ? report.arms[*report.winner].name : "",
            .judgement = judgement,
            .summary = std::move(summary),
            .metadata = facts_of(report)};
    }

    // May end this object's use, so nothing follows the call of done.
    void look(bool is_news) {
        if (!done_) return;
        const Instant now = source_.loop_.now();
        const bool is_over = ends_at_ && now >= *ends_at_;
        if (!is_news && now < shown_at_ + show_every) return;
        const ab::Report seen = report();
        if (seen.is_split_broken)
            return finish(sample_of(
                seen, Judgement::inconclusive, broken_words(seen) + ". " + describe(seen)));
        if (seen.winner) return win(seen);
        if (is_over) {
            return finish(sample_of(
                seen,
                Judgement::inconclusive,
                "the time is over without a winner: " + describe(seen)));
        }
        facts_ = facts_of(seen);
        shown_at_ = now;
        if (on_progress_) on_progress_();
    }

    void win(const ab::Report& seen) {
        const ab::Config& config = trial_->config;
        const bool is_expected = !config.expects || *config.expects == *seen.winner;
        // Beside the steps, the release goes on to its end with an arm that has won.
        if (is_expected && trial_->query.is_beside_steps) {
            facts_ = facts_of(seen);
            shown_at_ = source_.loop_.now();
            if (on_progress_) on_progress_();
            return;
        }
        finish(sample_of(
            seen,
            is_expected ? Judgement::successful : Judgement::failed,
            fmt::format(
                "{} wins, wrongly with a chance of at most {:g} %: {}",
                seen.arms[*seen.winner].name,
                100 * config.spec.alpha,
                describe(seen))));
    }

    void finish(MetricSample sample) {
        const Done done = std::exchange(done_, nullptr);
        terminate();
        source_.leave(trial_);
        done(std::move(sample));
    }

    AbSource& source_;
    std::shared_ptr<Trial> trial_;
    Done done_;
    std::optional<Instant> ends_at_;
    EventLoop::Watch timer_;
    EventLoop::Watch first_;
    std::function<void()> on_progress_;
    std::map<std::string, std::string> facts_;
    Instant shown_at_;
};

AbSource::AbSource(EventLoop& loop, ObjectStore& store, OutcomeSink& next)
    : loop_(loop), store_(store), next_(next) {}
AbSource::~AbSource() = default;

Result<> AbSource::check(const json::Object& config) const {
    SERIN_TRY_DO(ab::Config::read(config));
    return {};
}

std::unique_ptr<MetricSource::Measurement> AbSource::measure(MetricQuery query, Done done) {
    auto config = ab::Config::read(query.config);
    if (!config) {
        done(std::unexpected(std::move(config).error()));
        return nullptr;
    }
    if (config->is_of_release) {
        if (query.candidate.revision.empty() || query.stable.revision.empty() ||
            query.candidate.revision == query.stable.revision) {
            done(fail(
                ErrorKind::invalid,
                "the run belongs to no release with two revisions: name the arms"));
            return nullptr;
        }
        config->targets = {
            {.revision = query.stable.revision, .service = {}},
            {.revision = query.candidate.revision, .service = {}}};
    }
    auto trial = std::make_shared<Trial>();
    trial->config = *std::move(config);
    trial->query = std::move(query);
    trial->state = ab::begin(trial->config.spec);
    trial->saved_at = loop_.now();
    recall(*trial);
    return std::make_unique<Running>(*this, std::move(trial), std::move(done));
}

void AbSource::enter(const std::shared_ptr<Trial>& trial) {
    const std::lock_guard lock(mutex_);
    trials_.push_back(trial);
    for (std::size_t arm = 0; arm < trial->config.targets.size(); ++arm) {
        const ab::ArmTarget& target = trial->target(arm);
        const std::string key = target.service.empty()
                                    ? fmt::format("r/{}/{}", trial->query.ns, target.revision)
                                    : fmt::format("s/{}/{}", trial->query.ns, target.service);
        places_[key].push_back({trial, arm});
    }
    if (!timer_) timer_ = loop_.after(tick_every, [this] { tick(); });
}

void AbSource::leave(const std::shared_ptr<Trial>& trial) {
    trial->on_change = nullptr;
    save(*trial);
    const std::lock_guard lock(mutex_);
    std::erase(trials_, trial);
    for (auto at = places_.begin(); at != places_.end();) {
        std::erase_if(at->second, [&](const Place& place) { return place.trial == trial; });
        at = at->second.empty() ? places_.erase(at) : std::next(at);
    }
}

// REQUIRES: the mutex is held.
void AbSource::count(std::string_view kind, std::string_view name, const RequestOutcome& outcome) {
    if (name.empty()) return;
    place_.assign(kind).append(outcome.ns).append("/").append(name);
    const auto found = places_.find(place_);
    if (found == places_.end()) return;
    for (const Place& place : found->second) {
        Trial& trial = *place.trial;
        const auto converted = trial.config.outcome(
            outcome.is_lost ? 503 : outcome.status,
            trial.config.header.empty() ? std::string_view()
                                        : outcome.response_headers.find(trial.config.header));
        if (!converted) continue;
        const bool was_decided = trial.is_decided();
        ab::observe(
            trial.state,
            trial.config.spec,
            {.arm = place.arm, .converted = *converted, .at_s = seconds_of(outcome.at)});
        trial.is_dirty = true;
        if (was_decided || !trial.is_decided()) continue;
        loop_.post([weak = std::weak_ptr(place.trial)] {
            const auto alive = weak.lock();
            if (!alive || !alive->on_change) return;
            const auto on_change = alive->on_change;
            on_change(true);
        });
    }
}

void AbSource::take(std::span<const RequestOutcome> outcomes) {
    {
        const std::lock_guard lock(mutex_);
        for (const RequestOutcome& outcome : outcomes) {
            if (places_.empty()) break;
            // A client that left has not told how the request would have ended.
            if (outcome.status == 0 && !outcome.is_lost) continue;
            count("r/", outcome.revision, outcome);
            count("s/", outcome.service, outcome);
        }
    }
    next_.take(outcomes);
}

void AbSource::tick() {
    timer_.reset();
    const auto all = trials_;
    for (const auto& trial : all) {
        if (loop_.now() >= trial->saved_at + save_every) save(*trial);
        if (const auto on_change = trial->on_change) on_change(false);
    }
    if (!trials_.empty()) timer_ = loop_.after(tick_every, [this] { tick(); });
}

void AbSource::flush() {
    for (const auto& trial : trials_) save(*trial);
}

void AbSource::recall(Trial& trial) const {
    const auto stored = store_.get(trial.memory_key());
    if (!stored || stored->controller_uid() != trial.query.run_uid) return;
    const auto memory = json::parse(stored->text("/data/memory"));
    const json::Object* fields = memory ? json::object(&*memory) : nullptr;
    auto state = fields ? ab::read_state(*fields, trial.config.spec)
                        : fail(ErrorKind::invalid, "not an object");
    if (state) {
        trial.state = *std::move(state);
        return;
    }
    log::warning(
        "experiment_memory_dropped",
        {{"object", to_string(trial.memory_key())}, {"error", state.error().message}});
}

void AbSource::save(Trial& trial) {
    trial.saved_at = loop_.now();
    std::string memory;
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(trial.is_dirty, false)) return;
        memory = json::print(ab::print_state(trial.state));
    }
    const ObjectKey key = trial.memory_key();
    json::Object data{{"memory", json::string(memory)}};
    auto written = store_.patch(key, PatchKind::merge, json::Object{{"data", data}});
    if (!written && written.error().kind == ErrorKind::not_found) {
        const MetricQuery& query = trial.query;
        const auto present = store_.get({&types::analysis_run(), query.ns, query.run});
        // Nobody would remove what is owned by something that is gone.
        if (!present || present->uid() != query.run_uid) return;
        Object made(types::config_map(), key.ns, key.name);
        made.set_controller(*present);
        made.put("/data", std::move(data));
        written = store_.create(std::move(made));
    }
    if (written) return;
    const std::lock_guard lock(mutex_);
    trial.is_dirty = true;
    log::warning(
        "experiment_memory_not_written",
        {{"object", to_string(key)}, {"error", written.error().message}});
}

}  // namespace serin::metrics
