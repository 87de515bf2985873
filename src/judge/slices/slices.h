#pragma once

#include "judge/sequential/judge.h"
#include "judge/slices/explanation.h"
#include "statistics/stakes.h"
#include "statistics/two_sample.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Where is the canary worse? Beside the judge, every request is counted in the slices it belongs
// to: its path's template, its method, the class of its status, the values of its observed headers,
// and the canary's pod. In each slice the canary is compared with stable by the judge's own test
// (statistics/two_sample.h), so its evidence may be read at any moment; explain() says which slices
// are worse, with false-discovery control, and which of them the rest follows from.
//
// Bounded in memory, about 100 KB: of each dimension the frequent values have a slice, and a rare
// one may take the place of another rare one. Pure, as the judge is: equal streams give equal
// slices.

namespace serin::judge::slices {

using sequential::Arm;

// One request, as far as slices look at it. Views are not kept.
struct Request {
    Arm arm = Arm::stable;
    double at_s = 0;
    std::string_view path;
    std::string_view method;
    std::string_view pod;
    std::string_view id;
    int status = 0;  // 0: no answer.
    // Names and values.
    std::span<const std::pair<std::string_view, std::string_view>> headers;
    // For each question whether the event it asks for came; empty: it does not apply.
    std::array<std::optional<bool>, questions_max> events;
};

class Slices {
public:
    Slices(std::vector<Question> questions, const statistics::StakePlan& plan);

    std::span<const Question> questions() const { return questions_; }

    // Requests of stable before the canary's first teach what is normal.
    void take(const Request& request, statistics::FactorCache& cache);
    // A second or so has passed.
    void pass_time(double now_s, statistics::FactorCache& cache);
    // The release's next step: counts and examples are those of the step.
    void begin_step();

    // `alpha`: of what is named, at most this share is wrong on average.
    Explanation explain(double alpha) const;

    // All that they know, as text: about 16 KB, at most 80. Slices that go on from it equal
    // ones that never stopped, bit for bit.
    std::string pack() const;
    // Whether the text is of slices with the same questions; else these are as they were.
    [[nodiscard]] bool unpack(std::string_view text);

private:
    friend class Explainer;
    struct Memory;

    static constexpr std::size_t headers_max = 4;
    static constexpr std::size_t dimensions_max = 3 + headers_max;
    static constexpr std::size_t examples_max = 3;
    static constexpr std::size_t events_kept = 512;
    static constexpr std::size_t requests_kept = 1024;

    struct Tally {
        sequential::ArmCounts counts;  // In this step.
        statistics::Block pending;
        double opened_s = 0;
        statistics::Baseline baseline;
        statistics::TwoSample harm;
        std::vector<std::string> examples;  // Ids of requests, the newest last.
    };
    struct Slice {
        std::string value;
        std::uint64_t hash = 0;
        std::uint16_t id = 0;  // Of its dimension; never given twice.
        std::uint32_t hold = 0;
        std::vector<Tally> tallies;  // One a question.
    };
    struct Dimension {
        std::string name;
        std::size_t slices_max = 0;
        std::uint16_t last_id = 0;
        std::vector<Slice> slices;
    };
    // A request by the ids of its slices; 0: in none.
    struct Row {
        std::array<std::uint16_t, dimensions_max> slices{};
        std::uint8_t question = 0;
    };

    static std::uint64_t hash_value(std::string_view value);
    void move_to(double at_s);
    void count(Tally& tally, std::size_t question, const Request& request, bool event);
    void close(Tally& tally, std::size_t question);
    void tick(Tally& tally, std::size_t question);
    Slice* find(Dimension& dimension, std::string_view value);
    Slice fresh(Dimension& dimension, std::string_view value, std::uint64_t hash) const;
    void count_in(Slice& slice, const Request& request);
    void count_statuses(const Request& request);
    Row count_dimensions(const Request& request);
    void keep(const Row& row, const Request& request);
    Dimension* header_dimension(std::string_view name);

    std::vector<Question> questions_;
    statistics::StakePlan plan_;
    statistics::FactorCache* cache_ = nullptr;  // Of the call that is going on.
    std::vector<Dimension> dimensions_;         // Route, method, pod, then headers.
    std::vector<Slice> statuses_;               // Each with one tally: of the first question.
    std::vector<Tally> whole_;                  // All requests, a question each; only counts.
    std::vector<Row> events_;                   // The newest events that count against the canary.
    std::size_t next_event_ = 0;
    std::vector<Row> requests_;  // An even sample of the canary's requests in this step.
    std::uint64_t canary_requests_ = 0;
    bool has_started_ = false;
    std::optional<double> origin_s_;  // Of the first request; times count from it.
    double now_s_ = 0;
    double started_s_ = 0;
    std::uint64_t later_steps_ = 0;
};

}  // namespace serin::judge::slices
