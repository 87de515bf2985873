#include "control/release_record.h"

#include "base/digest.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace serin::control {

namespace {

std::string text_at(const json::Value* value, std::string_view pointer) {
    if (!value) return {};
    return std::string(json::text(json::find(*value, pointer)).value_or(""));
}

std::int64_t count_at(const json::Value& value, std::string_view pointer) {
    return json::integer(json::find(value, pointer)).value_or(0);
}

// Metadata of measurements is text.
std::optional<std::int64_t> number_in(const json::Value& measurement, std::string_view key) {
    const std::string text = text_at(&measurement, "/metadata/" + std::string(key));
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

const json::Value* metric_named(const Object& run, std::string_view name) {
    const json::Array* metrics = json::array(run.find("/spec/metrics"));
    if (!metrics) return nullptr;
    for (const json::Value& metric : *metrics) {
        if (json::text(json::find(metric, "/name")) == name) return &metric;
    }
    return nullptr;
}

std::string condition_of(const json::Value* metric) {
    const std::string success = text_at(metric, "/successCondition");
    const std::string failure = text_at(metric, "/failureCondition");
    if (success.empty()) return failure.empty() ? "" : "fails when " + failure;
    return failure.empty() ? success : success + "; fails when " + failure;
}

std::optional<evidence::SampleShown> sample_of(const json::Value& measurement) {
    const auto requests = number_in(measurement, "requests");
    if (!requests) return std::nullopt;
    return evidence::SampleShown{
        .requests = *requests,
        .failed = number_in(measurement, "failed"),
        .lost = number_in(measurement, "lost"),
        .retried = number_in(measurement, "retried"),
        .candidate_value = text_at(&measurement, "/metadata/candidateValue"),
        .stable_value = text_at(&measurement, "/metadata/stableValue"),
        .stable_requests = number_in(measurement, "stableRequests"),
    };
}

// From the run's start to the end of the measurement: the time it can be about at most.
std::string time_measured(const Object& run, const json::Value& measurement) {
    const auto from = run.time("/status/startedAt");
    const auto to = parse_time(text_at(&measurement, "/finishedAt"));
    return from && to && *to > *from ? format_duration(*to - *from) : std::string();
}

void add_measurement(const Object& run, const json::Value& measurement, evidence::Number& number) {
    number.value = text_at(&measurement, "/value");
    number.sample = sample_of(measurement);
    number.is_early = text_at(&measurement, "/metadata/early") == "true";
    number.window = text_at(&measurement, "/metadata/window");
    if (number.window.empty()) number.window = time_measured(run, measurement);
    if (number.message.empty()) number.message = text_at(&measurement, "/message");
    const std::string slices = text_at(&measurement, "/metadata/slices");
    const auto where = slices.empty() ? json::Value() : json::parse(slices).value_or(nullptr);
    if (const json::Object* fields = json::object(&where)) number.where = *fields;
}

// A limit as the template has it, which may be text where an argument fills it in.
std::optional<std::int64_t> limit_at(
    const json::Value* metric, std::string_view pointer, std::int64_t otherwise) {
    const json::Value* limit = metric ? json::find(*metric, pointer) : nullptr;
    if (!limit) return otherwise;
    const auto number = json::integer(limit);
    return number && *number < 0 ? std::nullopt : number;
}

evidence::Number number_of(const Object& run, const json::Value& result) {
    const std::string name = text_at(&result, "/name");
    const json::Value* metric = metric_named(run, name);
    evidence::Number number{
        .run = std::string(run.name()),
        .metric = name,
        .phase = text_at(&result, "/phase"),
        .condition = condition_of(metric),
        .interval = text_at(metric, "/interval"),
        .failed = {count_at(result, "/failed"), limit_at(metric, "/failureLimit", 0)},
        .inconclusive =
            {count_at(result, "/inconclusive"), limit_at(metric, "/inconclusiveLimit", 0)},
        .errors = {count_at(result, "/error"), limit_at(metric, "/consecutiveErrorLimit", 4)},
        .message = text_at(&result, "/message"),
    };
    // Old measurements are trimmed; the counts are not.
    number.measurements = count_at(result, "/successful") + number.failed.count +
                          number.inconclusive.count + number.errors.count;
    const json::Array* list = json::array(json::find(result, "/measurements"));
    if (list && !list->empty()) add_measurement(run, list->back(), number);
    return number;
}

void add_numbers(const ReleaseWorld& world, const Decision& decision, evidence::Record& record) {
    std::set<std::string> told;
    for (const Cause& cause : decision.causes) {
        const Object* run = cause.run.empty() ? nullptr : world.run(cause.run);
        if (!run || !told.insert(cause.run).second) continue;
        const json::Array* results = json::array(run->find("/status/metricResults"));
        if (!results) continue;
        for (const json::Value& result : *results) {
            record.numbers.push_back(number_of(*run, result));
        }
    }
}

evidence::StandShown stand_of(
    const Plan& plan, const ReleaseState& state, std::string phase, std::string message) {
    evidence::StandShown stand{
        .phase = std::move(phase),
        .message = std::move(message),
        .candidate = state.candidate,
        .stable = state.stable,
        .step = state.step,
        .steps = static_cast<int>(plan.steps.size()),
        .weight_max = plan.weight_max,
    };
    if (state.exposure) stand.weight = state.exposure->candidate_weight;
    return stand;
}

bool is_worth_recording(const Decision& decision) {
    if (!decision.causes.empty()) return true;
    return std::ranges::any_of(decision.actions, [](const Action& action) {
        return !std::holds_alternative<Announce>(action);
    });
}

}  // namespace

evidence::Record make_record(
    const ReleaseWorld& world,
    const ReleaseState& before,
    const Decision& decision,
    const json::Object& after) {
    const Plan& plan = world.lowered.plan;
    evidence::Record record{
        .before = stand_of(
            plan,
            before,
            std::string(world.rollout.text("/status/phase")),
            std::string(world.rollout.text("/status/message"))),
        .after = stand_of(
            plan,
            decision.next,
            std::string(json::text(json::find(after, "/phase")).value_or("")),
            std::string(json::text(json::find(after, "/message")).value_or(""))),
        .causes = decision.causes,
        .actions = decision.actions,
        .split = world.seen.split,
        .revisions = world.seen.revisions,
    };
    add_numbers(world, decision, record);
    return record;
}

Result<> append_record(
    EvidenceLog& log,
    const ReleaseWorld& world,
    const ReleaseState& before,
    const Decision& decision,
    const json::Object& after) {
    if (!is_worth_recording(decision)) return {};
    json::Object body = evidence::to_json(make_record(world, before, decision, after));
    std::string identity = std::string(world.rollout.uid()) + "/" +
                           std::string(world.rollout.resource_version()) + "/";
    for (const char* part : {"/causes", "/actions", "/after/step", "/after/weight"}) {
        if (const json::Value* value = json::find(body, part)) {
            identity += json::print_canonical(*value);
        }
        identity += "/";
    }
    SERIN_TRY_DO(log.append(
        world.seen.at,
        to_string(world.rollout.key()),
        sha256_hex(identity).substr(0, 32),
        std::move(body)));
    return {};
}

}  // namespace serin::control
