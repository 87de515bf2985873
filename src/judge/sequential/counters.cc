#include "judge/sequential/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace serin::judge::sequential {

namespace {

constexpr Duration interval_min{1'000};
constexpr Duration interval_max{300'000};

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

struct Provider {
    std::string name = "prometheus";
    bool is_plugin = false;
    json::Object config;
};

// What a metric calls the requests that are counted beside all of them.
struct EventName {
    std::string_view metric;
    std::string_view field;
    bool is_rest;
};
constexpr std::array<EventName, 7> event_names{{
    {"error-rate", "failed", false},
    {"error-rate", "succeeded", true},
    {"success-rate", "failed", false},
    {"success-rate", "succeeded", true},
    {"latency", "slow", false},
    {"latency", "within", true},
    {"business", "converted", false},
}};

Result<Provider> read_provider(const json::Value* value) {
    Provider provider;
    if (value == nullptr) return provider;
    constexpr std::string_view field = "counters.provider";
    const json::Object* given = json::object(value);
    if (given == nullptr || given->size() != 1)
        return refuse(field, "expected one provider, such as {prometheus: {address: ...}}");
    provider.name = given->begin()->key();
    const json::Value* config = &given->begin()->value();
    if (provider.name == "plugin") {
        const json::Object* plugins = json::object(config);
        if (plugins == nullptr || plugins->size() != 1)
            return refuse("counters.provider.plugin", "names exactly one plugin");
        provider = {.name = plugins->begin()->key(), .is_plugin = true, .config = {}};
        config = &plugins->begin()->value();
    }
    if (config->is_null()) return provider;
    const json::Object* fields = json::object(config);
    if (fields == nullptr) return refuse(field, "expected an object");
    provider.config = *fields;
    return provider;
}

// Functions that make something else than a counter of one.
Result<> check_query(const std::string& field, std::string_view query) {
    constexpr std::array<std::string_view, 6> derived = {
        "rate", "irate", "increase", "delta", "idelta", "deriv"};
    for (std::size_t at = query.find('('); at != query.npos; at = query.find('(', at + 1)) {
        std::size_t end = at;
        while (end > 0 && query[end - 1] == ' ') --end;
        std::size_t begin = end;
        while (begin > 0 && (std::isalnum(static_cast<unsigned char>(query[begin - 1])) != 0 ||
                             query[begin - 1] == '_'))
            --begin;
        const std::string_view name = query.substr(begin, end - begin);
        if (std::ranges::find(derived, name) == derived.end()) continue;
        return refuse(
            field,
            fmt::format(
                "{}() makes something else of a counter: ask for the counter itself, which only "
                "grows, without {}() and [...]",
                name,
                name));
    }
    return {};
}

Result<CounterQuery> read_query(
    const json::Value* value, std::string field, const Provider& provider) {
    CounterQuery query{
        .field = std::move(field),
        .provider = provider.name,
        .is_plugin = provider.is_plugin,
        .config = provider.config};
    if (value == nullptr) return refuse(query.field, "missing");
    if (const auto text = json::text(value)) {
        if (text->empty()) return refuse(query.field, "must not be empty");
        query.config[provider.name == "web" ? "jsonPath" : "query"] = json::string(*text);
    } else if (const json::Object* fields = json::object(value)) {
        for (const auto& member : *fields) query.config[member.key()] = member.value();
    } else {
        return refuse(query.field, "expected a query, or an object with fields of the provider");
    }
    if (provider.name == "prometheus") {
        const auto text = json::text(query.config.if_contains("query"));
        SERIN_TRY_DO(check_query(query.field, text.value_or("")));
        if (query.config.contains("rangeQuery"))
            return refuse(query.field, "a counter is read as it is now, without a rangeQuery");
    }
    return query;
}

Result<CountedArm> read_arm(
    const json::Value& value,
    const std::string& field,
    std::string_view metric,
    const Provider& provider) {
    const json::Object* arm = json::object(&value);
    if (arm == nullptr) return refuse(field, "expected an object");
    std::string known = "total";
    const EventName* event = nullptr;
    for (const EventName& name : event_names) {
        if (name.metric != metric) continue;
        known += fmt::format(", {}", name.field);
        if (!arm->contains(name.field)) continue;
        if (event != nullptr)
            return refuse(field, fmt::format("give {} or {}, not both", event->field, name.field));
        event = &name;
    }
    for (const auto& member : *arm) {
        const std::string_view key(member.key().data(), member.key().size());
        if (key == "total" || (event != nullptr && key == event->field)) continue;
        return refuse(
            fmt::format("{}.{}", field, key), fmt::format("unknown field (known are {})", known));
    }
    if (event == nullptr)
        return refuse(field, fmt::format("what is counted is missing (known are {})", known));
    CountedArm read{.total = {}, .events = {}, .counts_the_rest = event->is_rest};
    SERIN_TRY(read.total, read_query(arm->if_contains("total"), field + ".total", provider));
    SERIN_TRY(
        read.events,
        read_query(
            arm->if_contains(event->field), fmt::format("{}.{}", field, event->field), provider));
    return read;
}

Result<CountedMetric> read_metric(
    const json::Object& metric, std::size_t index, const Provider& provider) {
    const std::string field = fmt::format("metrics[{}]", index);
    const std::string kind(json::text(metric.if_contains("metric")).value_or(""));
    const bool has_bound = metric.contains("atMost") || metric.contains("atLeast");
    if (kind == "latency" && !has_bound) {
        return refuse(
            field,
            "counters do not tell how slow each request was: give atMost with total and within, or "
            "compare the share of slow ones as an error-rate");
    }
    const json::Value* canary = metric.if_contains("canary");
    if (canary == nullptr) return refuse(field + ".canary", "missing");
    CountedMetric counted{.index = index, .canary = {}, .stable = std::nullopt};
    SERIN_TRY(counted.canary, read_arm(*canary, field + ".canary", kind, provider));
    if (const json::Value* stable = metric.if_contains("stable")) {
        SERIN_TRY(counted.stable, read_arm(*stable, field + ".stable", kind, provider));
    } else if (!has_bound) {
        return refuse(field + ".stable", "missing: the canary is compared with it");
    }
    return counted;
}

}  // namespace

Result<CountersConfig> CountersConfig::read(const json::Object& config) {
    CountersConfig read;
    read.judged = config;
    Provider provider;
    if (const json::Value* given = config.if_contains("counters")) {
        const json::Object* counters = json::object(given);
        if (counters == nullptr) return refuse("counters", "expected an object");
        for (const auto& member : *counters) {
            if (member.key() == "provider" || member.key() == "interval") continue;
            return refuse(
                fmt::format("counters.{}", std::string_view(member.key())),
                "unknown field (known are provider, interval)");
        }
        SERIN_TRY(provider, read_provider(counters->if_contains("provider")));
        if (const json::Value* interval = counters->if_contains("interval")) {
            const auto text = json::text(interval);
            const auto duration = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
            if (!duration || *duration < interval_min || *duration > interval_max)
                return refuse("counters.interval", "expected a duration from \"1s\" to \"5m\"");
            read.interval = *duration;
        }
        read.judged.erase("counters");
    }
    json::Value* list = read.judged.if_contains("metrics");
    json::Array* metrics = list == nullptr ? nullptr : list->if_array();
    for (std::size_t i = 0; metrics != nullptr && i < metrics->size(); ++i) {
        json::Object* metric = (*metrics)[i].if_object();
        if (metric == nullptr || (!metric->contains("canary") && !metric->contains("stable")))
            continue;
        SERIN_TRY(CountedMetric counted, read_metric(*metric, i, provider));
        read.metrics.push_back(std::move(counted));
        metric->erase("canary");
        metric->erase("stable");
    }
    if (config.contains("counters") && read.metrics.empty())
        return refuse("counters", "no metric has canary and stable: name what is to be counted");
    return read;
}

}  // namespace serin::judge::sequential
