#include "metrics/request_windows.h"

#include "base/check.h"

#include <algorithm>

namespace serin::metrics {

namespace {

// The resolutions. Each width divides the next, so that a window is put together from the widest
// buckets that lie in it.
struct Tier {
    std::int64_t width_ms;
    std::size_t slots;
    std::size_t first_slot;  // In a series' table of all tiers.
};
constexpr std::array<Tier, 4> tiers = {{
    {100, 100, 0},
    {1'000, 130, 100},
    {10'000, 130, 230},
    {60'000, 64, 360},
}};
constexpr std::size_t slots_all = 424;
constexpr Duration history = std::chrono::hours(1);
constexpr std::uint32_t none = 0;  // Buckets and pages count from 1.

std::int64_t index_of(Instant at, const Tier& tier) {
    const std::int64_t ms = at.time_since_epoch().count();
    return ms >= 0 ? ms / tier.width_ms : -((tier.width_ms - 1 - ms) / tier.width_ms);
}

Instant start_of(std::int64_t index, const Tier& tier) {
    return Instant(Duration(index * tier.width_ms));
}

// Where to begin so that everything from there on is kept: on the grid of the finest resolution
// that reaches back to `from`.
Instant align(Instant from, Instant now) {
    for (const Tier& tier : tiers) {
        const std::int64_t oldest = index_of(now, tier) - static_cast<std::int64_t>(tier.slots) + 1;
        std::int64_t index = index_of(from, tier);
        if (start_of(index, tier) < from) ++index;
        if (index >= oldest) return start_of(index, tier);
    }
    const Tier& last = tiers.back();
    return start_of(index_of(now, last) - static_cast<std::int64_t>(last.slots) + 1, last);
}

// The widest resolution with a bucket that begins at `at`.
std::size_t widest_at(Instant at) {
    for (std::size_t tier = tiers.size() - 1; tier > 0; --tier) {
        if (at.time_since_epoch().count() % tiers[tier].width_ms == 0) return tier;
    }
    return 0;
}

bool matches(const WindowQuery& query, const RequestOutcome& outcome) {
    if (query.ns != outcome.ns) return false;
    if (!query.service.empty() && query.service != outcome.service) return false;
    if (!query.route.empty() && query.route != outcome.route) return false;
    if (outcome.revision.empty())
        return !query.own_service.empty() && query.own_service == outcome.service;
    return query.revision == outcome.revision;
}

}  // namespace

struct RequestWindows::Bucket {
    std::int64_t index = -1;  // Which stretch of time, in widths of its tier.
    std::array<std::uint32_t, 6> by_class{};
    std::uint32_t lost = 0;
    std::uint32_t retried = 0;
    std::array<std::uint32_t, LatencyBin::octaves> pages{};
};

// An octave of latencies. Those of a service lie within few octaves, so most are never made.
struct RequestWindows::Page {
    std::array<std::uint32_t, LatencyBin::steps> counts{};
};

struct RequestWindows::Series {
    std::string ns;
    std::string service;
    std::string route;
    std::string revision;
    Instant latest;
    std::array<std::uint32_t, slots_all> slots{};
    std::vector<std::shared_ptr<Watcher>> watchers;

    bool is_in(const WindowQuery& query) const {
        return matches(query, {.ns = ns, .route = route, .service = service, .revision = revision});
    }
};

struct RequestWindows::Watcher {
    WindowQuery query;
    std::uint64_t every = 1;
    std::function<void()> on_news;  // Only touched on the loop.
    std::uint64_t counted = 0;
    bool is_told = false;  // The loop knows and has not come to it yet.
};

class RequestWindows::WatchHolder : public Watch {
public:
    WatchHolder(RequestWindows& windows, std::shared_ptr<Watcher> watcher)
        : windows_(windows), watcher_(std::move(watcher)) {}
    ~WatchHolder() override {
        const std::lock_guard lock(windows_.mutex_);
        std::erase(windows_.watchers_, watcher_);
        for (auto& [name, series] : windows_.series_) std::erase(series->watchers, watcher_);
    }
    WatchHolder(const WatchHolder&) = delete;
    WatchHolder& operator=(const WatchHolder&) = delete;

private:
    RequestWindows& windows_;
    std::shared_ptr<Watcher> watcher_;
};

std::uint64_t RequestCounts::total() const {
    return by_class[1] + by_class[2] + by_class[3] + by_class[4] + by_class[5];
}

RequestWindows::RequestWindows(EventLoop& loop, RequestWindowsSettings settings)
    : loop_(loop), settings_(settings) {}
RequestWindows::~RequestWindows() = default;

void RequestWindows::take(std::span<const RequestOutcome> outcomes) {
    const std::lock_guard lock(mutex_);
    for (const RequestOutcome& outcome : outcomes) take_one(outcome, 1);
}

void RequestWindows::take_alike(const RequestOutcome& outcome, std::uint32_t count) {
    if (count == 0) return;
    const std::lock_guard lock(mutex_);
    take_one(outcome, count);
}

void RequestWindows::take_one(const RequestOutcome& outcome, std::uint32_t times) {
    if (outcome.is_rescue) return;  // No evidence about stable; the failure has come in by itself.
    stats_.outcomes += times;
    if (Series* series = series_of(outcome)) {
        count(*series, outcome, times);
    } else {
        stats_.dropped += times;
        note_missing(outcome.at, times);
    }
}

void RequestWindows::take_gap(const StreamGap& gap) {
    const std::lock_guard lock(mutex_);
    note_missing(gap.at, gap.outcomes_lost);
}

// By second and for an hour; `at` may lie a little before the last one.
void RequestWindows::note_missing(Instant at, std::uint64_t count) {
    const Instant second = std::chrono::floor<std::chrono::seconds>(at);
    if (missing_.empty() || missing_.back().first < second) {
        missing_.emplace_back(second, count);
    } else {
        missing_.back().second += count;
    }
    while (missing_.front().first + history < second) missing_.pop_front();
}

RequestWindows::Series* RequestWindows::series_of(const RequestOutcome& outcome) {
    name_.clear();
    for (const std::string_view part :
         {outcome.ns, outcome.service, outcome.route, outcome.revision}) {
        name_.append(part).push_back('\n');
    }
    const auto found = series_.find(name_);
    if (found != series_.end()) return found->second.get();
    if (!make_room_for_series(outcome.at)) return nullptr;

    auto series = std::make_unique<Series>();
    series->ns = outcome.ns;
    series->service = outcome.service;
    series->route = outcome.route;
    series->revision = outcome.revision;
    for (const auto& watcher : watchers_) {
        if (series->is_in(watcher->query)) series->watchers.push_back(watcher);
    }
    return series_.emplace(name_, std::move(series)).first->second.get();
}

// Series without a request within the history have nothing to tell. A new series is rare, so this
// is the time to look for them.
bool RequestWindows::make_room_for_series(Instant at) {
    std::erase_if(series_, [&](auto& entry) {
        if (entry.second->latest + history >= at) return false;
        release(*entry.second);
        return true;
    });
    return series_.size() < settings_.series_max;
}

void RequestWindows::release(Series& series) {
    for (const std::uint32_t slot : series.slots) {
        if (slot == none) continue;
        clear_bucket(buckets_[slot - 1]);
        free_buckets_.push_back(slot);
    }
}

void RequestWindows::count(Series& series, const RequestOutcome& outcome, std::uint32_t times) {
    series.latest = std::max(series.latest, outcome.at);
    const bool is_response = !outcome.is_lost && outcome.status != 0;
    const int status_class = outcome.is_lost ? 5 : std::clamp(outcome.status / 100, 0, 5);
    for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
        Bucket* bucket = bucket_at(series, tier, outcome.at);
        if (bucket == nullptr) continue;
        bucket->by_class[static_cast<std::size_t>(status_class)] += times;
        bucket->lost += outcome.is_lost ? times : 0;
        bucket->retried += outcome.is_retried ? times : 0;
        if (is_response) count_latency(*bucket, outcome.latency_us, times);
    }
    if (status_class != 0) tell_watchers(series, times);
}

// Null when the tier has moved on beyond `at`, or memory is used up.
RequestWindows::Bucket* RequestWindows::bucket_at(
    Series& series, std::size_t tier_number, Instant at) {
    const Tier& tier = tiers[tier_number];
    const std::int64_t index = index_of(at, tier);
    const auto size = static_cast<std::int64_t>(tier.slots);
    const auto turn = static_cast<std::size_t>((index % size + size) % size);
    std::uint32_t& slot = series.slots[tier.first_slot + turn];
    if (slot == none) {
        slot = new_bucket();
        if (slot == none) {
            ++stats_.dropped;
            note_missing(at, 1);
            return nullptr;
        }
        buckets_[slot - 1].index = index;
    }
    Bucket& bucket = buckets_[slot - 1];
    if (bucket.index > index) {
        ++stats_.late;
        return nullptr;
    }
    if (bucket.index < index) {
        clear_bucket(bucket);
        bucket.index = index;
    }
    return &bucket;
}

bool RequestWindows::has_room(std::size_t bytes) const {
    return buckets_.size() * sizeof(Bucket) + pages_.size() * sizeof(Page) + bytes <=
           settings_.bytes_max;
}

std::uint32_t RequestWindows::new_bucket() {
    if (!free_buckets_.empty()) {
        const std::uint32_t bucket = free_buckets_.back();
        free_buckets_.pop_back();
        return bucket;
    }
    if (!has_room(sizeof(Bucket))) return none;
    buckets_.emplace_back();
    return static_cast<std::uint32_t>(buckets_.size());
}

void RequestWindows::clear_bucket(Bucket& bucket) {
    for (const std::uint32_t page : bucket.pages) {
        if (page == none) continue;
        pages_[page - 1] = {};
        free_pages_.push_back(page);
    }
    bucket = {};
}

void RequestWindows::count_latency(Bucket& bucket, std::int64_t us, std::uint32_t times) {
    const LatencyBin bin = LatencyBin::of(us);
    std::uint32_t& page = bucket.pages[static_cast<std::size_t>(bin.octave)];
    if (page == none) {
        if (!free_pages_.empty()) {
            page = free_pages_.back();
            free_pages_.pop_back();
        } else if (has_room(sizeof(Page))) {
            pages_.emplace_back();
            page = static_cast<std::uint32_t>(pages_.size());
        } else {
            stats_.dropped += times;
            return;
        }
    }
    pages_[page - 1].counts[static_cast<std::size_t>(bin.step)] += times;
}

void RequestWindows::tell_watchers(Series& series, std::uint32_t times) {
    for (const auto& watcher : series.watchers) {
        watcher->counted += times;
        if (watcher->counted < watcher->every || watcher->is_told) continue;
        watcher->counted = 0;
        watcher->is_told = true;
        loop_.post([this, weak = std::weak_ptr(watcher)] {
            const auto alive = weak.lock();
            if (!alive) return;
            {
                const std::lock_guard lock(mutex_);
                alive->is_told = false;
            }
            alive->on_news();
        });
    }
}

WindowReading RequestWindows::read(const WindowQuery& query, Instant from, Instant now) const {
    WindowReading reading;
    reading.from = align(from, now);
    const std::lock_guard lock(mutex_);
    for (const auto& [name, series] : series_) {
        if (series->latest >= reading.from && series->is_in(query))
            add(*series, reading.from, now, reading);
    }
    for (const auto& [second, count] : missing_) {
        if (second + std::chrono::seconds(1) > reading.from) reading.missing += count;
    }
    return reading;
}

void RequestWindows::add(
    const Series& series, Instant from, Instant now, WindowReading& reading) const {
    for (Instant at = from; at <= now;) {
        const Tier& tier = tiers[widest_at(at)];
        const std::int64_t index = index_of(at, tier);
        at += Duration(tier.width_ms);
        const auto turn = static_cast<std::size_t>(index) % tier.slots;
        const std::uint32_t slot = series.slots[tier.first_slot + turn];
        if (slot == none || buckets_[slot - 1].index != index) continue;
        const Bucket& bucket = buckets_[slot - 1];
        for (std::size_t i = 0; i < bucket.by_class.size(); ++i)
            reading.counts.by_class[i] += bucket.by_class[i];
        reading.counts.lost += bucket.lost;
        reading.counts.retried += bucket.retried;
        for (int octave = 0; octave < LatencyBin::octaves; ++octave) {
            const std::uint32_t page = bucket.pages[static_cast<std::size_t>(octave)];
            if (page == none) continue;
            for (int step = 0; step < LatencyBin::steps; ++step) {
                reading.latency.add(
                    {octave, step}, pages_[page - 1].counts[static_cast<std::size_t>(step)]);
            }
        }
    }
}

std::unique_ptr<RequestWindows::Watch> RequestWindows::watch(
    const WindowQuery& query, std::uint64_t every, std::function<void()> on_news) {
    SERIN_CHECK(every > 0);
    auto watcher = std::make_shared<Watcher>();
    watcher->query = query;
    watcher->every = every;
    watcher->on_news = std::move(on_news);
    const std::lock_guard lock(mutex_);
    watchers_.push_back(watcher);
    for (auto& [name, series] : series_) {
        if (series->is_in(query)) series->watchers.push_back(watcher);
    }
    return std::make_unique<WatchHolder>(*this, std::move(watcher));
}

RequestWindowsStats RequestWindows::stats() const {
    const std::lock_guard lock(mutex_);
    RequestWindowsStats stats = stats_;
    stats.series = series_.size();
    stats.bytes = buckets_.size() * sizeof(Bucket) + pages_.size() * sizeof(Page);
    return stats;
}

}  // namespace serin::metrics
