#include "cli/plan_size.h"

#include "base/time.h"
#include "cli/exit_codes.h"
#include "cli/table.h"
#include "judge/sample_size.h"
#include "rehearse/settings.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace serin::cli {

namespace {

using namespace judge;

constexpr double day_s = 24 * 3600;
constexpr std::array weights{0.01, 0.05, 0.1, 0.25, 0.5};
// Where a first step may lie: less tells too little, more risks too much.
constexpr double first_least = 0.05;
constexpr double first_most = 0.25;
// Below so few canary requests a minute, a minute's error rate is mostly chance.
constexpr double low_traffic_per_minute = 100;

struct Question {
    Effect effect;
    FixedTest fixed;
    SequentialTest sequential;
    std::optional<double> weight;
    std::optional<Traffic> traffic;
};

Result<double> read_rate(const std::string& option, const std::string& text) {
    const auto rate = rehearse::read_share(text);
    if (rate && *rate > 0 && *rate < 1) return *rate;
    return fail(
        ErrorKind::invalid,
        fmt::format("{} {}: write a share above 0 and below 1, as 1.5% or 0.015", option, text));
}

Result<Question> read_question(const SizeOptions& options) {
    Question question;
    SERIN_TRY(question.effect.base, read_rate("--base", options.base));
    SERIN_TRY(question.effect.canary, read_rate("--bad", options.bad));
    SERIN_TRY(question.fixed.power, read_rate("--power", options.power));
    question.sequential.power = question.fixed.power;
    SERIN_TRY(question.fixed.alpha, read_rate("--fixed-alpha", options.fixed_alpha));
    SERIN_TRY(question.sequential.alpha, read_rate("--alpha", options.alpha));
    if (options.is_strict) question.sequential.null = {.ratio = 1, .difference = 0};
    if (question.effect.canary <= question.effect.base) {
        return fail(ErrorKind::invalid, "--bad: must be above --base");
    }
    if (!options.weight.empty()) {
        SERIN_TRY(question.weight, read_rate("--weight", options.weight));
    }
    if (options.traffic.empty()) return question;
    const auto traffic = rehearse::read_traffic(options.traffic);
    if (!traffic) return std::unexpected(Error(traffic.error()).within("--traffic"));
    if (*traffic <= 0) return fail(ErrorKind::invalid, "--traffic: must be above 0");
    const auto step = parse_duration(options.step);
    if (!step || *step <= Duration(0)) {
        return fail(ErrorKind::invalid, "--step " + options.step + ": write 10m");
    }
    question.traffic =
        Traffic{.per_second = *traffic, .step_s = static_cast<double>(step->count()) / 1000};
    return question;
}

json::Value whole(double requests) {
    return json::Value(static_cast<std::int64_t>(std::ceil(requests)));
}

// What a weight needs and, at the traffic, how long that takes.
json::Object print_weight(const Question& question, double weight) {
    const double fixed = fixed_size(question.effect, weight, question.fixed);
    const auto sequential = sequential_size(question.effect, weight, question.sequential);
    json::Object object{
        {"weight", weight},
        {"fixedCanaryRequests", whole(fixed)},
        {"fixedStableRequests", whole(fixed * (1 - weight) / weight)},
        {"sequentialCanaryRequests", sequential ? whole(*sequential) : json::Value(nullptr)}};
    if (!question.traffic) return object;
    const double per_second = weight * question.traffic->per_second;
    object["canaryRequestsPerMinute"] = 60 * per_second;
    object["fixedSeconds"] = fixed / per_second;
    object["sequentialSeconds"] =
        sequential ? json::Value(*sequential / per_second) : json::Value(nullptr);
    const double in_step = per_second * question.traffic->step_s;
    object["requestsInStep"] = in_step;
    const auto found = detectable_rate(question.effect.base, weight, in_step, question.sequential);
    object["smallestRateFoundInStep"] = found ? json::Value(*found) : json::Value(nullptr);
    return object;
}

std::string tier_of(double per_day) {
    if (per_day > 10e6) return "above 10 million requests a day";
    if (per_day >= 1e6) return "1 to 10 million requests a day";
    if (per_day >= 100e3) return "100,000 to 1 million requests a day";
    return "below 100,000 requests a day";
}

// The first step's weight, and whether it has enough requests.
json::Object print_first(const Question& question) {
    const auto size = [&](double weight) {
        return sequential_size(question.effect, weight, question.sequential).value_or(INFINITY);
    };
    const Traffic& traffic = *question.traffic;
    const auto weight = smallest_weight(traffic, first_least, first_most, size);
    const auto any = smallest_weight(traffic, 0.001, 0.5, size);
    return {
        {"weight", weight.value_or(first_most)},
        {"isEnough", weight.has_value()},
        {"smallestWeightAtAll", any ? json::Value(*any) : json::Value(nullptr)},
        {"requestsPerDay", traffic.per_second * day_s},
        {"tier", json::string(tier_of(traffic.per_second * day_s))}};
}

json::Array print_warnings(const Question& question) {
    json::Array warnings;
    const auto warn = [&](const std::string& text) { warnings.push_back(json::string(text)); };
    if (statistics::holds(
            question.sequential.null,
            {.canary = question.effect.canary, .stable = question.effect.base})) {
        warn(
            "--bad lies within the sequential judge's margin, which takes it for harmless: "
            "--strict plans without the margin");
    }
    if (!question.traffic) return warnings;
    const double weight = question.weight.value_or(first_most);
    const double per_minute = 60 * weight * question.traffic->per_second;
    if (per_minute < low_traffic_per_minute) {
        warn(fmt::format(
            "low traffic: {:.4g} canary requests a minute at {:.3g} %; error rates by the minute "
            "are mostly chance, judge by counts (serin/sequential), and give steps hours",
            per_minute,
            100 * weight));
    }
    const auto size = sequential_size(question.effect, weight, question.sequential);
    const double in_step = weight * question.traffic->per_second * question.traffic->step_s;
    if (size && *size > in_step) {
        warn(fmt::format(
            "a step has {:.0f} canary requests at {:.3g} % and needs {:.0f}: lengthen it, raise "
            "the "
            "weight, or accept that only a worse canary is found",
            in_step,
            100 * weight,
            std::ceil(*size)));
    }
    return warnings;
}

std::string duration_text(const json::Value* value) {
    const auto seconds = json::number(value);
    if (!seconds) return "never";
    if (*seconds < 120) return fmt::format("{:.3g} s", *seconds);
    if (*seconds < 7200) return fmt::format("{:.3g} min", *seconds / 60);
    if (*seconds < 3 * day_s) return fmt::format("{:.3g} h", *seconds / 3600);
    return fmt::format("{:.3g} days", *seconds / day_s);
}

std::string count_text(const json::Value* value) {
    const auto count = json::number(value);
    return count ? fmt::format("{:.0f}", *count) : "never";
}

std::string percent_text(const json::Value* value) {
    const auto share = json::number(value);
    return share ? fmt::format("{:.3g} %", 100 * *share) : "none";
}

std::string weights_text(const json::Object& plan) {
    const bool has_traffic = json::find(plan, "/firstStep") != nullptr;
    Table table{
        .header = {"WEIGHT", "AT ONCE: CANARY", "STABLE", "SEQUENTIAL: CANARY"}, .rows = {}};
    if (has_traffic) {
        for (const char* name : {"A MINUTE", "AT ONCE", "SEQUENTIAL", "A STEP FINDS"}) {
            table.header.emplace_back(name);
        }
    }
    for (const json::Value& row : *json::array(json::find(plan, "/weights"))) {
        std::vector<std::string> cells{
            percent_text(json::find(row, "/weight")),
            count_text(json::find(row, "/fixedCanaryRequests")),
            count_text(json::find(row, "/fixedStableRequests")),
            count_text(json::find(row, "/sequentialCanaryRequests"))};
        if (has_traffic) {
            cells.push_back(
                fmt::format("{:.4g}", *json::number(json::find(row, "/canaryRequestsPerMinute"))));
            cells.push_back(duration_text(json::find(row, "/fixedSeconds")));
            cells.push_back(duration_text(json::find(row, "/sequentialSeconds")));
            cells.push_back(percent_text(json::find(row, "/smallestRateFoundInStep")));
        }
        table.rows.push_back(std::move(cells));
    }
    return to_text(table);
}

}  // namespace

Result<json::Object> plan_size(const SizeOptions& options) {
    SERIN_TRY(const Question question, read_question(options));
    json::Array rows;
    if (question.weight) {
        rows.push_back(print_weight(question, *question.weight));
    } else {
        for (const double weight : weights) rows.push_back(print_weight(question, weight));
    }
    json::Object plan{
        {"base", question.effect.base},
        {"bad", question.effect.canary},
        {"power", question.fixed.power},
        {"alpha", question.sequential.alpha},
        {"fixedAlpha", question.fixed.alpha},
        {"marginRatio", question.sequential.null.ratio},
        {"marginDifference", question.sequential.null.difference},
        {"weights", std::move(rows)}};
    if (question.traffic) plan["firstStep"] = print_first(question);
    plan["warnings"] = print_warnings(question);
    return plan;
}

std::string to_text_of_size(const json::Object& plan) {
    std::string text = fmt::format(
        "To find {} failures where {} is healthy, in {} of the cases:\n\n{}",
        percent_text(json::find(plan, "/bad")),
        percent_text(json::find(plan, "/base")),
        percent_text(json::find(plan, "/power")),
        weights_text(plan));
    text += fmt::format(
        "\nAt once: one look at the end, {} false alarms (two-sided). Sequential: every request "
        "looked at, at most {} over the whole release.\n",
        percent_text(json::find(plan, "/fixedAlpha")),
        percent_text(json::find(plan, "/alpha")));
    if (const json::Value* first = json::find(plan, "/firstStep")) {
        const bool is_enough = *json::boolean(json::find(*first, "/isEnough"));
        text += fmt::format(
            "First step ({}): {}{}\n",
            *json::text(json::find(*first, "/tier")),
            percent_text(json::find(*first, "/weight")),
            is_enough ? "" : ", and even that has too few requests in one step");
    }
    for (const json::Value& warning : *json::array(json::find(plan, "/warnings"))) {
        text += fmt::format("Warning: {}\n", *json::text(&warning));
    }
    return text;
}

int run_plan_size(const SizeOptions& options) {
    const auto plan = plan_size(options);
    if (!plan) return report(plan.error());
    if (options.format == Format::json || options.format == Format::yaml) {
        print_document(*plan, options.format);
    } else {
        fmt::print("{}", to_text_of_size(*plan));
    }
    return exit_ok;
}

}  // namespace serin::cli
