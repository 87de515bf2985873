#pragma once

#include "base/result.h"
#include "base/time.h"
#include "metrics/examiner.h"
#include "ports/object.h"
#include "statistics/silence.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace serin::metrics {

// Holds the requests that arms have answered against the split in force. A comparison of arms that
// are not split as they should be says nothing (other users, other requests), and a canary that
// does not answer has no failures to count. Both are e-processes: a correct split is called broken
// with a chance of at most 0.1 % in each stage, however often one looks. Pure: time comes in.
class SplitGuard {
public:
    // A request that went to this side has ended.
    void take(Side side) { (side == Side::candidate ? fresh_.canary : fresh_.stable) += 1; }

    // To be called every second or so, with the candidate's share of the requests of both arms that
    // is in force; empty when it is not known, or not one share: then nothing is held against it.
    void pass_time(Instant now, std::optional<double> share);

    // A stage is judged by its own requests.
    void begin_stage();

    // What it knows of the stage. What is recalled goes on after a restart as after a change of the
    // share: requests that were running meanwhile count for neither side.
    std::string memory() const;
    // `invalid` when this is not such a memory; it is then as it was.
    Result<> recall(std::string_view memory);

    // Too little has been seen in this stage to tell whether the split is as it should be.
    bool is_unsure() const;

    enum class Trouble { none, mismatch, silent };
    Trouble trouble() const;
    // For people: "8 % of the requests (320 of 4000) went to the canary, where ...". Empty: none.
    std::string describe() const;

private:
    struct Counts {
        std::uint64_t canary = 0;
        std::uint64_t stable = 0;
    };
    template <class A>
    static void walk(A& archive, auto& guard);
    void commit(const Counts& counts);

    Counts fresh_;                 // Since the last call of pass_time.
    std::deque<Counts> waiting_;   // Until it is known that the share was in force.
    std::optional<double> share_;  // In force.
    bool has_looked_ = false;      // By which share requests are split, or that it is not known.
    Instant settled_at_;           // What has ended by then may have begun under another share.
    Counts segment_;               // At this share.
    Counts total_;                 // In this stage.
    double expected_ = 0;          // Of total_, the candidate's.
    std::uint32_t looks_ = 0;      // At requests, in this stage.
    double ln_mismatch_ = 0;
    double ln_mismatch_peak_ = 0;
    statistics::Silence silence_;
};

// The candidate's share of what the gateway's rules give to both services, read from the route's
// status. Empty when that is not confirmed, or differs from rule to rule.
std::optional<double> share_in_force(
    const Object& route, std::string_view candidate_service, std::string_view stable_service);

}  // namespace serin::metrics
