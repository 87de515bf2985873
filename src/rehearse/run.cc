#include "rehearse/run.h"

#include "control/analysis_controller.h"
#include "control/experiment_controller.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "rehearse/agreeable_plugins.h"
#include "rehearse/crowd.h"
#include "rehearse/promql.h"
#include "rehearse/split_router.h"
#include "rehearse/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace serin::rehearse {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration serves_within = hours(1);   // The old version, before the release.
constexpr Duration returns_within = hours(1);  // Traffic, after the abort.
constexpr Duration quiet_min = minutes(30);    // Nothing moves for as long: it stalls.
constexpr Duration look_every = seconds(10);

// What is followed of the Rollout's status.
struct View {
    std::string phase;
    std::string message;
    std::string candidate;
    std::string stable;
    std::int64_t step = 0;
    bool is_aborted = false;
    bool is_paused = false;
    bool is_inconclusive = false;
    bool is_judging = false;

    static View of(const Object& rollout) {
        const json::Array* pauses = json::array(rollout.find("/status/pauseConditions"));
        const std::string_view run =
            rollout.text("/status/canary/currentStepAnalysisRunStatus/status");
        return {
            .phase = std::string(rollout.text("/status/phase")),
            .message = std::string(rollout.text("/status/message")),
            .candidate = std::string(rollout.text("/status/currentPodHash")),
            .stable = std::string(rollout.text("/status/stableRS")),
            .step = rollout.integer("/status/currentStepIndex"),
            .is_aborted = rollout.boolean("/status/abort"),
            .is_paused = pauses && !pauses->empty(),
            .is_inconclusive = run == "Inconclusive",
            .is_judging = run == "Running" || run == "Pending"};
    }
    friend bool operator==(const View&, const View&) = default;
};

std::uint64_t seed_of(const Settings& settings, std::int64_t index) {
    return sim::Random(settings.seed).fork(static_cast<std::uint64_t>(index) + 1).next();
}

// How far back the queries of the manifest look, so that there is something to see.
Duration history_needed(const Subject& subject) {
    Duration longest = seconds(30);
    for (const Object& object : subject.objects) {
        const json::Array* metrics = json::array(object.find("/spec/metrics"));
        if (!metrics) continue;
        for (const json::Value& metric : *metrics) {
            const auto text = json::text(json::find(metric, "/provider/prometheus/query"));
            if (!text) continue;
            longest = std::max<Duration>(longest, minutes(6));
            const auto query = PromQuery::parse(*text);
            if (!query) continue;
            for (const Selection& one : query->selections()) {
                longest = std::max(longest, one.range + one.offset + minutes(1));
            }
        }
    }
    return std::min<Duration>(longest, hours(1));
}

// How long nothing may move before a release counts as stalled.
Duration quiet_max(const Plan& plan) {
    Duration longest = std::max(quiet_min, 2 * plan.progress_deadline);
    for (const Step& step : plan.steps) {
        const auto* pause = std::get_if<Pause>(&step);
        if (pause && pause->duration) longest = std::max(longest, 2 * *pause->duration);
    }
    return longest;
}

control::MetricSources sources_of(const Subject& subject, MetricSource& answers) {
    control::MetricSources sources;
    for (const std::string& name : known_providers()) sources[name] = &answers;
    for (const Object& object : subject.objects) {
        const json::Array* metrics = json::array(object.find("/spec/metrics"));
        if (!metrics) continue;
        for (const json::Value& metric : *metrics) {
            const json::Object* plugins = json::object(json::find(metric, "/provider/plugin"));
            if (!plugins) continue;
            for (const auto& plugin : *plugins) sources[std::string(plugin.key())] = &answers;
        }
    }
    return sources;
}

class Rehearsal {
public:
    Rehearsal(const Subject& subject, const Settings& settings, std::int64_t index, bool is_traced)
        : scene_(subject, settings, seed_of(settings, index)),
          is_traced_(is_traced),
          windows_(scene_.loop),
          requests_(scene_.loop, scene_.store, windows_, std::chrono::hours(1)),
          crowd_(scene_, windows_, requests_),
          workload_(scene_, [this] { note_change(); }),
          router_(scene_, [this] { crowd_.catch_up(); }),
          answers_(scene_, crowd_, windows_, requests_),
          events_(scene_.store, scene_.loop, "serin-analysis"),
          analysis_(scene_.loop, scene_.store, events_, sources_of(subject, answers_)),
          plugins_(scene_.loop),
          releases_(scene_.loop, scene_.store, scene_.evidence, router_, plugins_),
          experiments_(scene_.loop, scene_.store, router_),
          manager_(
              scene_.loop,
              scene_.store,
              std::vector<Reconciler*>{&workload_, &analysis_, &releases_, &experiments_}),
          quiet_max_(quiet_max(subject.lowered.plan)) {
        course_.index = index;
        crowd_.connect(workload_, router_);
        crowd_.on_tick([this] { tick(); });
        router_.on_arrival([this] {
            manager_.request(releases_, scene_.subject.key());
            check_return();
        });
    }

    Result<Course> run() {
        SERIN_TRY_DO(serve_old_version());
        begin();
        scene_.loop.run_until(scene_.began + scene_.settings.horizon, [this] { return !is_over_; });
        if (!is_over_) {
            end(Ending::stalled,
                "not over after " + format_duration(scene_.settings.horizon) + waiting());
        }
        return std::move(course_);
    }

private:
    Result<> serve_old_version();
    void begin();
    void follow(const Object& rollout);
    void judge_state();
    void check_return();
    void look_for_quiet();
    void hold(const std::string& why);
    void promote();
    void tick();
    void note_change();
    void begin_stretch();
    void end_stretch();
    void end(Ending ending, std::string reason);
    void take_moments();
    std::string waiting() const;
    bool waits_for_person() const;

    Scene scene_;
    bool is_traced_;
    metrics::RequestWindows windows_;
    metrics::ReleaseRequests requests_;  // Nothing is restarted, so it need not write.
    Crowd crowd_;
    Workload workload_;
    SplitRouter router_;
    MetricAnswers answers_;
    EventRecorder events_;
    control::AnalysisController analysis_;
    AgreeablePlugins plugins_;
    control::ReleaseController releases_;
    control::ExperimentController experiments_;
    control::Manager manager_;
    std::unique_ptr<WatchHandle> watch_;

    View view_;
    std::string waiting_for_;
    Instant moved_;  // When the view last changed.
    Duration quiet_max_;
    bool is_over_ = false;
    bool is_promotion_due_ = false;
    EventLoop::Watch promotion_;
    EventLoop::Watch quiet_;
    EventLoop::Watch deadline_;  // Of traffic to come back.

    Served stable_before_;
    std::uint64_t lost_before_ = 0;
    std::optional<Stretch> stretch_;
    Served stretch_before_;
    std::int64_t values_before_ = 0;
    Instant pods_since_;
    int pods_ = 0;
    Course course_;
};

Result<> Rehearsal::serve_old_version() {
    for (const Object& object : scene_.subject.objects) {
        const auto created = scene_.store.create(object);
        if (!created) return std::unexpected(created.error());
    }
    SERIN_TRY_DO(scene_.store.create(scene_.subject.former));
    ListQuery query;
    query.type = &types::rollout();
    SERIN_TRY(
        watch_,
        scene_.store.watch(
            query,
            "",
            [this](const StoreEvent& event) { follow(event.object); },
            [](const Error&) {}));
    manager_.start();
    const Instant end = scene_.loop.now() + serves_within;
    scene_.loop.run_until(end, [this] { return view_.phase != "Healthy" || view_.stable.empty(); });
    if (view_.phase != "Healthy" || view_.stable.empty()) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "the old version does not come to serve: {}{}",
                view_.phase.empty() ? "no status" : view_.phase,
                view_.message.empty() ? "" : ": " + view_.message));
    }
    scene_.old_revision = view_.stable;
    crowd_.start();
    scene_.loop.run_until(scene_.loop.now() + history_needed(scene_.subject), [] { return true; });
    return {};
}

void Rehearsal::begin() {
    crowd_.catch_up();
    scene_.began = scene_.loop.now();
    moved_ = scene_.began;
    stable_before_ = crowd_.served(Version::stable);
    lost_before_ = crowd_.lost();
    pods_ = workload_.pods();
    pods_since_ = scene_.began;
    course_.pods_peak = pods_;
    auto rollout = scene_.store.get(scene_.subject.key());
    if (!rollout) return end(Ending::stalled, rollout.error().message);
    rollout->put("/spec", *scene_.subject.rollout.find("/spec"));
    auto updated = scene_.store.update(*std::move(rollout));
    if (updated && scene_.subject.workload) updated = scene_.store.update(*scene_.subject.workload);
    if (!updated) return end(Ending::stalled, updated.error().message);
    look_for_quiet();
}

void Rehearsal::follow(const Object& rollout) {
    if (rollout.name() != scene_.subject.name()) return;
    waiting_for_ = rollout.text("/status/serin/waitingFor");
    View seen = View::of(rollout);
    if (seen == view_) return;
    std::swap(view_, seen);
    if (scene_.began == Instant::max() || is_over_) return;
    moved_ = scene_.loop.now();
    if (view_.step != seen.step || view_.candidate != seen.candidate) begin_stretch();
    judge_state();
}

void Rehearsal::judge_state() {
    if (view_.is_aborted) {
        if (!deadline_) {
            deadline_ = scene_.loop.after(returns_within, [this] {
                end(Ending::aborted, view_.message + " (traffic has not come back)");
            });
        }
        return check_return();
    }
    const bool is_new = scene_.is_new(view_.candidate);
    if (is_new && view_.stable == view_.candidate && view_.phase == "Healthy") {
        return end(Ending::promoted, "all steps are done");
    }
    if (is_new && waits_for_person()) hold(view_.message);
}

void Rehearsal::check_return() {
    if (is_over_ || !view_.is_aborted) return;
    crowd_.catch_up();
    if (crowd_.candidate_share() > 0) return;
    end(Ending::aborted, view_.message);
}

// A pause that nothing but a person ends.
bool Rehearsal::waits_for_person() const {
    if (view_.phase != "Paused" || !view_.is_paused) return false;
    if (view_.is_inconclusive) return true;
    if (const auto& flip = scene_.subject.lowered.plan.flip) return !flip->is_automatic;
    const auto& steps = scene_.subject.lowered.plan.steps;
    const auto index = static_cast<std::size_t>(view_.step);
    if (index >= steps.size()) return false;
    const auto* pause = std::get_if<Pause>(&steps[index]);
    return pause && !pause->duration;
}

void Rehearsal::hold(const std::string& why) {
    const auto& patience = scene_.settings.promote_after;
    if (!patience) {
        return end(
            Ending::stalled, fmt::format("step {} waits for a person ({})", view_.step + 1, why));
    }
    if (is_promotion_due_) return;
    is_promotion_due_ = true;
    promotion_ = scene_.loop.after(*patience, [this] {
        is_promotion_due_ = false;
        if (waits_for_person()) promote();
    });
}

// As `serin promote` does it.
void Rehearsal::promote() {
    json::Object status{{"pauseConditions", nullptr}};
    if (view_.is_inconclusive) {
        status["controllerPause"] = false;
        status["currentStepIndex"] = view_.step + 1;
    }
    static_cast<void>(scene_.store.patch(
        scene_.subject.key(),
        PatchKind::merge,
        json::Object{{"status", std::move(status)}},
        Part::status));
}

// What stands still without a pause that ends is told by time alone.
void Rehearsal::look_for_quiet() {
    if (is_over_) return;
    const bool is_quiet = scene_.loop.now() - moved_ > quiet_max_;
    if (is_quiet && !view_.is_judging && !is_promotion_due_) {
        return end(
            Ending::stalled,
            fmt::format("nothing moved for {}{}", format_duration(quiet_max_), waiting()));
    }
    quiet_ = scene_.loop.after(look_every, [this] { look_for_quiet(); });
}

std::string Rehearsal::waiting() const {
    std::string text = ": " + view_.phase;
    if (!view_.message.empty()) text += " (" + view_.message + ")";
    if (!waiting_for_.empty()) text += ", waits for " + waiting_for_;
    return text;
}

void Rehearsal::note_change() {
    crowd_.catch_up();
    const Instant now = scene_.loop.now();
    if (scene_.began == Instant::max() || is_over_) return;
    // A selector takes traffic back as a split does: once this change is made.
    if (view_.is_aborted) scene_.loop.post([this] { check_return(); });
    const int extra = std::max(0, pods_ - scene_.subject.lowered.replicas);
    course_.extra_pod_hours +=
        extra * std::chrono::duration<double, std::ratio<3600>>(now - pods_since_).count();
    pods_since_ = now;
    pods_ = workload_.pods();
    course_.pods_peak = std::max(course_.pods_peak, pods_);
}

void Rehearsal::tick() {
    if (scene_.began == Instant::max() || is_over_) return;
    note_change();
    if (!is_traced_) return;
    const Served& stable = crowd_.served(Version::stable);
    course_.samples.push_back(
        {.at = scene_.since_start(),
         .share = crowd_.candidate_share(),
         .candidate = crowd_.served(Version::candidate),
         .stable = {
             .requests = stable.requests - stable_before_.requests,
             .failed = stable.failed - stable_before_.failed}});
}

// A stretch goes from one step that exposes more or less to the next.
void Rehearsal::begin_stretch() {
    const auto& steps = scene_.subject.lowered.plan.steps;
    const auto index = static_cast<std::size_t>(view_.step);
    const bool exposes = index < steps.size() && std::holds_alternative<Expose>(steps[index]);
    if (stretch_ && !exposes && index < steps.size() && !view_.is_aborted) return;
    end_stretch();
    if (view_.is_aborted || (index >= steps.size() && !steps.empty())) return;
    crowd_.catch_up();
    stretch_ = Stretch{.step = static_cast<int>(index), .began = scene_.since_start()};
    if (exposes) {
        stretch_->share = static_cast<double>(std::get<Expose>(steps[index]).weight) /
                          scene_.subject.lowered.plan.weight_max;
    }
    stretch_before_ = crowd_.served(Version::candidate);
    values_before_ = answers_.values_given();
}

void Rehearsal::end_stretch() {
    if (!stretch_) return;
    crowd_.catch_up();
    const Served& now = crowd_.served(Version::candidate);
    stretch_->lasted = scene_.since_start() - stretch_->began;
    stretch_->requests = now.requests - stretch_before_.requests;
    stretch_->failed = now.failed - stretch_before_.failed;
    stretch_->values = answers_.values_given() - values_before_;
    course_.stretches.push_back(*stretch_);
    stretch_.reset();
}

void Rehearsal::end(Ending ending, std::string reason) {
    if (is_over_) return;
    tick();
    note_change();
    end_stretch();
    is_over_ = true;
    course_.ending = ending;
    course_.reason = std::move(reason);
    course_.lasted = scene_.since_start();
    course_.candidate = crowd_.served(Version::candidate);
    course_.stable = crowd_.served(Version::stable);
    course_.stable.requests -= stable_before_.requests;
    course_.stable.failed -= stable_before_.failed;
    course_.lost = crowd_.lost() - lost_before_;
    course_.notes = answers_.notes();
    if (is_traced_) take_moments();
}

void Rehearsal::take_moments() {
    const auto entries = scene_.evidence.read("");
    if (!entries) return;
    for (const EvidenceEntry& entry : *entries) {
        if (entry.at < scene_.began) continue;
        const json::Array* causes = json::array(json::find(entry.body, "/causes"));
        if (!causes || causes->empty()) continue;
        Moment moment{.at = entry.at - scene_.began};
        for (const json::Value& cause : *causes) {
            if (!moment.rule.empty()) moment.rule += ",";
            if (!moment.words.empty()) moment.words += "; ";
            moment.rule += json::text(json::find(cause, "/rule")).value_or("");
            moment.words += json::text(json::find(cause, "/reason")).value_or("");
        }
        const auto weight = json::number(json::find(entry.body, "/after/weight"));
        moment.share = weight.value_or(0) / scene_.subject.lowered.plan.weight_max;
        course_.moments.push_back(std::move(moment));
    }
}

}  // namespace

std::string_view to_string(Ending ending) {
    switch (ending) {
        case Ending::promoted:
            return "promoted";
        case Ending::aborted:
            return "aborted";
        case Ending::stalled:
            return "stalled";
    }
    return "stalled";
}

Result<Course> run_once(
    const Subject& subject, const Settings& settings, std::int64_t index, bool is_traced) {
    return Rehearsal(subject, settings, index, is_traced).run();
}

}  // namespace serin::rehearse
