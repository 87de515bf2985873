#include "metrics/shadow_source.h"

#include "base/digest.h"
#include "base/log.h"
#include "judge/shadow/judge.h"
#include "metrics/shadow_memory.h"
#include "metrics/shadow_trio.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <utility>

namespace serin::metrics {

namespace {

namespace shadow = judge::shadow;
using Judgement = MetricSample::Judgement;

// Comparisons under way; copies beyond are dropped.
constexpr std::size_t open_max = 8;
constexpr Duration tick_every{1'000};
constexpr Duration show_every{5'000};
// Before there are so many, their pace is not known.
constexpr double pace_comparisons = 5;
// After an order, or a restart, until it is clear which rules there are.
constexpr Duration rules_patience{10'000};

std::uint64_t seed_of(const MetricQuery& query) {
    const std::string digest = sha256_hex(query.run_uid + "/" + query.metric);
    return std::stoull(digest.substr(0, 16), nullptr, 16);
}

std::string id_of(const RequestCopy& copy) {
    for (const auto& [name, value] : copy.headers)
        if (name == "x-request-id") return value;
    return {};
}

shadow::Request named(const RequestCopy& copy) {
    return {
        .route = copy.route,
        .method = copy.method,
        .path = copy.target.substr(0, copy.target.find('?')),
        .id = id_of(copy)};
}

class Comparing : public MetricSource::Measurement {
public:
    struct Ports {
        EventLoop& loop;
        ObjectStore& store;
        HttpClient& http;
        RequestCopies& copies;
    };

    Comparing(const Ports& ports, MetricQuery query, shadow::Spec spec, MetricSource::Done done)
        : ports_(ports),
          query_(std::move(query)),
          judge_(std::move(spec)),
          memory_(ports.store, query_),
          random_(seed_of(query_)),
          done_(std::move(done)),
          begun_at_(ports.loop.now()),
          ordered_at_(begun_at_),
          filled_at_(ordered_at_),
          tokens_(judge_.spec().rate) {
        memory_.recall(judge_);
        judge_.begin(query_.number);
        compared_before_ = judge_.compared();
        const Instant started = std::max(query_.started, query_.previous.value_or(query_.started));
        if (!query_.is_beside_steps) ends_at_ = started + judge_.spec().timeout;
        // Whoever measures has to get the handle first.
        timer_ = ports_.loop.after(Duration(0), [this] { begin(); });
    }

    std::map<std::string, std::string> metadata() const override {
        auto all = facts();
        all["standing"] = standing();
        all["estimate"] = all["standing"] + to_go();
        return all;
    }

    void report(std::function<void()> on_progress) override {
        on_progress_ = std::move(on_progress);
    }

    std::optional<MetricSample> last_word() const override {
        const bool is_bad = judge_.decision() == shadow::Decision::fail;
        if (!is_bad && !query_.is_beside_steps) return std::nullopt;
        return sample_of(
            is_bad ? Judgement::failed : Judgement::successful,
            is_bad ? "fail" : "open",
            judge_.explain());
    }

    void terminate() override {
        done_ = nullptr;
        order_.reset();
        timer_.reset();
        trios_.clear();
        over_.clear();
        keep();
    }

private:
    void begin() {
        order_ = ports_.copies.order(
            {.ns = query_.ns,
             .stable_service = query_.stable.service,
             .stable_revision = query_.stable.revision,
             .candidate_revision = query_.candidate.revision,
             .methods = judge_.spec().methods,
             .rate = judge_.spec().rate},
            [this](RequestCopy copy) { take(std::move(copy)); });
        tick();
    }

    void take(RequestCopy copy) {
        if (!done_ || !may_take()) return;
        has_traffic_ = true;
        lacks_candidate_ = copy.candidate.empty();
        lacks_stable_ = copy.stable.empty();
        if (lacks_candidate_ || lacks_stable_ || trios_.size() >= open_max) return;
        tokens_ -= 1;
        const std::uint64_t number = next_trio_++;
        sent_at_[number] = ports_.loop.now();
        trios_[number] = std::make_unique<ShadowTrio>(
            ports_.http,
            judge_.spec().headers,
            std::move(copy),
            random_,
            [this, number](const ShadowTrio::Outcome& outcome) { compare(number, outcome); });
    }

    // Rules are sampled each for itself; the rate is of all.
    bool may_take() {
        const Instant now = ports_.loop.now();
        const double rate = judge_.spec().rate;
        tokens_ = std::min(
            rate, tokens_ + rate * std::chrono::duration<double>(now - filled_at_).count());
        filled_at_ = now;
        return tokens_ >= 1;
    }

    void compare(std::uint64_t number, const ShadowTrio::Outcome& outcome) {
        // It is still in use by whoever calls.
        over_.push_back(std::move(trios_.at(number)));
        trios_.erase(number);
        const Instant sent_at = sent_at_.at(number);
        sent_at_.erase(number);
        if (!counts(outcome, sent_at)) {
            ++discarded_;
            return;
        }
        const auto odd_ones = shadow::find_odd_ones(
            judge_.spec(), outcome.answers[0], outcome.answers[1], outcome.answers[2]);
        const bool is_one_pod = outcome.pods[1].pod == outcome.pods[2].pod;
        judge_.add(odd_ones, named(outcome.request), is_one_pod ? 1 : 2);
        is_dirty_ = true;
        if (judge_.decision() == shadow::Decision::open) return;
        // Not within the call of whoever brought the answer.
        timer_ = ports_.loop.after(Duration(0), [this] { tick(); });
    }

    // Whether a comparison says something: no answer is an answer too, except of a pod that goes,
    // and all that one end of a pod has cost at once counts as one.
    bool counts(const ShadowTrio::Outcome& outcome, Instant sent_at) {
        const auto is_missing = [](const shadow::Answer& answer) { return answer.status == 0; };
        if (std::ranges::none_of(outcome.answers, is_missing)) return true;
        if (std::ranges::all_of(outcome.answers, is_missing)) return false;
        bool is_new = true;
        for (std::size_t i = 0; i < outcome.answers.size(); ++i) {
            if (!is_missing(outcome.answers[i])) continue;
            const std::string& pod = outcome.pods[i].pod;
            if (is_going(pod)) return false;
            const auto silent = silent_at_.find(pod);
            is_new = is_new && (silent == silent_at_.end() || sent_at > silent->second);
        }
        if (!is_new) return false;
        for (std::size_t i = 0; i < outcome.answers.size(); ++i)
            if (is_missing(outcome.answers[i])) silent_at_[outcome.pods[i].pod] = ports_.loop.now();
        return true;
    }

    bool is_going(const std::string& pod) const {
        const auto found = ports_.store.get({.type = &types::pod(), .ns = query_.ns, .name = pod});
        return !found || found->is_being_deleted();
    }

    // Looks at the time, and at what has been decided. May end this object's use.
    void tick() {
        over_.clear();
        if (!done_) return;
        const Instant now = ports_.loop.now();
        if (judge_.decision() == shadow::Decision::fail)
            return finish(Judgement::failed, "fail", judge_.explain());
        if (judge_.decision() == shadow::Decision::pass)
            return finish(Judgement::successful, "pass", judge_.explain());
        if (ends_at_ && now >= *ends_at_)
            return finish(
                Judgement::inconclusive,
                "inconclusive",
                fmt::format(
                    "{} are over without a decision: {}",
                    format_duration(judge_.spec().timeout),
                    standing()));
        if (order_->rules() == 0 && now >= ordered_at_ + rules_patience) return finish_unserved();
        if (order_->rules() > 0) ordered_at_ = now;
        keep();
        show(now);
        const Duration next = ends_at_ ? std::min(tick_every, *ends_at_ - now) : tick_every;
        timer_ = ports_.loop.after(next, [this] { tick(); });
    }

    void finish_unserved() {
        std::string why = order_->trouble();
        if (why.empty())
            why = fmt::format(
                "no rule of an HTTPRoute that Serin serves names the Service \"{}\": there are no "
                "requests to copy",
                query_.stable.service);
        const MetricSource::Done done = std::exchange(done_, nullptr);
        terminate();
        done(fail(ErrorKind::not_found, std::move(why)));
    }

    void finish(Judgement judgement, std::string value, std::string summary) {
        MetricSample sample = sample_of(judgement, std::move(value), std::move(summary));
        const MetricSource::Done done = std::exchange(done_, nullptr);
        terminate();
        done(std::move(sample));
    }

    std::map<std::string, std::string> facts() const {
        auto facts = judge_.facts();
        if (discarded_ > 0) facts["discarded"] = std::to_string(discarded_);
        return facts;
    }

    MetricSample sample_of(Judgement judgement, std::string value, std::string summary) const {
        return {
            .value = std::move(value),
            .judgement = judgement,
            .summary = std::move(summary),
            .metadata = facts()};
    }

    // How it stands, and what is missing if nothing comes.
    std::string standing() const {
        std::string text = judge_.explain();
        if (lacks_candidate_) {
            text += "; no pod of the candidate is ready";
        } else if (lacks_stable_) {
            text += "; no pod of stable is ready";
        } else if (!has_traffic_) {
            text += "; no request that may be copied has come yet";
        }
        return text;
    }

    // At the pace so far, once there is one.
    std::string to_go() const {
        const double seconds = std::chrono::duration<double>(ports_.loop.now() - begun_at_).count();
        const auto compared = static_cast<double>(judge_.compared() - compared_before_);
        if (compared < pace_comparisons || seconds <= 0) return "";
        const double left = static_cast<double>(judge_.left()) * seconds / compared;
        const auto whole = std::chrono::seconds(std::max(1LL, std::llround(left)));
        return fmt::format(
            ", about {} to go at {:.2g} a second",
            format_duration(std::chrono::duration_cast<Duration>(whole)),
            compared / seconds);
    }

    void keep() {
        if (!std::exchange(is_dirty_, false)) return;
        const auto kept = memory_.keep(judge_);
        if (kept) return;
        is_dirty_ = true;
        log::warning(
            "shadow_memory_not_written", {{"run", query_.run}, {"error", kept.error().message}});
    }

    void show(Instant now) {
        if (now < shown_at_ + show_every || !on_progress_) return;
        auto facts = metadata();
        if (facts == shown_) return;
        shown_ = std::move(facts);
        shown_at_ = now;
        on_progress_();
    }

    Ports ports_;
    MetricQuery query_;
    shadow::Judge judge_;
    ShadowMemory memory_;
    std::mt19937_64 random_;
    MetricSource::Done done_;
    std::optional<Instant> ends_at_;  // A run beside the steps ends with the release.
    Instant begun_at_;                // In this process.
    std::uint64_t compared_before_ = 0;
    Instant ordered_at_;  // Or when there last were rules.
    Instant filled_at_;
    double tokens_;
    bool has_traffic_ = false;
    bool lacks_candidate_ = false;
    bool lacks_stable_ = false;
    bool is_dirty_ = false;
    std::uint64_t discarded_ = 0;
    std::uint64_t next_trio_ = 0;
    std::map<std::uint64_t, std::unique_ptr<ShadowTrio>> trios_;
    std::map<std::uint64_t, Instant> sent_at_;
    std::vector<std::unique_ptr<ShadowTrio>> over_;  // To be destroyed.
    std::map<std::string, Instant> silent_at_;       // Pods, when they last gave no answer.
    std::unique_ptr<RequestCopies::Order> order_;
    EventLoop::Watch timer_;
    std::function<void()> on_progress_;
    std::map<std::string, std::string> shown_;
    Instant shown_at_;
};

}  // namespace

Result<> ShadowSource::check(const json::Object& config) const {
    SERIN_TRY_DO(shadow::Spec::read(config));
    return {};
}

std::unique_ptr<MetricSource::Measurement> ShadowSource::measure(MetricQuery query, Done done) {
    auto spec = shadow::Spec::read(query.config);
    if (!spec) {
        done(std::unexpected(std::move(spec).error()));
        return nullptr;
    }
    const auto refuse = [&](std::string_view what) {
        done(fail(ErrorKind::invalid, std::string(what)));
        return nullptr;
    };
    if (query.candidate.revision.empty())
        return refuse("the run belongs to no revision: give it to a Rollout");
    if (query.stable.revision.empty() || query.stable.revision == query.candidate.revision)
        return refuse("there is no stable revision to compare with");
    if (query.stable.service.empty())
        return refuse(
            "no Service is known to select stable: a canary needs stableService, and blue-green "
            "compares before its promotion");
    return std::make_unique<Comparing>(
        Comparing::Ports{loop_, store_, http_, copies_},
        std::move(query),
        *std::move(spec),
        std::move(done));
}

}  // namespace serin::metrics
