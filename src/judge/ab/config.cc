#include "judge/ab/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace serin::judge::ab {

namespace {

constexpr Duration timeout_default = std::chrono::hours(168);
constexpr int failed_from = 500;

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

// Numbers may be text, as arguments are.
Result<std::optional<double>> read_number(
    const json::Object& object, std::string_view field, const std::string& path) {
    const json::Value* value = object.if_contains(field);
    if (value == nullptr) return std::nullopt;
    if (const auto number = json::number(value)) return *number;
    if (const auto text = json::text(value)) {
        double number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, error] = std::from_chars(text->data(), end, number);
        if (error == std::errc() && stopped == end) return number;
    }
    return refuse(path + std::string(field), "expected a number");
}

std::string text_at(const json::Object& object, std::string_view field) {
    return std::string(json::text(object.if_contains(field)).value_or(""));
}

template <std::size_t N>
Result<> reject_others(
    const json::Object& object,
    const std::string& path,
    const std::array<std::string_view, N>& known) {
    for (const auto& member : object) {
        const std::string_view key(member.key().data(), member.key().size());
        if (std::ranges::find(known, key) != known.end()) continue;
        return refuse(
            path + std::string(key),
            fmt::format("unknown field (known are {})", fmt::join(known, ", ")));
    }
    return {};
}

Result<> read_arm(const json::Value& value, const std::string& path, Config& config) {
    const json::Object* arm = json::object(&value);
    if (arm == nullptr) return refuse(path, "expected an object");
    constexpr std::array<std::string_view, 4> known{"name", "revision", "service", "weight"};
    SERIN_TRY_DO(reject_others(*arm, path + ".", known));
    ArmSpec spec{.name = text_at(*arm, "name")};
    if (spec.name.empty()) return refuse(path + ".name", "missing");
    if (std::ranges::find(config.spec.arms, spec.name, &ArmSpec::name) != config.spec.arms.end())
        return refuse(path + ".name", fmt::format("'{}' is named twice", spec.name));
    ArmTarget target{.revision = text_at(*arm, "revision"), .service = text_at(*arm, "service")};
    if (target.revision.empty() == target.service.empty())
        return refuse(path, "give either revision (a pod-template hash) or service");
    SERIN_TRY(const auto weight, read_number(*arm, "weight", path + "."));
    if (weight && (*weight <= 0 || *weight > 1e9))
        return refuse(path + ".weight", "must be more than 0");
    spec.weight = weight.value_or(0);
    config.spec.arms.push_back(std::move(spec));
    config.targets.push_back(std::move(target));
    return {};
}

Result<> read_arms(const json::Object& fields, Config& config) {
    const json::Value* value = fields.if_contains("arms");
    if (value == nullptr) {
        config.is_of_release = true;
        config.spec.arms = {{.name = "stable", .weight = 0}, {.name = "canary", .weight = 0}};
        config.targets.resize(2);
        config.expects = 1;
    } else {
        const json::Array* arms = json::array(value);
        if (arms == nullptr || arms->size() < 2 || arms->size() > arms_max)
            return refuse("arms", fmt::format("expected a list of two to {} arms", arms_max));
        for (std::size_t i = 0; i < arms->size(); ++i)
            SERIN_TRY_DO(read_arm((*arms)[i], fmt::format("arms[{}]", i), config));
    }
    const auto without = std::ranges::count(config.spec.arms, 0.0, &ArmSpec::weight);
    for (std::size_t i = 1; i < config.targets.size() && !config.is_of_release; ++i) {
        // A request is one arm's.
        if (config.targets[i].revision.empty() != config.targets[0].revision.empty())
            return refuse(
                fmt::format("arms[{}]", i), "give all arms by revision or all by service");
        for (std::size_t other = 0; other < i; ++other) {
            if (config.targets[i].revision == config.targets[other].revision &&
                config.targets[i].service == config.targets[other].service)
                return refuse(fmt::format("arms[{}]", i), "is the same as another arm");
        }
    }
    if (without == 0) return {};
    if (without != std::ssize(config.spec.arms))
        return refuse("arms", "give the weight of every arm or of none");
    // Without weights there is no split to hold them against.
    for (ArmSpec& arm : config.spec.arms) arm.weight = 1;
    config.spec.mismatch_alpha = 0;
    return {};
}

Result<> read_outcome(const json::Object& fields, Config& config) {
    config.header = text_at(fields, "header");
    for (char& c : config.header) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    SERIN_TRY(config.good_from, read_number(fields, "goodFrom", ""));
    if (const json::Value* good = fields.if_contains("good")) {
        const json::Array* list = json::array(good);
        if (list == nullptr || list->empty()) return refuse("good", "expected a list of values");
        for (const json::Value& one : *list) {
            const auto text = json::text(&one);
            if (!text) return refuse("good", "expected texts");
            config.good.emplace_back(*text);
        }
    }
    const bool has_rule = !config.good.empty() || config.good_from;
    if (config.header.empty() && has_rule)
        return refuse("header", "missing: the header of the answer that is meant");
    if (!config.header.empty() && config.good.empty() == !config.good_from)
        return refuse("header", "give either good (values that count) or goodFrom (a number)");
    return {};
}

}  // namespace

Result<Config> Config::read(const json::Object& fields) {
    constexpr std::array<std::string_view, 7> known{
        "arms", "alpha", "timeout", "expects", "header", "good", "goodFrom"};
    SERIN_TRY_DO(reject_others(fields, "", known));
    Config config;
    SERIN_TRY_DO(read_arms(fields, config));
    SERIN_TRY(const auto alpha, read_number(fields, "alpha", ""));
    config.spec.alpha = alpha.value_or(config.spec.alpha);
    if (!(config.spec.alpha > 0 && config.spec.alpha < 0.5))
        return refuse("alpha", "must be between 0 and 0.5, both excluded");
    if (const std::string name = text_at(fields, "expects"); !name.empty()) {
        const auto found = std::ranges::find(config.spec.arms, name, &ArmSpec::name);
        if (found == config.spec.arms.end())
            return refuse("expects", fmt::format("there is no arm '{}'", name));
        config.expects = static_cast<std::size_t>(found - config.spec.arms.begin());
    }
    config.timeout = timeout_default;
    if (const json::Value* value = fields.if_contains("timeout")) {
        const auto text = json::text(value);
        const auto timeout = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
        if (!timeout || *timeout < Duration(0))
            return refuse("timeout", "expected a duration such as \"48h\"");
        config.timeout = *timeout;
        if (*timeout == Duration(0)) config.timeout.reset();
    }
    SERIN_TRY_DO(read_outcome(fields, config));
    return config;
}

std::optional<bool> Config::outcome(int status, std::string_view header_value) const {
    if (header.empty()) return status < failed_from;
    if (header_value.empty()) return std::nullopt;
    if (!good_from) return std::ranges::find(good, header_value) != good.end();
    double number = 0;
    const char* end = header_value.data() + header_value.size();
    const auto [stopped, error] = std::from_chars(header_value.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number >= *good_from;
}

}  // namespace serin::judge::ab
