#include "metrics/release_requests.h"

#include "base/log.h"
#include "metrics/split_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace serin::metrics {

namespace {

constexpr Duration tick_every{1'000};
// After news, so that what follows from them comes first.
constexpr Duration save_after{50};
// Saving takes at most one of so many parts of the time.
constexpr int saving_share = 10;
// Ten kilobytes, which are wanted once.
constexpr Duration details_every{10'000};
constexpr std::string_view label_release = "serin.dev/examines";
constexpr std::string_view weight_pointer = "/status/canary/weights/canary/weight";

std::optional<Side> side_of(
    const RequestOutcome& outcome, const MetricArm& candidate, const MetricArm& stable) {
    const auto is_of = [&](const MetricArm& arm) {
        // What no pod answered belongs to whoever its service selects.
        if (outcome.revision.empty()) return !arm.service.empty() && arm.service == outcome.service;
        return arm.revision == outcome.revision;
    };
    if (is_of(candidate)) return Side::candidate;
    if (is_of(stable)) return Side::stable;
    return std::nullopt;
}

// Where it was sent, whoever answered in the end.
Side side_sent_to(
    const RequestOutcome& outcome, const MetricArm& candidate, const MetricArm& stable, Side side) {
    if (candidate.service == stable.service) return side;
    if (outcome.service == candidate.service) return Side::candidate;
    return outcome.service == stable.service ? Side::stable : side;
}

// Both arms are one revision: the release was promoted, and its runs are about to end.
bool is_over(const MetricArm& candidate, const MetricArm& stable) {
    return !candidate.revision.empty() && candidate.revision == stable.revision;
}

constexpr std::size_t routes_max = 8;

void warn_of(const Result<>& recalled, const ObjectKey& key) {
    if (recalled) return;
    log::warning(
        "release_memory_dropped",
        {{"object", to_string(key)}, {"error", recalled.error().message}});
}

// A comparison of arms that are not split as they should be is none: it neither passes nor goes on
// in silence. What has failed has failed.
Finding guarded(Finding finding, const SplitGuard& guard) {
    const std::string words = guard.describe();
    if (words.empty() && finding.standing == Finding::Standing::good && guard.is_unsure()) {
        finding.standing = Finding::Standing::open;
        finding.summary = "it is being seen whether requests are split as they should be; then: " +
                          finding.summary;
    }
    if (words.empty()) return finding;
    const bool is_silent = guard.trouble() == SplitGuard::Trouble::silent;
    finding.facts["warning"] = words;
    finding.facts["split"] = is_silent ? "silent" : "mismatch";
    if (finding.standing == Finding::Standing::bad) return finding;
    finding.standing = Finding::Standing::open;
    finding.value = "hold";
    finding.summary = fmt::format("{}. {}", words, finding.summary);
    finding.facts["decision"] = "hold";
    finding.facts["rule"] = is_silent ? "silent-canary" : "split-mismatch";
    finding.has_forecast = false;
    return finding;
}

}  // namespace

struct ReleaseRequests::Listener {
    std::function<void(bool)> on_change;
    bool is_beside_steps = false;
};

struct ReleaseRequests::Watched {
    ObjectKey release;
    std::string release_uid;
    std::string name;
    MetricArm candidate;
    MetricArm stable;
    std::unique_ptr<Examiner> examiner;
    std::vector<std::shared_ptr<Listener>> listeners;
    std::string stage;   // Which stage has begun: a run's uid, or a weight.
    std::string weight;  // Of the candidate, as last seen.
    SplitGuard split;
    std::set<std::string, std::less<>> routes;  // By which its requests came.
    bool is_dirty = false;
    bool is_unsaved = false;  // It could not be written when it was due.
    bool is_announced = false;
    Finding::Standing kept = Finding::Standing::open;  // As written last.
    bool has_new_details = false;                      // Since they were written.
    Instant details_due;

    ObjectKey memory_key() const {
        return {
            .type = &types::config_map(),
            .ns = release.ns,
            .name = fmt::format("{}-{}", release.name, name)};
    }
    ObjectKey details_key() const {
        ObjectKey key = memory_key();
        key.name += "-where";
        return key;
    }
    // Of both, so that details of a former stage are known as such.
    std::string stage_and_weight() const { return stage + " " + weight; }
    void begin_stage(Instant now) {
        is_dirty = true;
        details_due = now;
        kept = Finding::Standing::open;
        examiner->begin_stage(now);
        split.begin_stage();
    }
};

class ReleaseRequests::Holder : public Seat {
public:
    Holder(
        ReleaseRequests& requests,
        std::shared_ptr<Watched> watched,
        std::shared_ptr<Listener> listener)
        : requests_(requests), watched_(std::move(watched)), listener_(std::move(listener)) {}
    ~Holder() override {
        listener_->on_change = nullptr;
        watched_->details_due = requests_.loop_.now();
        const std::lock_guard lock(requests_.mutex_);
        std::erase(watched_->listeners, listener_);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    // A verdict is not to be seen before what it rests on is kept: else a crash in between would
    // take back what people have read. What is neither good nor bad decides nothing, and what is
    // bad is told even if it cannot be kept.
    Finding finding() const override {
        Finding finding = seen();
        if (finding.standing == Standing::open || finding.standing == watched_->kept)
            return finding;
        requests_.save(*watched_);
        watched_->details_due = requests_.loop_.now();
        finding = seen();
        if (finding.standing == Standing::good && watched_->kept != Standing::good) {
            finding.standing = Standing::open;
            finding.summary = "what is known cannot be kept at the moment; " + finding.summary;
        }
        return finding;
    }
    bool keep() const override {
        requests_.save(*watched_);
        return !watched_->is_unsaved;
    }
    void show(const CounterReading& reading) override {
        const std::lock_guard lock(requests_.mutex_);
        watched_->is_dirty = true;
        if (watched_->examiner->take_counts(reading)) requests_.announce(watched_);
    }

private:
    using Standing = Finding::Standing;

    Finding seen() const {
        const std::lock_guard lock(requests_.mutex_);
        Finding finding = watched_->examiner->finding();
        if (!watched_->examiner->compares_requests()) return finding;
        return guarded(std::move(finding), watched_->split);
    }

    ReleaseRequests& requests_;
    std::shared_ptr<Watched> watched_;
    std::shared_ptr<Listener> listener_;
};

ReleaseRequests::ReleaseRequests(
    EventLoop& loop, ObjectStore& store, OutcomeSink& next, Duration save_every)
    : loop_(loop),
      store_(store),
      next_(next),
      save_every_(save_every),
      save_due_(loop.now() + save_every) {}
ReleaseRequests::~ReleaseRequests() = default;

void ReleaseRequests::take(std::span<const RequestOutcome> outcomes) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& watched : watched_) {
            if (watched->listeners.empty()) continue;
            bool is_news = false;
            for (const RequestOutcome& outcome : outcomes) {
                if (watched->release.ns != outcome.ns || outcome.is_rescue) continue;
                const auto side = side_of(outcome, watched->candidate, watched->stable);
                if (!side) continue;
                watched->is_dirty = true;
                watched->split.take(
                    side_sent_to(outcome, watched->candidate, watched->stable, *side));
                if (watched->routes.size() < routes_max && !watched->routes.contains(outcome.route))
                    watched->routes.emplace(outcome.route);
                is_news = watched->examiner->take(*side, outcome) || is_news;
            }
            if (is_news) announce(watched);
        }
    }
    next_.take(outcomes);
}

// Nobody knows whose requests those were.
void ReleaseRequests::take_gap(const StreamGap& gap) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& watched : watched_) {
            if (watched->listeners.empty()) continue;
            watched->is_dirty = true;
            if (watched->examiner->miss(gap.at, gap.outcomes_lost)) announce(watched);
        }
    }
    next_.take_gap(gap);
}

// REQUIRES: the mutex is held.
void ReleaseRequests::announce(const std::shared_ptr<Watched>& watched) {
    if (std::exchange(watched->is_announced, true)) return;
    loop_.post([this, weak = std::weak_ptr(watched)] {
        const auto alive = weak.lock();
        if (!alive) return;
        {
            const std::lock_guard lock(mutex_);
            alive->is_announced = false;
        }
        tell(*alive, true);
        save_soon_ = loop_.after(save_after, [this] {
            save_soon_.reset();
            for (const auto& one : watched_) save(*one);
        });
    });
}

// A listener may give up its seat, or others theirs, while it is told.
void ReleaseRequests::tell(Watched& watched, bool is_news) {
    const auto listeners = watched.listeners;
    for (const auto& listener : listeners) {
        if (const auto on_change = listener->on_change) on_change(is_news);
    }
}

std::unique_ptr<ReleaseRequests::Seat> ReleaseRequests::attend(
    const MetricQuery& query, Wanted wanted) {
    const auto watched = find_or_make(query, wanted);
    save(*watched);
    note_stage(*watched, query);
    auto listener = std::make_shared<Listener>();
    listener->on_change = std::move(wanted.on_change);
    listener->is_beside_steps = query.is_beside_steps;
    {
        const std::lock_guard lock(mutex_);
        watched->listeners.push_back(listener);
    }
    if (!timer_) timer_ = loop_.after(tick_every, [this] { tick(); });
    return std::make_unique<Holder>(*this, watched, std::move(listener));
}

std::shared_ptr<ReleaseRequests::Watched> ReleaseRequests::find_or_make(
    const MetricQuery& query, const Wanted& wanted) {
    const auto is_meant = [&](const auto& watched) {
        return watched->release_uid == query.release_uid && watched->name == wanted.name;
    };
    const auto found = std::ranges::find_if(watched_, is_meant);
    const bool is_same_release = found != watched_.end() &&
                                 (*found)->candidate.revision == query.candidate.revision &&
                                 ((*found)->stable.revision == query.stable.revision ||
                                  is_over(query.candidate, query.stable));
    if (is_same_release) {
        // A run that began after the verdict is of another attempt with the same revision.
        const auto bad_since = [&] {
            const std::lock_guard lock(mutex_);
            return (*found)->examiner->bad_since();
        }();
        if (!bad_since || query.started <= *bad_since) return *found;
    }
    auto watched = std::make_shared<Watched>();
    watched->release = query.release;
    watched->release_uid = query.release_uid;
    watched->name = wanted.name;
    watched->candidate = query.candidate;
    watched->stable = query.stable;
    watched->examiner = wanted.make();
    if (found == watched_.end()) {
        recall(*watched);
        const auto bad_since = watched->examiner->bad_since();
        if (bad_since && query.started > *bad_since) {
            watched->examiner = wanted.make();
            watched->stage.clear();
        }
    }
    const std::lock_guard lock(mutex_);
    // What nobody attends is kept in the store alone.
    std::erase_if(watched_, [&](const auto& one) {
        return is_meant(one) || (one->listeners.empty() && !one->is_dirty && !one->has_new_details);
    });
    watched_.push_back(watched);
    return watched;
}

// What a former process has written, if it is of this attempt to release this revision.
void ReleaseRequests::recall(Watched& watched) const {
    const auto stored = store_.get(watched.memory_key());
    if (!stored || stored->controller_uid() != watched.release_uid) return;
    if (stored->text("/data/revision") != watched.candidate.revision) return;
    const bool is_same = stored->text("/data/stable") == watched.stable.revision;
    if (!is_same && !is_over(watched.candidate, watched.stable)) return;
    const auto memory = json::parse(stored->text("/data/memory"));
    const json::Object* fields = memory ? json::object(&*memory) : nullptr;
    const auto recalled =
        fields ? watched.examiner->recall(*fields) : fail(ErrorKind::invalid, "not an object");
    if (!recalled) return warn_of(recalled, watched.memory_key());
    watched.stage = stored->text("/data/stage");
    watched.weight = stored->text("/data/weight");
    // One that knows nothing of the split has to see it anew, which only takes time.
    if (const std::string_view split = stored->text("/data/split"); !split.empty())
        warn_of(watched.split.recall(split), watched.memory_key());
    recall_details(watched);
}

// REQUIRES: the memory was recalled.
void ReleaseRequests::recall_details(Watched& watched) const {
    const ObjectKey key = watched.details_key();
    const auto stored = store_.get(key);
    if (!stored || stored->controller_uid() != watched.release_uid) return;
    if (stored->text("/data/revision") != watched.candidate.revision) return;
    const auto details = json::parse(stored->text("/data/details"));
    const json::Object* fields = details ? json::object(&*details) : nullptr;
    const bool is_same_stage = stored->text("/data/stage") == watched.stage_and_weight();
    warn_of(
        fields ? watched.examiner->recall_details(*fields, is_same_stage)
               : fail(ErrorKind::invalid, "not an object"),
        key);
}

// Each run of a step is a stage of its own; it begins once, whatever is restarted.
void ReleaseRequests::note_stage(Watched& watched, const MetricQuery& query) {
    if (query.is_beside_steps || watched.stage == query.run_uid) return;
    const std::lock_guard lock(mutex_);
    watched.stage = query.run_uid;
    watched.begin_stage(loop_.now());
}

// Beside the steps, a stage is a weight of the candidate.
void ReleaseRequests::follow_weight(Watched& watched) {
    const auto rollout = store_.get(watched.release);
    if (!rollout) return;
    const json::Value* found = rollout->find(weight_pointer);
    if (found == nullptr) return;
    const std::string weight = json::print(*found);
    if (watched.weight == weight) return;
    const std::lock_guard lock(mutex_);
    const bool is_first = watched.weight.empty();
    watched.weight = weight;
    watched.is_dirty = true;
    const bool has_step = std::ranges::any_of(
        watched.listeners, [](const auto& listener) { return !listener->is_beside_steps; });
    if (is_first || has_step) return;
    watched.begin_stage(loop_.now());
}

// All of its routes have to split alike.
void ReleaseRequests::follow_split(Watched& watched) {
    std::set<std::string, std::less<>> routes;
    {
        const std::lock_guard lock(mutex_);
        routes = watched.routes;
    }
    std::optional<double> share;
    bool is_one = true;
    for (const std::string& name : routes) {
        const auto route =
            store_.get({.type = &types::http_route(), .ns = watched.release.ns, .name = name});
        const auto here =
            route ? share_in_force(*route, watched.candidate.service, watched.stable.service)
                  : std::nullopt;
        is_one = is_one && here && (!share || *share == *here);
        share = here;
    }
    const std::lock_guard lock(mutex_);
    watched.split.pass_time(loop_.now(), is_one ? share : std::nullopt);
}

void ReleaseRequests::tick() {
    timer_.reset();
    const auto all = watched_;
    // Kept before it is shown: what people have seen spent must not come back after a crash.
    if (const Instant now = loop_.now(); now >= save_due_) {
        for (const auto& watched : all) save(*watched);
        // An API that is slow has more important things to do than this.
        save_due_ = now + std::max(save_every_, saving_share * (loop_.now() - now));
    }
    bool is_attended = false;
    for (const auto& watched : all) {
        if (watched->listeners.empty()) continue;
        is_attended = true;
        follow_weight(*watched);
        if (watched->examiner->compares_requests()) follow_split(*watched);
        bool is_news = false;
        {
            const std::lock_guard lock(mutex_);
            is_news = watched->examiner->pass_time(loop_.now());
            watched->is_dirty = watched->is_dirty || is_news;
        }
        if (is_news || !watched->is_unsaved) tell(*watched, is_news);
    }
    if (is_attended) timer_ = loop_.after(tick_every, [this] { tick(); });
}

void ReleaseRequests::flush() {
    for (const auto& watched : watched_) {
        watched->details_due = loop_.now();
        save(*watched);
    }
}

// Details come after the memory, which must not be older than they are.
void ReleaseRequests::save(Watched& watched) {
    if (save_memory(watched)) save_details(watched);
}

bool ReleaseRequests::save_memory(Watched& watched) {
    json::Object data{
        {"revision", json::string(watched.candidate.revision)},
        {"stable", json::string(watched.stable.revision)},
        {"stage", json::string(watched.stage)},
        {"weight", json::string(watched.weight)}};
    Finding::Standing standing{};
    {
        const std::lock_guard lock(mutex_);
        standing = watched.examiner->finding().standing;
        if (!std::exchange(watched.is_dirty, false)) {
            watched.kept = standing;  // Nothing has been seen that would be lost.
            return true;
        }
        watched.has_new_details = true;
        data["memory"] = json::string(json::print(watched.examiner->memory()));
        if (watched.examiner->compares_requests())
            data["split"] = json::string(watched.split.memory());
    }
    const ObjectKey key = watched.memory_key();
    const auto written = write(watched, key, std::move(data));
    watched.is_unsaved = !written;
    if (written) {
        watched.kept = standing;
        return true;
    }
    const std::lock_guard lock(mutex_);
    watched.is_dirty = true;
    log::warning(
        "release_memory_not_written",
        {{"object", to_string(key)}, {"error", written.error().message}});
    return false;
}

void ReleaseRequests::save_details(Watched& watched) {
    if (!watched.has_new_details || loop_.now() < watched.details_due) return;
    json::Object details;
    {
        const std::lock_guard lock(mutex_);
        details = watched.examiner->details();
    }
    watched.has_new_details = false;
    watched.details_due = loop_.now() + details_every;
    if (details.empty()) return;
    const auto written = write(
        watched,
        watched.details_key(),
        {{"revision", json::string(watched.candidate.revision)},
         {"stage", json::string(watched.stage_and_weight())},
         {"details", json::string(json::print(details))}});
    if (written) return;
    watched.has_new_details = true;
    log::warning(
        "release_memory_not_written",
        {{"object", to_string(watched.details_key())}, {"error", written.error().message}});
}

Result<> ReleaseRequests::write(const Watched& watched, const ObjectKey& key, json::Object data) {
    const auto patched = store_.patch(key, PatchKind::merge, json::Object{{"data", data}});
    if (patched) return {};
    if (patched.error().kind != ErrorKind::not_found) return std::unexpected(patched.error());
    Object owner(*watched.release.type, watched.release.ns, watched.release.name);
    owner.put("/metadata/uid", json::string(watched.release_uid));
    // Nobody would remove what is owned by something that is gone.
    const auto present = store_.get(watched.release);
    if (!present || present->uid() != watched.release_uid) return {};
    Object made(types::config_map(), key.ns, key.name);
    made.set_label(label_release, watched.release.name);
    made.set_controller(owner);
    made.put("/data", std::move(data));
    SERIN_TRY_DO(store_.create(std::move(made)));
    return {};
}

}  // namespace serin::metrics
