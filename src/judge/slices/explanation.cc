#include "judge/slices/explanation.h"

#include "judge/sequential/look.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace serin::judge::slices {

namespace {

constexpr std::size_t points = 8;  // Coarser bets than the judge's: there are many slices.

std::string percent(double rate) {
    return fmt::format("{:.3g} %", 100 * rate);
}

std::string_view event_of(sequential::Subject subject) {
    switch (subject) {
        case sequential::Subject::errors:
            return "failed";
        case sequential::Subject::latency:
            return "were slow";
        case sequential::Subject::conversions:
            return "did not convert";
    }
    return "";
}

sequential::MetricSpec against_stable(const sequential::MetricSpec& spec) {
    if (!spec.bound) return spec;
    const char* kind = "error-rate";
    if (spec.subject == sequential::Subject::latency) kind = "latency";
    if (spec.subject == sequential::Subject::conversions) kind = "business";
    const json::Value value =
        json::Object{{"metrics", json::Array{json::Object{{"metric", kind}}}}};
    sequential::MetricSpec plain = sequential::read_spec(value).spec.metrics.front();
    plain.name = spec.name;
    return plain;
}

json::Object print_arm(const sequential::ArmEstimate& arm) {
    return {
        {"requests", arm.total},
        {"events", arm.events},
        {"rate", arm.rate},
        {"low", arm.interval.low},
        {"high", arm.interval.high}};
}

std::string describe_found(const Found& found) {
    std::string text = fmt::format(
        "{} {}: {} of the canary's {} requests {}, {} of stable's {} ({:.3g} to {:.3g} points "
        "more, "
        "e = {:.2g})",
        found.dimension,
        found.value,
        percent(found.canary.rate),
        found.canary.total,
        found.event,
        percent(found.stable.rate),
        found.stable.total,
        100 * found.difference.low,
        100 * found.difference.high,
        found.e_value);
    if (!found.examples.empty()) {
        text += fmt::format(", such as request {}", fmt::join(found.examples, ", "));
    }
    return text;
}

}  // namespace

std::vector<Question> questions_of(const sequential::Spec& spec) {
    std::vector<Question> questions;
    for (const auto subject :
         {sequential::Subject::errors,
          sequential::Subject::latency,
          sequential::Subject::conversions}) {
        const auto metric = std::ranges::find_if(spec.metrics, [&](const auto& one) {
            return one.subject == subject && one.counted_by.empty();
        });
        if (metric == spec.metrics.end()) continue;
        Question question{
            .index = static_cast<std::size_t>(metric - spec.metrics.begin()),
            .metric = metric->name,
            .event = std::string(event_of(subject)),
            .bets = sequential::bets_for(against_stable(*metric)).harm,
            .subject = subject};
        question.bets.points = points;
        questions.push_back(std::move(question));
    }
    return questions;
}

std::string describe(const Explanation& explanation) {
    std::string text;
    for (const Found& found : explanation.found) {
        text += text.empty() ? "Worse is " : "; ";
        text += describe_found(found);
    }
    if (explanation.is_even) {
        text += text.empty() ? "No" : "; no";
        text += " route, method, pod or header stands out";
    }
    if (explanation.hint.empty()) return text;
    return text + (text.empty() ? "Too few to tell where, but " : ", but ") + explanation.hint;
}

json::Object print_explanation(const Explanation& explanation) {
    json::Array slices;
    for (const Found& found : explanation.found) {
        json::Array examples;
        for (const std::string& id : found.examples) examples.push_back(json::string(id));
        slices.push_back(json::Object{
            {"dimension", json::string(found.dimension)},
            {"value", json::string(found.value)},
            {"metric", json::string(found.metric)},
            {"event", json::string(found.event)},
            {"eValue", found.e_value},
            {"canary", print_arm(found.canary)},
            {"stable", print_arm(found.stable)},
            {"difference",
             json::Object{{"low", found.difference.low}, {"high", found.difference.high}}},
            {"examples", std::move(examples)}});
    }
    return {
        {"slices", std::move(slices)},
        {"text", json::string(describe(explanation))},
        {"even", explanation.is_even},
        {"hint", json::string(explanation.hint)},
        {"tested", explanation.tested},
        {"falseDiscoveryRate", explanation.alpha}};
}

}  // namespace serin::judge::slices
