#pragma once

#include "base/result.h"
#include "base/time.h"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// As much of PromQL as published analysis templates ask about requests: rates and increases of
// request counters and latency histograms, summed, compared and calculated with. Everything else is
// refused with the reason, so that a rehearsal never invents an answer.

namespace serin::rehearse {

struct LabelMatcher {
    enum class Kind { equal, not_equal, match, not_match };
    std::string label;
    Kind kind = Kind::equal;
    std::string value;

    // Regular expressions are anchored, as Prometheus has them. Fails on one that is malformed.
    Result<bool> admits(const std::string& text) const;
};

// A series selected over a range, at the instant of the question.
struct Selection {
    std::string metric;
    std::vector<LabelMatcher> matchers;
    Duration range{0};
    Duration offset{0};
};

// What the series of a selection did over its range.
struct SeriesReading {
    bool is_there = false;  // At least two samples within the range.
    double increase = 0;    // Of the counter; for a histogram, of its count.
    // Seconds below which the share q of a histogram's samples lies.
    std::function<double(double)> quantile;
};

using ReadSeries = std::function<Result<SeriesReading>(const Selection&)>;

class PromQuery {
public:
    // `invalid` says which part is not understood.
    static Result<PromQuery> parse(std::string_view text);

    struct Answer {
        bool is_scalar = false;
        std::vector<double> values;  // Of a vector: at most one.
    };
    Result<Answer> evaluate(const ReadSeries& read) const;

    // All selections, for explanations.
    std::vector<Selection> selections() const;
    // The quantity is a latency quantile.
    bool asks_quantile() const;

    struct Node;

private:
    std::shared_ptr<const Node> root_;
};

}  // namespace serin::rehearse
