#include "traffic/managed_rules.h"

#include "traffic/side_routes.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace serin::traffic {

namespace {

constexpr std::string_view annotation_rules = "serin.dev/managed-rules";

std::string_view name_of(const json::Value& rule) {
    return json::text(json::find(rule, "/name")).value_or("");
}

const json::Array& rules_of(const Object& route) {
    static const json::Array none;
    const json::Array* rules = json::array(route.find("/spec/rules"));
    return rules == nullptr ? none : *rules;
}

json::Object* mirror_in(json::Value& filter) {
    json::Value* mirror =
        filter.is_object() ? filter.as_object().if_contains("requestMirror") : nullptr;
    return mirror != nullptr && mirror->is_object() ? &mirror->as_object() : nullptr;
}

// What tells a rule without a name from others. Shares of mirrors may be dropped as well.
json::Value marks_of(const json::Value& rule) {
    json::Object marks;
    for (const char* member : {"matches", "filters"}) {
        const json::Value* value = json::find(rule, std::string("/") + member);
        if (value != nullptr) marks[member] = *value;
    }
    json::Value* filters = marks.if_contains("filters");
    for (std::size_t i = 0; filters && filters->is_array() && i < filters->as_array().size(); ++i) {
        if (json::Object* mirror = mirror_in(filters->as_array()[i])) mirror->erase("percent");
    }
    return marks;
}

std::ptrdiff_t count_shares(const json::Array& rules) {
    std::ptrdiff_t shares = 0;
    for (const json::Value& rule : rules) {
        const json::Array* filters = json::array(json::find(rule, "/filters"));
        if (filters == nullptr) continue;
        shares += std::ranges::count_if(*filters, [](const json::Value& filter) {
            return json::find(filter, "/requestMirror/percent") != nullptr;
        });
    }
    return shares;
}

}  // namespace

json::Array named_rules(const Object& route) {
    json::Array rules = rules_of(route);
    const auto noted = json::parse(route.annotation(annotation_rules).value_or("[]"));
    const json::Array* notes = noted ? json::array(&*noted) : nullptr;
    for (std::size_t i = 0; notes != nullptr && i < notes->size(); ++i) {
        const json::Value& note = (*notes)[i];
        const std::string_view name = name_of(note);
        const auto is_there = [&](const json::Value& rule) { return name_of(rule) == name; };
        if (name.empty() || std::ranges::any_of(rules, is_there)) continue;
        // They come after those that a person wrote.
        for (std::size_t at = rules.size(); at > 0; --at) {
            json::Value& rule = rules[at - 1];
            if (!rule.is_object() || !name_of(rule).empty()) continue;
            if (!json::same(marks_of(rule), marks_of(note))) continue;
            rule.as_object()["name"] = json::string(name);
            break;
        }
    }
    return rules;
}

void put_rules(Object& route, json::Array rules, const RouteTarget& target) {
    json::Array notes;
    for (const json::Value& rule : rules) {
        if (!is_managed(target, name_of(rule))) continue;
        json::Value note = marks_of(rule);
        note.as_object()["name"] = json::string(name_of(rule));
        notes.push_back(std::move(note));
    }
    route.put("/spec/rules", std::move(rules));
    if (!notes.empty()) {
        route.set_annotation(annotation_rules, json::print(notes));
    } else if (route.annotation(annotation_rules)) {
        route.remove_annotation(annotation_rules);
    }
}

bool has_shares(const json::Array& rules) {
    return count_shares(rules) > 0;
}

bool has_lost_shares(const Object& written, const json::Array& wanted) {
    return count_shares(rules_of(written)) < count_shares(wanted);
}

}  // namespace serin::traffic
