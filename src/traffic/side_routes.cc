#include "traffic/side_routes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace serin::traffic {

namespace {

using Text = std::string_view;

Text text_at(const json::Value& value, Text pointer, Text otherwise = {}) {
    return json::text(json::find(value, pointer)).value_or(otherwise);
}

const json::Array& array_at(const json::Value& value, Text pointer) {
    static const json::Array none;
    const json::Array* array = json::array(json::find(value, pointer));
    return array == nullptr ? none : *array;
}

const json::Value* find_ref(const json::Value& rule, Text service) {
    for (const json::Value& ref : array_at(rule, "/backendRefs")) {
        if (text_at(ref, "/name") == service && text_at(ref, "/kind", "Service") == "Service") {
            return &ref;
        }
    }
    return nullptr;
}

std::string escape_regex(Text text) {
    std::string escaped;
    for (const char c : text) {
        if (Text("\\^$.|?*+()[]{}").contains(c)) escaped += '\\';
        escaped += c;
    }
    return escaped;
}

json::Object make_header(const std::string& name, const TextMatch& match) {
    const bool is_exact = match.kind == TextMatch::Kind::exact;
    const std::string value =
        match.kind == TextMatch::Kind::prefix ? escape_regex(match.value) + ".*" : match.value;
    return {
        {"type", is_exact ? "Exact" : "RegularExpression"},
        {"name", json::string(name)},
        {"value", json::string(value)}};
}

json::Object make_path(const TextMatch& match) {
    const char* type = match.kind == TextMatch::Kind::exact    ? "Exact"
                       : match.kind == TextMatch::Kind::prefix ? "PathPrefix"
                                                               : "RegularExpression";
    return {{"type", type}, {"value", json::string(match.value)}};
}

// Whether all paths below `inner` are below `outer`.
bool is_below(Text inner, Text outer) {
    while (outer.size() > 1 && outer.ends_with('/')) outer.remove_suffix(1);
    if (outer == "/" || inner == outer) return true;
    return inner.starts_with(outer) && inner[outer.size()] == '/';
}

// The paths that match both; no value when none does.
Result<std::optional<json::Value>> both_paths(const json::Value& match, const TextMatch& wanted) {
    const json::Value* path = json::find(match, "/path");
    const Text type = path ? text_at(*path, "/type", "PathPrefix") : "PathPrefix";
    const Text value = path ? text_at(*path, "/value", "/") : "/";
    std::optional<json::Value> added = json::Value(make_path(wanted));
    if (type == "PathPrefix" && value == "/") return added;
    if (wanted.kind == TextMatch::Kind::regex || type == "RegularExpression") {
        if (type == "RegularExpression" && json::same(*path, *added)) return added;
        return fail(
            ErrorKind::invalid,
            "path \"" + wanted.value + "\" cannot be combined with the route's path \"" +
                std::string(value) + "\": one of them is a regular expression");
    }
    const bool is_exact = wanted.kind == TextMatch::Kind::exact;
    if (type == "Exact") {
        const bool matches = is_exact ? wanted.value == value : is_below(value, wanted.value);
        return matches ? std::optional(*path) : std::nullopt;
    }
    if (is_below(wanted.value, value)) return added;
    if (!is_exact && is_below(value, wanted.value)) return std::optional(*path);
    return std::optional<json::Value>();
}

// What matches both; no value when nothing does.
Result<std::optional<json::Value>> combine(const json::Value& match, const RequestShape& shape) {
    json::Object both;
    if (const json::Object* object = json::object(&match)) both = *object;
    if (shape.path) {
        SERIN_TRY(const auto path, both_paths(match, *shape.path));
        if (!path) return std::optional<json::Value>();
        both["path"] = *path;
    }
    if (!shape.method.empty()) {
        const Text method = text_at(match, "/method", shape.method);
        if (method != shape.method) return std::optional<json::Value>();
        both["method"] = json::string(shape.method);
    }
    if (!shape.headers.empty()) {
        json::Array headers = array_at(match, "/headers");
        for (const auto& [name, header] : shape.headers) {
            headers.emplace_back(make_header(name, header));
        }
        both["headers"] = std::move(headers);
    }
    return std::optional(json::Value(std::move(both)));
}

Result<json::Array> combine_matches(const json::Value& rule, const SideRouteShape& shape) {
    json::Array own = array_at(rule, "/matches");
    if (own.empty()) {
        own.emplace_back(
            json::Object{{"path", json::Object{{"type", "PathPrefix"}, {"value", "/"}}}});
    }
    json::Array matches;
    for (const json::Value& match : own) {
        for (const RequestShape& wanted : shape.matches) {
            SERIN_TRY(auto both, combine(match, wanted));
            if (both) matches.push_back(*std::move(both));
        }
    }
    return matches;
}

json::Object without_weight(const json::Value& ref) {
    json::Object plain = ref.as_object();
    plain.erase("weight");
    return plain;
}

void add_mirror(const json::Value& candidate, int percent, json::Object& rule) {
    json::Object mirror{{"backendRef", without_weight(candidate)}};
    if (percent < 100) mirror["percent"] = percent;
    json::Array filters = array_at(json::Value(rule), "/filters");
    filters.emplace_back(
        json::Object{{"type", "RequestMirror"}, {"requestMirror", std::move(mirror)}});
    rule["filters"] = std::move(filters);
}

// The managed name that a rule's name belongs to; empty for a rule that a person wrote.
std::string managed_name(const RouteTarget& target, Text rule_name) {
    for (const std::string& name : target.managed_routes) {
        if (rule_name == name) return name;
        if (!rule_name.starts_with(name + "-")) continue;
        const Text number = rule_name.substr(name.size() + 1);
        if (!number.empty() && number.find_first_not_of("0123456789") == Text::npos) return name;
    }
    return {};
}

// Weights come and go with the split.
json::Array without_weights(json::Array rules) {
    for (json::Value& rule : rules) {
        json::Value* refs =
            rule.is_object() ? rule.as_object().if_contains("backendRefs") : nullptr;
        if (!refs || !refs->is_array()) continue;
        for (json::Value& ref : refs->as_array()) {
            if (ref.is_object()) ref.as_object().erase("weight");
        }
    }
    return rules;
}

}  // namespace

bool is_managed(const RouteTarget& target, Text rule_name) {
    return !managed_name(target, rule_name).empty();
}

Result<json::Array> make_side_rules(
    const json::Array& rules, const RouteTarget& target, const SideRouteShape& shape) {
    json::Array made;
    for (const json::Value& rule : rules) {
        if (is_managed(target, text_at(rule, "/name"))) continue;
        const json::Value* candidate = find_ref(rule, target.candidate_service);
        if (!candidate || !find_ref(rule, target.stable_service)) continue;
        SERIN_TRY(json::Array matches, combine_matches(rule, shape));
        if (matches.empty()) continue;
        json::Object side = rule.as_object();
        side["name"] = json::string(
            made.empty() ? shape.name : shape.name + "-" + std::to_string(made.size()));
        side["matches"] = std::move(matches);
        if (shape.kind == SideRouteShape::Kind::headers) {
            json::Object only = without_weight(*candidate);
            only["weight"] = 1;
            side["backendRefs"] = json::Array{std::move(only)};
        } else {
            add_mirror(*candidate, shape.percent, side);
        }
        made.emplace_back(std::move(side));
    }
    return made;
}

std::vector<SideRoute> find_side_routes(const json::Array& rules, const RouteTarget& target) {
    std::map<std::string, json::Array> present;
    for (const json::Value& rule : rules) {
        const std::string name = managed_name(target, text_at(rule, "/name"));
        if (!name.empty()) present[name].push_back(rule);
    }
    std::vector<SideRoute> found;
    for (auto& [name, written] : present) {
        const json::Value plain = without_weights(std::move(written));
        SideRoute route{.name = name};
        for (const SideRouteShape& shape : target.side_routes) {
            if (shape.name != name || route.step >= 0) continue;
            const auto made = make_side_rules(rules, target, shape);
            if (made && json::same(plain, json::Value(without_weights(*made)))) {
                route.step = shape.step;
            }
        }
        found.push_back(std::move(route));
    }
    return found;
}

}  // namespace serin::traffic
