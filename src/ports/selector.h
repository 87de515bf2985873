#pragma once

#include "base/json.h"
#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace serin {

// Which labels (or fields) match. Both written forms are read: the query-string form
// "app=shop,tier in (a,b),!legacy" and the LabelSelector object {matchLabels, matchExpressions}.
// The default-constructed selector matches everything.
class LabelSelector {
public:
    static Result<LabelSelector> parse(std::string_view text);
    static Result<LabelSelector> read(const json::Value& selector);
    static LabelSelector equal_to(const std::map<std::string, std::string>& labels);

    bool matches(const std::map<std::string, std::string>& labels) const;
    bool is_empty() const { return requirements_.empty(); }
    std::vector<std::string> keys() const;  // That it looks at.
    std::string to_string() const;          // The query-string form.

private:
    enum class Operator { in, not_in, exists, does_not_exist };
    struct Requirement {
        std::string key;
        Operator op = Operator::exists;
        std::vector<std::string> values;
    };
    std::vector<Requirement> requirements_;
};

}  // namespace serin
