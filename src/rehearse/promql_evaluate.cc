#include "rehearse/promql.h"
#include "rehearse/promql_node.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace serin::rehearse {

namespace {

using Node = PromQuery::Node;
using Kind = Node::Kind;

// A value on the way: a scalar, or a vector of which at most one element is followed.
struct Got {
    bool is_scalar = false;
    std::optional<double> value;
    // False: one element for each pod, code and so on, of which the rehearsal knows only the sum.
    bool is_summed = true;
    std::function<double(double)> quantile;  // Of a histogram's buckets.
};

std::unexpected<Error> refuse(std::string why) {
    return fail(ErrorKind::invalid, std::move(why));
}

bool is_buckets(const Selection& selection) {
    if (!selection.metric.ends_with("_bucket")) return false;
    for (const LabelMatcher& matcher : selection.matchers) {
        if (matcher.label == "le") return false;
    }
    return true;
}

double calculate(const std::string& name, double left, double right) {
    if (name == "+") return left + right;
    if (name == "-") return left - right;
    if (name == "*") return left * right;
    if (name == "/") return left / right;
    if (name == "%") return std::fmod(left, right);
    return std::pow(left, right);
}

std::optional<bool> compare(const std::string& name, double left, double right) {
    if (name == "==") return left == right;
    if (name == "!=") return left != right;
    if (name == "<") return left < right;
    if (name == ">") return left > right;
    if (name == "<=") return left <= right;
    if (name == ">=") return left >= right;
    return std::nullopt;
}

class Evaluation {
public:
    explicit Evaluation(const ReadSeries& read) : read_(read) {}

    Result<Got> of(const Node& node) const {
        switch (node.kind) {
            case Kind::number:
                return Got{.is_scalar = true, .value = node.number};
            case Kind::selection:
                return refuse(fmt::format(
                    "{} is asked for as it is, neither as rate(...[5m]) nor increase(...[5m])",
                    node.selection.metric));
            case Kind::call:
                return call(node);
            case Kind::aggregate:
                return aggregate(node);
            case Kind::binary:
                return binary(node);
            case Kind::negate: {
                SERIN_TRY(Got got, of(*node.parts[0]));
                if (got.value) got.value = -*got.value;
                return got;
            }
        }
        std::unreachable();
    }

private:
    Result<Got> over_time(const Node& node) const {
        if (node.parts.size() != 1 || node.parts[0]->kind != Kind::selection ||
            node.parts[0]->selection.range <= Duration(0)) {
            return refuse(node.name + " without a range like [5m]");
        }
        const Selection& selection = node.parts[0]->selection;
        SERIN_TRY(const SeriesReading reading, read_(selection));
        Got got{.is_summed = false};
        if (!reading.is_there) return got;
        const double seconds = std::chrono::duration<double>(selection.range).count();
        got.value = node.name == "increase" ? reading.increase : reading.increase / seconds;
        if (is_buckets(selection)) got.quantile = reading.quantile;
        return got;
    }

    Result<Got> call(const Node& node) const {
        if (node.name == "rate" || node.name == "irate" || node.name == "increase") {
            return over_time(node);
        }
        std::vector<Got> given;
        for (const auto& part : node.parts) {
            SERIN_TRY(Got got, of(*part));
            given.push_back(std::move(got));
        }
        if (node.name == "histogram_quantile" && given.size() == 2) {
            return quantile(given[0], given[1]);
        }
        if (given.empty() || given.size() > 2) return refuse(node.name + "()");
        Got got = given[0];
        if (node.name == "scalar" || node.name == "vector") {
            if (!got.is_summed) return refuse("scalar() of what is not summed");
            got.is_scalar = node.name == "scalar";
            if (got.is_scalar && !got.value) got.value = std::numeric_limits<double>::quiet_NaN();
            return got;
        }
        return round_off(node, std::move(got), given.size() == 2 ? given[1].value : std::nullopt);
    }

    static Result<Got> round_off(const Node& node, Got got, std::optional<double> by) {
        if (!got.value) return got;
        double& value = *got.value;
        if (node.name == "abs") {
            value = std::abs(value);
        } else if (node.name == "ceil") {
            value = std::ceil(value);
        } else if (node.name == "floor") {
            value = std::floor(value);
        } else if (node.name == "round") {
            const double to = by.value_or(1);
            value = std::floor(value / to + 0.5) * to;
        } else if (node.name == "clamp_min" && by) {
            value = std::max(value, *by);
        } else if (node.name == "clamp_max" && by) {
            value = std::min(value, *by);
        } else {
            return refuse(node.name + "()");
        }
        return got;
    }

    static Result<Got> quantile(const Got& share, const Got& buckets) {
        if (!share.value || !share.is_scalar) return refuse("a quantile that is no number");
        if (!buckets.value) return Got{};
        if (!buckets.quantile) {
            return refuse("histogram_quantile of what is no rate of a ..._bucket");
        }
        if (!buckets.is_summed) {
            return refuse("histogram_quantile without sum by (le): one value a pod and code");
        }
        return Got{.value = buckets.quantile(*share.value)};
    }

    Result<Got> aggregate(const Node& node) const {
        SERIN_TRY(Got got, of(*node.parts[0]));
        if (node.is_without) return refuse(node.name + " without (...)");
        if (node.name == "count" || node.name == "group") return refuse(node.name + "()");
        if (got.is_scalar) return refuse(node.name + " of a number");
        if (node.name != "sum" && !got.is_summed) {
            return refuse(node.name + " over series: it depends on how many there are");
        }
        for (const char* label :
             {"code",
              "status",
              "status_code",
              "response_code",
              "pod",
              "instance",
              "method",
              "path",
              "handler",
              "rollouts_pod_template_hash"}) {
            if (node.by.contains(label)) {
                return refuse(fmt::format("one value for each {}", label));
            }
        }
        if (got.quantile && !node.by.contains("le")) {
            return refuse("a histogram's buckets summed without by (le)");
        }
        got.is_summed = true;
        return got;
    }

    Result<Got> binary(const Node& node) const {
        SERIN_TRY(Got left, of(*node.parts[0]));
        SERIN_TRY(Got right, of(*node.parts[1]));
        if ((!left.is_summed && !right.is_scalar) || (!right.is_summed && !left.is_scalar)) {
            return refuse(fmt::format("\"{}\" between series that are not summed", node.name));
        }
        Got got{
            .is_scalar = left.is_scalar && right.is_scalar,
            .is_summed = left.is_summed && right.is_summed};
        if (node.name == "or") {
            got.value = left.value ? left.value : right.value;
        } else if (node.name == "and") {
            if (right.value) got.value = left.value;
        } else if (node.name == "unless") {
            if (!right.value) got.value = left.value;
        } else if (left.value && right.value) {
            if (const auto holds = compare(node.name, *left.value, *right.value)) {
                if (node.is_bool || got.is_scalar) got.value = *holds ? 1 : 0;
                if (!node.is_bool && *holds) got.value = left.is_scalar ? right.value : left.value;
            } else {
                got.value = calculate(node.name, *left.value, *right.value);
            }
        }
        return got;
    }

    const ReadSeries& read_;
};

void collect(const Node& node, std::vector<Selection>& found) {
    if (node.kind == Kind::selection) found.push_back(node.selection);
    for (const auto& part : node.parts) collect(*part, found);
}

bool calls(const Node& node, std::string_view name) {
    if (node.kind == Kind::call && node.name == name) return true;
    for (const auto& part : node.parts) {
        if (calls(*part, name)) return true;
    }
    return false;
}

}  // namespace

Result<PromQuery::Answer> PromQuery::evaluate(const ReadSeries& read) const {
    SERIN_TRY(const Got got, Evaluation(read).of(*root_));
    if (!got.is_summed) return refuse("one value a pod and code: it is not summed");
    if (got.quantile) return refuse("buckets of a histogram without histogram_quantile");
    Answer answer{.is_scalar = got.is_scalar};
    if (got.value) answer.values.push_back(*got.value);
    return answer;
}

std::vector<Selection> PromQuery::selections() const {
    std::vector<Selection> found;
    collect(*root_, found);
    return found;
}

bool PromQuery::asks_quantile() const {
    return calls(*root_, "histogram_quantile");
}

}  // namespace serin::rehearse
