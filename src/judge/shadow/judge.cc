#include "judge/shadow/judge.h"

#include "base/digest.h"
#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace serin::judge::shadow {

namespace {

constexpr std::size_t told_max = 3;
constexpr std::size_t path_bytes_max = 160;
constexpr double power = 0.95;

// As it can be shown on a terminal.
std::string shown(std::string_view text) {
    std::string clean = repair_utf8(cut_utf8(text, path_bytes_max));
    std::ranges::replace_if(
        clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return clean;
}

std::string text_at(const json::Value& value, std::string_view pointer) {
    return std::string(json::text(json::find(value, pointer)).value_or(""));
}

}  // namespace

void Judge::begin(std::int64_t measurement) {
    if (measurement == number_) return;
    number_ = measurement;
    before_ = compared_;
}

void Judge::add(const std::vector<OddOne>& odd_ones, const Request& request, int stable_pods) {
    if (decision() != Decision::open) return;
    ++compared_;
    stable_pods_ = std::max(stable_pods_, stable_pods);
    for (const OddOne& odd : odd_ones) {
        auto field = std::ranges::find_if(fields_, [&](const Field& one) {
            return one.name == odd.field && one.difference == odd.difference;
        });
        if (field == fields_.end()) {
            if (fields_.size() == fields_max) continue;
            fields_.push_back({.name = odd.field, .difference = odd.difference});
            field = std::prev(fields_.end());
        }
        ++field->count.found;
        if (!odd.is_candidate) continue;
        ++field->count.candidate;
        field->has_it = odd.has_it;
        field->example = {
            .route = request.route,
            .method = request.method,
            .path = shown(request.path),
            .id = shown(request.id)};
    }
    has_failed_ = statistics::odd_ones_needed(counts(), spec_.alpha) == 0;
}

Decision Judge::decision() const {
    if (has_failed_) return Decision::fail;
    return compared_ - before_ >= spec_.requests ? Decision::pass : Decision::open;
}

std::uint64_t Judge::left() const {
    return spec_.requests - std::min(spec_.requests, compared_ - before_);
}

std::vector<statistics::OddCount> Judge::counts() const {
    std::vector<statistics::OddCount> counts;
    counts.reserve(fields_.size());
    for (const Field& field : fields_) counts.push_back(field.count);
    return counts;
}

std::string Judge::describe(const Field& field) {
    std::string what;
    switch (field.difference) {
        case Difference::missing:
            what = field.has_it ? "only the candidate has it" : "the candidate lacks it";
            break;
        case Difference::type:
            what = "of another type";
            break;
        case Difference::length:
            what = "of another length";
            break;
        case Difference::value:
            what = "another value";
            break;
    }
    std::string text = fmt::format(
        "{}: {}, the candidate was the odd one in {} of {}, such as {} {} of {}",
        field.name,
        what,
        field.count.candidate,
        field.count.found,
        field.example.method,
        field.example.path,
        field.example.route);
    if (!field.example.id.empty()) text += fmt::format(" (request {})", field.example.id);
    return text;
}

// The fields that speak against the candidate, the strongest first.
std::string Judge::finding() const {
    std::vector<const Field*> worst;
    for (const Field& field : fields_)
        if (statistics::ln_odd_value(field.count) > std::log(2)) worst.push_back(&field);
    std::ranges::stable_sort(worst, std::ranges::greater(), [](const Field* field) {
        return statistics::ln_odd_value(field->count);
    });
    std::string text;
    for (std::size_t i = 0; i < std::min(worst.size(), told_max); ++i)
        text += (i == 0 ? "" : "; ") + describe(*worst[i]);
    if (worst.size() > told_max) text += fmt::format("; and {} more", worst.size() - told_max);
    return text;
}

std::string Judge::explain() const {
    switch (decision()) {
        case Decision::fail: {
            std::string text = fmt::format(
                "the candidate answers otherwise than stable ({} comparisons): {}",
                compared_,
                finding());
            if (stable_pods_ < 2)
                text += "; stable has one pod: if such a field names the pod, ignore it";
            return text;
        }
        case Decision::pass: {
            const auto times = statistics::odd_ones_needed(counts(), spec_.alpha);
            return fmt::format(
                "{} comparisons without a difference that stable does not have from itself; one "
                "that "
                "shows in {:.2g} % of them would have been found with {:g} %",
                compared_,
                100 * statistics::visible_share(compared_, times, power),
                100 * power);
        }
        case Decision::open:
            break;
    }
    const std::string found = finding();
    return fmt::format("{} of {} comparisons", compared_ - before_, spec_.requests) +
           (found.empty() ? "" : "; suspicious: " + found);
}

std::map<std::string, std::string> Judge::facts() const {
    const double ln_value = statistics::ln_odd_value(counts());
    std::map<std::string, std::string> facts{
        {"comparisons", std::to_string(compared_)},
        {"evidence",
         fmt::format("{:.3g} of {:.4g}", std::exp(std::min(ln_value, 300.0)), 1 / spec_.alpha)}};
    if (!fields_.empty()) facts["fieldsThatDiffered"] = std::to_string(fields_.size());
    return facts;
}

// What makes counts of one kind of comparison useless to another.
std::string Judge::settings() const {
    return sha256_hex(fmt::format(
        "{}\n{}\n{}",
        fmt::join(spec_.methods, " "),
        fmt::join(spec_.headers, " "),
        fmt::join(spec_.ignore, " ")));
}

json::Value Judge::print_field(const Field& field) {
    return json::Object{
        {"name", json::string(field.name)},
        {"difference", json::string(to_string(field.difference))},
        {"found", static_cast<std::int64_t>(field.count.found)},
        {"candidate", static_cast<std::int64_t>(field.count.candidate)},
        {"hasIt", field.has_it},
        {"route", json::string(field.example.route)},
        {"method", json::string(field.example.method)},
        {"path", json::string(field.example.path)},
        {"id", json::string(field.example.id)}};
}

Result<Judge::Field> Judge::read_field(const json::Value& value) {
    Field field{
        .name = text_at(value, "/name"),
        .has_it = json::boolean(json::find(value, "/hasIt")).value_or(false),
        .example = {
            .route = text_at(value, "/route"),
            .method = text_at(value, "/method"),
            .path = text_at(value, "/path"),
            .id = text_at(value, "/id")}};
    SERIN_TRY(field.difference, difference_from(text_at(value, "/difference")));
    const auto found = json::integer(json::find(value, "/found")).value_or(-1);
    const auto candidate = json::integer(json::find(value, "/candidate")).value_or(-1);
    if (field.name.empty() || candidate < 0 || found < candidate)
        return fail(ErrorKind::invalid, "not a field of a comparison");
    field.count = {
        .found = static_cast<std::uint64_t>(found),
        .candidate = static_cast<std::uint64_t>(candidate)};
    return field;
}

json::Object Judge::memory() const {
    json::Array fields;
    for (const Field& field : fields_) fields.push_back(print_field(field));
    return {
        {"settings", json::string(settings())},
        {"comparisons", static_cast<std::int64_t>(compared_)},
        {"measurement", number_},
        {"before", static_cast<std::int64_t>(before_)},
        {"stablePods", stable_pods_},
        {"failed", has_failed_},
        {"fields", std::move(fields)}};
}

Result<> Judge::recall(const json::Object& memory) {
    const auto compared = json::integer(memory.if_contains("comparisons")).value_or(-1);
    const auto before = json::integer(memory.if_contains("before")).value_or(-1);
    const json::Array* list = json::array(memory.if_contains("fields"));
    if (compared < 0 || before < 0 || before > compared || list == nullptr ||
        list->size() > fields_max)
        return fail(ErrorKind::invalid, "not a memory of comparisons");
    if (json::text(memory.if_contains("settings")) != settings())
        return fail(ErrorKind::invalid, "of comparisons with other settings");
    std::vector<Field> fields;
    for (const json::Value& value : *list) {
        SERIN_TRY(Field field, read_field(value));
        fields.push_back(std::move(field));
    }
    fields_ = std::move(fields);
    number_ = json::integer(memory.if_contains("measurement")).value_or(1);
    before_ = static_cast<std::uint64_t>(before);
    compared_ = static_cast<std::uint64_t>(compared);
    stable_pods_ = json::integer(memory.if_contains("stablePods")).value_or(0) > 1 ? 2 : 1;
    has_failed_ = json::boolean(memory.if_contains("failed")).value_or(false);
    return {};
}

}  // namespace serin::judge::shadow
