#include "metrics/counter_book.h"

#include "base/digest.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace serin::metrics {

namespace {

// Beyond it a double has no room for single requests.
constexpr double count_max = 9e15;
// So often in a row may a reading not fit those before; then it is what counts from then on.
constexpr int odd_readings_max = 3;

Result<std::uint64_t> read_count(double number) {
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorKind::invalid, fmt::format("{} is no count: {}", number, why));
    };
    if (!std::isfinite(number)) return refuse("it is no number");
    if (number < 0) return refuse("it is below 0");
    if (number > count_max) return refuse("it is too large");
    if (std::abs(number - std::round(number)) > 1e-6 * std::max(1.0, number))
        return refuse("counters are whole numbers; rates and increases are not counters");
    return static_cast<std::uint64_t>(std::llround(number));
}

// Of the process itself, not of a sum.
bool is_one_process(const std::map<std::string, std::string>& labels) {
    return labels.contains("__name__") || labels.contains("instance") || labels.contains("pod");
}

std::string name_of(const std::map<std::string, std::string>& labels) {
    if (labels.empty()) return "";
    std::string text;
    for (const auto& [name, value] : labels) text += fmt::format("{}={}\n", name, value);
    return sha256_hex(text).substr(0, 12);
}

// What is gone may come back, so all that ever were are kept. Beyond this, new ones do not count.
bool is_full(const std::map<std::string, std::uint64_t>& counts) {
    return counts.size() >= 2 * counter_series_max;
}

struct Step {
    std::uint64_t growth = 0;
    bool is_behind = false;  // An answer from before the last one.
    bool has_lost = false;   // A sum that fell: part of it is gone.
};

Step compare(const std::map<std::string, std::uint64_t>& before, const CounterAnswer& now) {
    Step step;
    for (const auto& [name, value] : now.series) {
        const auto last = before.find(name);
        if (last == before.end() && is_full(before)) continue;
        // Nobody had been counted by a series that was not there.
        const std::uint64_t from = last == before.end() ? 0 : last->second;
        if (value.count >= from) {
            step.growth += value.count - from;
        } else if (value.count >= from / 2) {
            step.is_behind = true;
        } else if (value.is_one_process) {
            step.growth += value.count;
        } else {
            step.has_lost = true;
        }
    }
    return step;
}

void keep(std::map<std::string, std::uint64_t>& counts, const CounterAnswer& now) {
    for (const auto& [name, value] : now.series) {
        if (!is_full(counts) || counts.contains(name)) counts[name] = value.count;
    }
}

json::Object counts_json(const std::map<std::string, std::uint64_t>& counts) {
    json::Object object;
    for (const auto& [name, count] : counts) object[name] = count;
    return object;
}

Result<std::map<std::string, std::uint64_t>> read_counts(const json::Value* value) {
    const json::Object* object = json::object(value);
    if (object == nullptr) return fail(ErrorKind::invalid, "not the memory of counters");
    std::map<std::string, std::uint64_t> counts;
    for (const auto& member : *object) {
        const auto count = json::integer(&member.value());
        if (!count || *count < 0) return fail(ErrorKind::invalid, "not the memory of counters");
        counts.emplace(member.key(), static_cast<std::uint64_t>(*count));
    }
    return counts;
}

}  // namespace

Result<CounterAnswer> CounterAnswer::read(const MetricSample& sample) {
    CounterAnswer answer;
    if (!sample.no_data_reason.empty() || sample.result.is_null()) return answer;
    if (sample.series.size() > counter_series_max) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "{} series are too many (at most {}): sum them by pod or instance",
                sample.series.size(),
                counter_series_max));
    }
    for (const MetricSeries& series : sample.series) {
        if (series.points.empty()) continue;
        SERIN_TRY(const std::uint64_t count, read_count(series.points.back().second));
        answer.series[name_of(series.labels)] = {count, is_one_process(series.labels)};
    }
    if (!sample.series.empty()) return answer;

    const json::Value* value = &sample.result;
    if (const json::Array* list = json::array(value)) {
        if (list->empty()) return answer;
        if (list->size() > 1)
            return fail(ErrorKind::invalid, "several numbers without names: ask for one");
        value = list->data();
    }
    auto number = json::number(value);
    if (const auto text = json::text(value)) {
        double read = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, read);
        if (problem == std::errc() && stopped == end) number = read;
    }
    if (!number) return fail(ErrorKind::invalid, "the answer is not a number");
    SERIN_TRY(const std::uint64_t count, read_count(*number));
    answer.series[""] = {count, false};
    return answer;
}

void CounterBook::note(std::string_view side, std::size_t metric, std::string_view what) {
    if (what.empty()) return;
    if (!trouble_.empty()) trouble_ += "; ";
    trouble_ += fmt::format("{} of metrics[{}]: {}", side, metric, what);
}

std::vector<CounterGrowth> CounterBook::take(const CounterReading& reading) {
    std::vector<CounterGrowth> all;
    if (last_ && reading.at <= *last_) return all;
    last_ = reading.at;
    trouble_.clear();
    for (const CounterReading::Metric& metric : reading.metrics) {
        CounterGrowth growth{.metric = metric.index, .canary = {}, .stable = {}};
        auto& [canary, stable] = arms_[metric.index];
        const auto count = [&](Arm& arm, const std::optional<ArmReading>& read, auto side) {
            if (!read) return ArmGrowth{};
            odd_.clear();
            const ArmGrowth grown = take(arm, *read, metric.counts_the_rest, reading.at);
            note(side, metric.index, odd_);
            return grown;
        };
        growth.canary = count(canary, metric.canary, "canary");
        growth.stable = count(stable, metric.stable, "stable");
        if (growth.canary.total > 0 || growth.stable.total > 0) all.push_back(growth);
    }
    if (trouble_.empty()) read_at_ = reading.at;
    return all;
}

ArmGrowth CounterBook::take(Arm& arm, const ArmReading& reading, bool is_rest, Instant at) {
    if (!reading.problem.empty()) {
        odd_ = reading.problem;
        return {};
    }
    if (reading.total.series.empty()) {
        odd_ = "no series: nothing has been counted there yet";
        return {};
    }
    const auto move_on = [&] {
        keep(arm.total, reading.total);
        keep(arm.events, reading.events);
        arm.at = at;
        arm.has_begun = true;
        arm.begins_anew = false;
        arm.odd_readings = 0;
    };
    if (!arm.has_begun || arm.begins_anew || at - arm.at > gap_max_) {
        move_on();
        return {};
    }
    const Step total = compare(arm.total, reading.total);
    const Step events = compare(arm.events, reading.events);
    const bool has_lost = total.has_lost || events.has_lost;
    const bool is_behind = total.is_behind || events.is_behind;
    const bool is_impossible = events.growth > total.growth;
    if (has_lost || is_behind || is_impossible) {
        odd_ = has_lost    ? "a sum of counters fell: ask for the series themselves"
               : is_behind ? "the counters went back a little: an answer of a moment ago"
                           : "more was counted than requests";
        if (has_lost || ++arm.odd_readings >= odd_readings_max) move_on();
        return {};
    }
    move_on();
    return {
        .total = total.growth, .events = is_rest ? total.growth - events.growth : events.growth};
}

void CounterBook::begin_stage() {
    for (auto& [metric, arms] : arms_) {
        for (Arm& arm : arms) arm.begins_anew = true;
    }
}

json::Object CounterBook::memory() const {
    json::Array metrics;
    for (const auto& [index, arms] : arms_) {
        json::Array sides;
        for (const Arm& arm : arms) {
            sides.push_back(json::Object{
                {"at", arm.at.time_since_epoch().count()},
                {"begun", arm.has_begun},
                {"anew", arm.begins_anew},
                {"total", counts_json(arm.total)},
                {"events", counts_json(arm.events)}});
        }
        metrics.push_back(json::Object{{"metric", index}, {"arms", std::move(sides)}});
    }
    json::Object memory{{"metrics", std::move(metrics)}};
    if (last_) memory["last"] = last_->time_since_epoch().count();
    return memory;
}

Result<> CounterBook::recall(const json::Object& memory) {
    const auto refuse = [] { return fail(ErrorKind::invalid, "not the memory of counters"); };
    const json::Array* metrics = json::array(memory.if_contains("metrics"));
    if (metrics == nullptr) return refuse();
    std::map<std::size_t, std::array<Arm, 2>> arms;
    for (const json::Value& metric : *metrics) {
        const auto index = json::integer(json::find(metric, "/metric"));
        const json::Array* sides = json::array(json::find(metric, "/arms"));
        if (!index || *index < 0 || sides == nullptr || sides->size() != 2) return refuse();
        auto& read = arms[static_cast<std::size_t>(*index)];
        for (std::size_t i = 0; i < read.size(); ++i) {
            const json::Value& side = (*sides)[i];
            read[i].at = Instant(Duration(json::integer(json::find(side, "/at")).value_or(0)));
            read[i].has_begun = json::boolean(json::find(side, "/begun")).value_or(false);
            read[i].begins_anew = json::boolean(json::find(side, "/anew")).value_or(false);
            SERIN_TRY(read[i].total, read_counts(json::find(side, "/total")));
            SERIN_TRY(read[i].events, read_counts(json::find(side, "/events")));
        }
    }
    arms_ = std::move(arms);
    last_.reset();
    if (const auto last = json::integer(memory.if_contains("last")))
        last_ = Instant(Duration(*last));
    return {};
}

}  // namespace serin::metrics
