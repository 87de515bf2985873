#pragma once

#include "metrics/request_windows.h"
#include "rehearse/scene.h"
#include "rehearse/split_router.h"
#include "rehearse/workload.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace serin::rehearse {

enum class Version { stable, candidate };

// The requests of one version so far.
struct Served {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
};

// The simulated users: requests come at random at the rate assumed, go where the split in force and
// ready pods let them go, and end as the version behaves. Their outcomes are counted by the same
// windows that the gateway feeds in production. Requests between two looks are drawn together.
class Crowd {
public:
    // `requests` passes outcomes on to the windows; it sees them one by one, in random order, where
    // the release asks for that, and else none.
    Crowd(Scene& scene, metrics::RequestWindows& windows, OutcomeSink& requests);

    // What traffic meets. All outlive the crowd.
    void connect(const Workload& workload, const SplitRouter& router);
    // Nobody comes before.
    void start();

    // Draws all requests up to now. Call it before anything changes that requests meet, and before
    // their outcomes are read.
    void catch_up();

    // While anybody waits for requests one by one, they come in small portions.
    void hurry(std::uint64_t requests_awaited) { awaited_ = requests_awaited; }

    const Served& served(Version version) const { return served_[index(version)]; }
    std::uint64_t lost() const { return lost_; }  // No pod was ready at all.
    double candidate_share() const { return share_; }
    // When a response of this kind was first given; empty: never.
    std::optional<Instant> first_seen(Version version, bool is_failure) const {
        return first_seen_[index(version)][is_failure ? 1 : 0];
    }
    std::string revision(Version version) const;
    std::string service(Version version) const;

    void on_tick(std::function<void()> told) { told_ = std::move(told); }

private:
    static constexpr std::size_t index(Version version) {
        return version == Version::stable ? 0 : 1;
    }
    void tick();
    Duration tick_length() const;
    void find_shares();
    double split_share() const;
    void serve(Version version, double requests_mean, Instant at);
    double error_share(Version version);
    void deliver(Version version, std::uint64_t count, bool is_failure, Instant at);
    void deliver_one_by_one(Instant from, Duration passed);

    Scene& scene_;
    metrics::RequestWindows& windows_;
    OutcomeSink& requests_;
    Chance chance_;
    const Workload* workload_ = nullptr;
    const SplitRouter* router_ = nullptr;
    bool has_started_ = false;
    bool reads_latency_ = false;  // Some metric does, so that they have to be drawn.
    bool is_one_by_one_ = false;  // Some metric examines each request.
    struct Ended {
        Version version = Version::stable;
        bool is_failure = false;
    };
    std::vector<Ended> ended_;  // Requests to be delivered one by one.
    Instant last_;
    std::uint64_t awaited_ = 0;
    double share_ = 0;  // Of the candidate.
    bool is_served_ = true;
    Duration under_traffic_{0};  // How long the candidate has had any.
    std::string candidate_;
    std::array<Served, 2> served_;
    std::uint64_t lost_ = 0;
    std::array<std::array<std::optional<Instant>, 2>, 2> first_seen_;
    std::function<void()> told_;
    EventLoop::Watch timer_;
};

}  // namespace serin::rehearse
