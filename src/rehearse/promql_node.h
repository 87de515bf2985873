#pragma once

#include "rehearse/promql.h"

#include <optional>

namespace serin::rehearse {

// An expression of a query.
struct PromQuery::Node {
    enum class Kind { number, selection, call, aggregate, binary, negate };
    Kind kind = Kind::number;
    double number = 0;
    Selection selection;       // Without a range: an instant value.
    std::string name;          // Of a function, aggregation or operator.
    std::set<std::string> by;  // Labels of an aggregation.
    bool is_without = false;   // The labels are those left out.
    bool is_bool = false;      // A comparison gives 0 or 1.
    std::vector<std::shared_ptr<const Node>> parts;
};

}  // namespace serin::rehearse
