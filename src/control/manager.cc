#include "control/manager.h"

#include "base/check.h"
#include "base/log.h"

#include <algorithm>

namespace serin::control {

namespace {

// Objects that are looked at together when all of a type are listed.
constexpr std::int64_t page_size = 500;

}  // namespace

// What is known of one key of one reconciler. Kept while the object exists, as far as is known.
struct Manager::Key {
    enum class Queue { none, background, urgent };
    Queue queue = Queue::none;
    bool is_removed = false;  // Forgotten after its next turn that asks for nothing more.
    int failures = 0;         // In a row.
    std::optional<TimerKey> timer;
};

struct Manager::Member {
    Reconciler* reconciler = nullptr;
    std::map<ObjectKey, Key> keys;
    std::deque<ObjectKey> urgent;
    std::deque<ObjectKey> background;  // Of the resync: has the time that is left over.
    ReconcilerStats counted;
};

// The watch of one type and whom it concerns.
struct Manager::Feed {
    const ResourceType* type = nullptr;
    std::vector<std::pair<Member*, Trigger>> triggers;
    std::unique_ptr<WatchHandle> watch;
    EventLoop::Watch retry;
    int failures = 0;
};

Manager::Manager(
    EventLoop& loop,
    ObjectStore& store,
    const std::vector<Reconciler*>& reconcilers,
    ManagerSettings settings)
    : loop_(loop), store_(store), settings_(settings) {
    SERIN_CHECK(settings_.turns_per_task_max > 0);
    SERIN_CHECK(settings_.retry_first > Duration(0));
    for (Reconciler* reconciler : reconcilers) {
        auto member = std::make_unique<Member>();
        member->reconciler = reconciler;
        member->counted.name = reconciler->name();
        members_.push_back(std::move(member));
    }
}

Manager::~Manager() {
    stop();
}

void Manager::start() {
    SERIN_CHECK(life_ == nullptr);
    life_ = std::make_shared<int>(0);
    for (const auto& member : members_) {
        member->reconciler->attach(
            [this, alive = std::weak_ptr(life_), target = member.get()](const ObjectKey& key) {
                if (!alive.expired()) enqueue(*target, key);
            });
    }
    subscribe();
    for (const auto& feed : feeds_) list_and_watch(*feed);
    await_resync();
}

void Manager::stop() {
    life_.reset();
    feeds_.clear();
    timers_.clear();
    alarm_.reset();
    resync_timer_.reset();
    is_work_posted_ = false;
    for (const auto& member : members_) {
        member->keys.clear();
        member->urgent.clear();
        member->background.clear();
    }
}

void Manager::request(const Reconciler& reconciler, const ObjectKey& key) {
    const auto found = std::ranges::find_if(
        members_, [&](const auto& member) { return member->reconciler == &reconciler; });
    SERIN_CHECK(found != members_.end());
    if (life_) enqueue(**found, key);
}

std::vector<ReconcilerStats> Manager::stats() const {
    std::vector<ReconcilerStats> all;
    for (const auto& member : members_) {
        ReconcilerStats stats = member->counted;
        stats.keys = member->keys.size();
        stats.queued = member->urgent.size() + member->background.size();
        for (const auto& [key, state] : member->keys) {
            if (state.timer) ++stats.waiting;
            if (state.failures > 0) ++stats.retrying;
        }
        all.push_back(std::move(stats));
    }
    return all;
}

void Manager::subscribe() {
    std::map<ObjectKey, Feed*> by_type;  // By the type alone: in a stable order.
    for (const auto& member : members_) {
        for (Trigger& trigger : member->reconciler->triggers()) {
            Feed*& feed = by_type[{.type = trigger.type}];
            if (feed == nullptr) {
                feeds_.push_back(std::make_unique<Feed>());
                feed = feeds_.back().get();
                feed->type = trigger.type;
            }
            feed->triggers.emplace_back(member.get(), std::move(trigger));
        }
    }
}

void Manager::list_and_watch(Feed& feed) {
    feed.watch.reset();
    feed.retry.reset();
    ListQuery page{.type = feed.type, .limit = page_size};
    auto list = store_.list(page);
    if (!list) return retry_feed(feed, list.error());

    const std::weak_ptr alive = life_;
    auto watch = store_.watch(
        {.type = feed.type},
        list->resource_version,
        [this, alive, &feed](const StoreEvent& event) {
            if (!alive.expired()) take(feed, event);
        },
        [this, alive, &feed](const Error& error) {
            if (!alive.expired()) retry_feed(feed, error);
        });
    if (!watch) return retry_feed(feed, watch.error());
    feed.watch = *std::move(watch);

    // In pages: all objects of a type at once may be more than there is room for. What changes
    // after the first is told by the watch.
    std::set<ObjectKey> present;
    listed(feed, list->items, present);
    while (!list->continue_at.empty()) {
        page.continue_at = list->continue_at;
        list = store_.list(page);
        if (!list) return retry_feed(feed, list.error());
        listed(feed, list->items, present);
    }
    relisted(feed, present);
}

void Manager::listed(Feed& feed, const std::vector<Object>& objects, std::set<ObjectKey>& present) {
    for (const Object& object : objects) {
        present.insert(object.key());
        tell(feed, object);
    }
}

void Manager::tell(const Feed& feed, const Object& object, bool is_urgent) {
    for (const auto& [member, trigger] : feed.triggers) {
        for (const ObjectKey& key : trigger.keys_of(object)) enqueue(*member, key, is_urgent);
    }
}

void Manager::retry_feed(Feed& feed, const Error& error) {
    log::warning(
        "watch_broken",
        {{"type", feed.type->plural}, {"error", error.message}, {"failures", feed.failures}});
    const Duration delay = retry_delay({.failures = ++feed.failures}, error.kind);
    feed.retry = loop_.after(delay, [this, &feed] { list_and_watch(feed); });
}

void Manager::take(Feed& feed, const StoreEvent& event) {
    feed.failures = 0;
    tell(feed, event.object);
    const ObjectKey own = event.object.key();
    for (const auto& [member, trigger] : feed.triggers) {
        const auto known = member->keys.find(own);
        if (known != member->keys.end())
            known->second.is_removed = event.kind == EventKind::removed;
    }
}

// Events may have been missed, removals among them, and nobody can tell whom those concerned.
void Manager::relisted(Feed& feed, const std::set<ObjectKey>& present) {
    for (const auto& [member, trigger] : feed.triggers) {
        for (auto& [key, state] : member->keys) {
            if (key.type == feed.type) state.is_removed = !present.contains(key);
            enqueue(*member, key);
        }
    }
}

// A key of the background that becomes urgent stays there too; it is passed over when met.
void Manager::enqueue(Member& member, const ObjectKey& key, bool is_urgent) {
    Key& state = member.keys[key];
    const auto wanted = is_urgent ? Key::Queue::urgent : Key::Queue::background;
    if (state.queue >= wanted) return;
    state.queue = wanted;
    (is_urgent ? member.urgent : member.background).push_back(key);
    schedule_work();
}

void Manager::schedule_work() {
    if (is_work_posted_) return;
    is_work_posted_ = true;
    loop_.post([this, alive = std::weak_ptr(life_)] {
        if (!alive.expired()) work();
    });
}

void Manager::work() {
    is_work_posted_ = false;
    const std::weak_ptr alive = life_;
    const Instant end = loop_.now() + settings_.task_time_max;
    for (int turn = 0; turn < settings_.turns_per_task_max && loop_.now() < end; ++turn) {
        Member* member = next_member();
        if (member == nullptr) return;
        run_turn(*member);
        if (alive.expired()) return;  // The turn stopped the manager.
    }
    schedule_work();
}

// In rotation among those with urgent work; the resync gets a turn when nobody has any.
Manager::Member* Manager::next_member() {
    for (const auto queue : {&Member::urgent, &Member::background}) {
        for (std::size_t tried = 0; tried < members_.size(); ++tried) {
            Member& member = *members_[(next_ + tried) % members_.size()];
            if ((member.*queue).empty()) continue;
            next_ = (next_ + tried + 1) % members_.size();
            return &member;
        }
    }
    return nullptr;
}

void Manager::run_turn(Member& member) {
    const bool is_urgent = !member.urgent.empty();
    auto& queue = is_urgent ? member.urgent : member.background;
    const ObjectKey key = std::move(queue.front());
    queue.pop_front();
    const auto known = member.keys.find(key);
    const auto from = is_urgent ? Key::Queue::urgent : Key::Queue::background;
    if (known == member.keys.end() || known->second.queue != from) return;
    known->second.queue = Key::Queue::none;

    const std::weak_ptr alive = life_;
    const Result<CallAgain> answer = member.reconciler->reconcile(key);
    ++member.counted.turns;
    if (!alive.expired()) settle(member, key, answer);
}

void Manager::settle(Member& member, const ObjectKey& key, const Result<CallAgain>& answer) {
    Key& state = member.keys[key];
    if (!answer) {
        const ErrorKind kind = answer.error().kind;
        const bool is_conflict = kind == ErrorKind::conflict;
        ++(is_conflict ? member.counted.conflicts : member.counted.errors);
        ++state.failures;
        if (!is_conflict) {
            log::warning(
                "turn_failed",
                {{"reconciler", member.counted.name},
                 {"object", to_string(key)},
                 {"error", answer.error().message},
                 {"failures", state.failures}});
        }
        const Instant retry_at = loop_.now() + retry_delay(state, kind);
        if (!state.timer || retry_at < state.timer->first) set_timer(member, key, retry_at);
        return;
    }
    state.failures = 0;
    clear_timer(state);
    if (*answer) {
        set_timer(member, key, loop_.now() + std::max(**answer, Duration(0)));
    } else if (state.is_removed && state.queue == Key::Queue::none) {
        member.keys.erase(key);
    }
}

Duration Manager::retry_delay(const Key& state, ErrorKind kind) const {
    const Duration last =
        kind == ErrorKind::conflict ? settings_.retry_last_conflict : settings_.retry_last;
    const int doublings = std::clamp(state.failures - 1, 0, 30);
    return std::min(last, settings_.retry_first * (std::int64_t{1} << doublings));
}

void Manager::set_timer(Member& member, const ObjectKey& key, Instant at) {
    Key& state = member.keys[key];
    clear_timer(state);
    state.timer = TimerKey(at, ++last_timer_id_);
    timers_.emplace(*state.timer, std::pair(&member, key));
    arm();
}

void Manager::clear_timer(Key& state) {
    if (!state.timer) return;
    timers_.erase(*state.timer);
    state.timer.reset();
}

// The alarm is only ever moved forward in time: one that rings for a cleared timer finds nothing
// due and is set anew, which is cheaper than moving it with every turn.
void Manager::arm() {
    if (timers_.empty()) return;
    const Instant at = timers_.begin()->first.first;
    if (alarm_ && alarm_at_ <= at) return;
    alarm_at_ = at;
    alarm_ = loop_.after(at - loop_.now(), [this] { ring(); });
}

void Manager::ring() {
    alarm_.reset();
    const Instant now = loop_.now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        const auto [member, key] = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        member->keys[key].timer.reset();
        enqueue(*member, key);
    }
    arm();
}

void Manager::await_resync() {
    if (settings_.resync <= Duration(0)) return;
    resync_timer_ = loop_.after(settings_.resync, [this] { resync(); });
}

void Manager::resync() {
    // What nobody ever told about is found only by looking.
    for (const auto& feed : feeds_) {
        ListQuery page{.type = feed->type, .limit = page_size};
        do {
            const auto list = store_.list(page);
            if (!list) break;  // The feed has the same trouble and sees to it.
            for (const Object& object : list->items) tell(*feed, object, false);
            page.continue_at = list->continue_at;
        } while (!page.continue_at.empty());
    }
    for (const auto& member : members_) {
        for (auto& [key, state] : member->keys) enqueue(*member, key, false);
    }
    await_resync();
}

}  // namespace serin::control
