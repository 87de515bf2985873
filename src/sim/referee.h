#pragma once

#include "manifest/argo/lower.h"
#include "sim/check.h"
#include "sim/data_plane.h"
#include "sim/kubelet.h"
#include "sim/people.h"
#include "sim/source.h"
#include "sim/stage.h"
#include "sim/users.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace serin::sim {

// Which rule was broken, how and when.
struct Violation {
    std::string rule;  // "I1 capacity".
    std::string words;
    Duration at{0};
};

// Watches a world and knows what no controller does: what is really in force and really ready. It
// holds controllers to the invariants of ARCHITECTURE; what the world does to itself (pods that
// die, a data plane that forgets, people who write routes) is nobody's fault.
class Referee {
public:
    // All outlive the referee.
    Referee(
        Stage& stage,
        const Kubelet& kubelet,
        const DataPlane& plane,
        const Source& source,
        const People& people,
        const Users& users);

    // Before each write that the store is asked for.
    void note_write(const ObjectKey& key) { touched_.insert(key); }
    // After each task of the loop.
    void look();

    const std::optional<Violation>& violation() const { return violation_; }
    // The controllers crashed, or are there again.
    void note_controllers(bool are_up);
    void accuse(std::string rule, std::string words);
    void accuse(Check check, std::string words) {
        accuse(std::string(rule_of(check)), std::move(words));
    }
    // Counts that the story came into the situation of this check.
    void meet(Check check) { ++checked_.at(static_cast<std::size_t>(check)); }
    // By Check.
    const std::array<std::int64_t, check_count>& checked() const { return checked_; }

    // Whether the release has come to where nothing but a person or a new version moves it.
    bool is_at_rest() const;
    std::string describe() const;  // One line.
    std::string_view phase() const { return view_.phase; }
    const std::string& message() const { return view_.message; }
    int releases() const { return releases_; }

private:
    struct Revision {
        std::string group;    // Its ReplicaSet.
        bool is_arm = false;  // Of an experiment.
        int desired = 0;
        int ready_told = 0;      // By its status,
        int available_told = 0;  // and of these for long enough.
        Kubelet::Pods pods;
        std::int64_t share = 0;  // In permille, in force.
        bool has_side = false;   // Requests reach it beside the split, in force.
        bool had_side = false;   // ... or did so before.
        int image = 0;
        friend bool operator==(const Revision& left, const Revision& right) {
            return left.desired == right.desired && left.pods.desired == right.pods.desired &&
                   left.pods.able == right.pods.able && left.pods.ready == right.pods.ready &&
                   left.share == right.share && left.has_side == right.has_side;
        }
    };
    struct View {
        bool exists = false;
        int replicas = 0;
        std::string phase;
        std::string message;
        std::string waiting_for;
        std::string candidate;
        std::string stable;
        int step = 0;
        int steps = 0;
        int limit = 0;  // The highest weight that the current step allows.
        bool is_aborted = false;
        bool is_held = false;      // By a person, or until one decides.
        bool is_resting = false;   // By a person, or a judge that could not tell: sizes rest too.
        bool has_swapped = false;  // The service named for the candidate is the stable one.
        int weight = 0;            // Written.
        int asked = 0;             // Of a router plugin, which writes it; else what is written.
        std::vector<std::string> side_routes;  // Written.
        std::vector<std::string> side_asked;   // As `asked`.
        int arms_weight = 0;                   // That of experiments.
        int arms_asked = 0;                    // As above.
        int arms_limit = 0;                    // What the current step gives them.
        std::string stable_selected;
        std::string candidate_selected;
        std::map<std::string, Revision> revisions;  // By hash.
        std::set<int> hooks_done;                   // Steps whose plugin said that it is done.
        int source = 0;       // Replicas that the workload taken over from is to have.
        int source_able = 0;  // Pods of it.
        friend bool operator==(const View&, const View&) = default;
    };

    // Of a release that has one, as far as it was told and counted.
    struct Budget {
        std::string candidate;
        std::string stable;
        std::string run;            // Its uid.
        std::int64_t requests = 0;  // Spent, as last told in a status.
        std::int64_t failed = 0;
        struct Telling {
            std::string run;  // Its uid, as above.
            Instant at;
            std::int64_t requests = 0;
            std::int64_t failed = 0;
        };
        std::vector<Telling> tellings;
        Users::Answers told;         // What the controllers had been told by then.
        bool is_attended = false;    // They count.
        bool is_spent_told = false;  // A status says that it is exhausted.
        std::optional<Instant> exhausted_at;
        Users::Answers at_exhaustion;
        bool is_pushed = false;  // By a person, past what it spends.
        bool is_taken_back = false;
        bool is_settled = false;  // The candidate gets nothing any more.
        Instant settle_until;
    };

    void read();
    void read_rollout();
    void read_deployment();
    void read_source();
    void read_route();
    void read_wish();
    void read_services();
    void read_sets();
    void read_truth();
    void read_run(const ObjectKey& key);
    void read_event(const ObjectKey& key);
    void read_budget(const Object& run);
    void give_up_budget();
    void check_told(const Budget::Telling& told, Instant measured_since);
    void note_exhausted();
    void check_budget();
    Instant hindered_until(bool is_hindered) const;
    bool is_hindered() const;
    bool is_router_ill() const;
    bool is_return_hindered() const;
    void compare(const View& before);
    // Met, and broken.
    bool breaks(Check check, bool is_broken) {
        meet(check);
        return is_broken;
    }
    void check_arms(const View& before);
    void check_router_plugin(const View& before);
    void note_wish(const View& before);
    void check_route(const View& before);
    void check_side_routes(const View& before);
    void note_candidate(const View& before);
    void check_capacity(const View& before);
    void note_size_served();
    void note_size_held();
    void check_scaling(const View& before);
    void check_last_copy(const View& before);
    void check_retired(const View& before);
    void check_together(const View& before);
    void check_source(const View& before);
    void check_alone(const View& before);
    void check_steps(const View& before);
    void check_flip(const View& before);
    void check_flip_move(const Flip& flip);
    bool is_free_to_go(const std::string& hash, std::string_view judge) const;
    int step_limit() const;
    std::optional<int> least_provisioned() const;
    bool is_excused() const;
    bool is_unwell(const std::string& revision) const;
    int able_elsewhere(const std::string& revision) const;
    bool is_late() const;
    bool is_flip_flaky() const;
    int replicas_min() const;
    int unavailable_max(int replicas) const;
    int needed(const std::string& hash, const Revision& revision) const;

    Stage& stage_;
    const Kubelet& kubelet_;
    const DataPlane& plane_;
    const Source& source_;
    const People& people_;
    const Users& users_;
    View view_;
    Budget budget_;
    std::set<std::string> given_up_;  // Runs (uids) that told of budgets of former releases.
    bool are_controllers_up_ = false;
    argo::Lowered plan_;  // Of the Rollout's newest version.
    std::int64_t generation_ = 0;
    std::int64_t route_generation_ = 0;
    std::set<ObjectKey> touched_;
    // Analyses with a verdict: "<hash>/<step>", "<hash>/PrePromotion".
    std::set<std::string> judged_;
    std::set<std::string> proved_;     // Revisions that were stable once.
    std::set<std::string> lessened_;   // Revisions that lost replicas that served.
    std::set<std::string> with_side_;  // Revisions that routes beside the split reached.
    std::map<std::int64_t, Instant> routes_replaced_;  // Generations of the route, and when.
    // The route that was written last when the candidate changed, and until when it may stay.
    std::int64_t former_route_ = 0;
    Instant former_route_until_;
    // The most that a router plugin was asked for by wishes that were replaced, and until when it
    // may be told so still.
    int former_asked_ = 0;
    int former_arms_asked_ = 0;
    std::set<std::string> former_side_asked_;
    Instant former_wish_until_;
    std::deque<std::pair<Instant, int>> sizes_;  // Replicas wanted, lately.
    int size_served_ = 0;                        // What the stable revision last had all of,
    std::string served_by_;                      // and which that is.
    std::optional<Instant> full_since_;
    int size_held_ = 0;      // The most that was wanted shortly before sizes came to rest.
    int mishaps_ = 0;        // Of the data plane, and routes that people wrote.
    Instant excused_until_;  // What routing does until then is the fault of these.
    int releases_ = 0;
    std::array<std::int64_t, check_count> checked_{};
    std::optional<Violation> violation_;
};

}  // namespace serin::sim
