#pragma once

#include "metrics/examiner.h"
#include "ports/event_loop.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"
#include "ports/request_stream.h"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace serin::metrics {

// Hands each request of a release to the examiners of that release, and passes every outcome on.
// An examiner belongs to the release, not to a run: all runs that ask for the same one share it,
// one after the other and side by side. What it knows is kept in a ConfigMap that the Rollout owns,
// so that it goes on after a restart, and in another one its details, written more rarely.
//
// Outcomes may come in on another thread; all else is used on the event loop.
class ReleaseRequests : public OutcomeSink {
public:
    // All outlive this.
    // What is known is written every `save_every` at most while requests come, and after news.
    // What is told has been written first, but for news that the examiner is neither good nor bad.
    ReleaseRequests(
        EventLoop& loop,
        ObjectStore& store,
        OutcomeSink& next,
        Duration save_every = std::chrono::seconds(1));
    ~ReleaseRequests() override;
    ReleaseRequests(const ReleaseRequests&) = delete;
    ReleaseRequests& operator=(const ReleaseRequests&) = delete;

    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override;

    // While any of an examiner's seats is held, requests are shown to it.
    class Seat {
    public:
        virtual ~Seat() = default;
        virtual Finding finding() const = 0;
        // Writes what is known, so that nothing that a finding said comes back after a crash.
        // False: it could not be written.
        virtual bool keep() const = 0;
        virtual void show(const CounterReading& reading) = 0;
    };
    struct Wanted {
        std::string name;  // Of the examiner within the release: equal names share it.
        std::function<std::unique_ptr<Examiner>()> make;
        // Called on the loop, not within another call: the finding may lead elsewhere now, or a
        // second has passed.
        std::function<void(bool is_news)> on_change;
    };
    [[nodiscard]] std::unique_ptr<Seat> attend(const MetricQuery& query, Wanted wanted);

    // Writes what has not been written yet.
    void flush();

private:
    struct Watched;
    struct Listener;
    class Holder;

    std::shared_ptr<Watched> find_or_make(const MetricQuery& query, const Wanted& wanted);
    void recall(Watched& watched) const;
    void recall_details(Watched& watched) const;
    void note_stage(Watched& watched, const MetricQuery& query);
    void follow_weight(Watched& watched);
    void follow_split(Watched& watched);
    void tick();
    void save(Watched& watched);
    bool save_memory(Watched& watched);
    void save_details(Watched& watched);
    Result<> write(const Watched& watched, const ObjectKey& key, json::Object data);
    void announce(const std::shared_ptr<Watched>& watched);
    static void tell(Watched& watched, bool is_news);

    EventLoop& loop_;
    ObjectStore& store_;
    OutcomeSink& next_;
    Duration save_every_;
    Instant save_due_;
    mutable std::mutex mutex_;  // Over examiners and which are attended.
    std::vector<std::shared_ptr<Watched>> watched_;
    EventLoop::Watch timer_;
    EventLoop::Watch save_soon_;
};

}  // namespace serin::metrics
