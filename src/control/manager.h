#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace serin::control {

struct ManagerSettings {
    // Turns in one task of the loop; the rest waits for another, so that other work gets in
    // between.
    int turns_per_task_max = 8;
    // The same once a task has taken so long: a turn may wait for an API that is far away or slow.
    Duration task_time_max{50};
    // How long after an error a key gets its next turn: doubling from first to last. A conflict
    // only means "read again", so its delay stays short.
    Duration retry_first{5};
    Duration retry_last{30'000};
    Duration retry_last_conflict{80};
    // Everything is listed and every key gets a turn this often even if nothing seems to happen,
    // as a safety net for events that were lost; zero: never.
    Duration resync{600'000};
};

struct ReconcilerStats {
    std::string name;
    std::int64_t turns = 0;
    std::int64_t errors = 0;  // Turns that failed, conflicts left out.
    std::int64_t conflicts = 0;
    std::size_t keys = 0;      // Known objects.
    std::size_t queued = 0;    // Turns asked for and not begun.
    std::size_t waiting = 0;   // Turns that a timer will ask for.
    std::size_t retrying = 0;  // Keys whose last turn failed.
};

// Runs reconcilers over a store: lists and watches the types their triggers name (each once), and
// gives every key that an event, a timer or a reconciler asks for a turn. Turns never overlap,
// requests for one key are one turn, and reconcilers take turns in rotation.
//
// A turn that succeeds decides alone when the key is called again without a change; after one that
// fails, the earlier of the retry and what was arranged before. When a watch breaks, everything is
// listed again and every known key gets a turn, so a change that was missed is seen.
//
// An idle manager costs one pending timer. REQUIRES: used on the event loop.
class Manager {
public:
    // All arguments outlive the manager.
    Manager(
        EventLoop& loop,
        ObjectStore& store,
        const std::vector<Reconciler*>& reconcilers,
        ManagerSettings settings = {});
    ~Manager();
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // Begins to watch; turns follow on the loop. A store that fails is tried again with backoff.
    void start();
    // No turn begins afterwards. May be started again.
    void stop();

    // Asks for a turn. REQUIRES: `reconciler` is one of those given.
    void request(const Reconciler& reconciler, const ObjectKey& key);

    std::vector<ReconcilerStats> stats() const;

private:
    struct Member;
    struct Feed;
    struct Key;
    using TimerKey = std::pair<Instant, std::int64_t>;

    void subscribe();
    void list_and_watch(Feed& feed);
    void retry_feed(Feed& feed, const Error& error);
    void take(Feed& feed, const StoreEvent& event);
    void listed(Feed& feed, const std::vector<Object>& objects, std::set<ObjectKey>& present);
    void tell(const Feed& feed, const Object& object, bool is_urgent = true);
    void relisted(Feed& feed, const std::set<ObjectKey>& present);
    void enqueue(Member& member, const ObjectKey& key, bool is_urgent = true);
    void schedule_work();
    void work();
    Member* next_member();
    void run_turn(Member& member);
    void settle(Member& member, const ObjectKey& key, const Result<CallAgain>& answer);
    Duration retry_delay(const Key& state, ErrorKind kind) const;
    void set_timer(Member& member, const ObjectKey& key, Instant at);
    void clear_timer(Key& state);
    void arm();
    void ring();
    void await_resync();
    void resync();

    EventLoop& loop_;
    ObjectStore& store_;
    ManagerSettings settings_;
    std::vector<std::unique_ptr<Member>> members_;
    std::vector<std::unique_ptr<Feed>> feeds_;
    std::map<TimerKey, std::pair<Member*, ObjectKey>> timers_;
    std::int64_t last_timer_id_ = 0;
    EventLoop::Watch alarm_;  // Rings at the earliest of timers_.
    Instant alarm_at_;
    EventLoop::Watch resync_timer_;
    std::size_t next_ = 0;  // The member whose turn is next.
    bool is_work_posted_ = false;
    std::shared_ptr<int> life_;  // Set while running; posted tasks hold it weakly.
};

}  // namespace serin::control
