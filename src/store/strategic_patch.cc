#include "store/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace serin::store {

namespace {

constexpr std::string_view directive_prefix = "$";
constexpr std::string_view order_prefix = "$setElementOrder/";
constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";

// How Kubernetes merges a list: by the key of its items, as a set of plain values, or not at all.
struct ListRule {
    std::string_view key;
    bool is_set = false;
    bool is_merged() const { return is_set || !key.empty(); }
};

// patchMergeKey of the core, apps and meta types. Everything else is replaced (tolerations,
// envFrom, containerStatuses, ...).
ListRule rule_of(const ResourceType& type, std::string_view field) {
    constexpr std::pair<std::string_view, std::string_view> keys[] = {
        {"conditions", "type"},
        {"containers", "name"},
        {"env", "name"},
        {"ephemeralContainers", "name"},
        {"hostAliases", "ip"},
        {"imagePullSecrets", "name"},
        {"initContainers", "name"},
        {"ownerReferences", "uid"},
        {"podIPs", "ip"},
        {"topologySpreadConstraints", "topologyKey"},
        {"volumeDevices", "devicePath"},
        {"volumeMounts", "mountPath"},
        {"volumes", "name"},
    };
    if (field == "finalizers") return {.is_set = true};
    if (field == "ports") return {.key = type.kind == "Service" ? "port" : "containerPort"};
    const auto* found = std::ranges::find(keys, field, [](const auto& one) { return one.first; });
    return found == std::end(keys) ? ListRule{} : ListRule{.key = found->second};
}

std::unexpected<Error> misfit(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("strategic patch: {}: {}", field, why));
}

// The value that names an item in its list, or null.
const json::Value* key_of(const json::Value& item, std::string_view key) {
    const json::Object* members = item.if_object();
    return members == nullptr ? nullptr : members->if_contains(key);
}

bool has_key(const json::Value& item, std::string_view key, const json::Value& wanted) {
    const json::Value* found = key_of(item, key);
    return found != nullptr && json::same(*found, wanted);
}

std::string_view directive(const json::Object& members) {
    return json::text(members.if_contains("$patch")).value_or("");
}
std::string_view directive(const json::Value& item) {
    const json::Object* members = item.if_object();
    return members == nullptr ? "" : directive(*members);
}

class Merge {
public:
    explicit Merge(const ResourceType& type) : type_(type) {}

    Result<json::Object> objects(json::Object target, const json::Object& patch) const;

private:
    Result<json::Value> value(
        std::string_view field, json::Value* former, const json::Value& patch) const;
    Result<json::Array> keyed_list(
        std::string_view field,
        json::Array target,
        const json::Array& patch,
        std::string_view key) const;
    Result<> order(json::Object& target, const json::Object& patch) const;
    Result<> drop_primitives(json::Object& target, const json::Object& patch) const;

    const ResourceType& type_;
};

// What is left of a patch when there is nothing to merge it into.
json::Object without_directives(const json::Object& patch) {
    json::Object plain;
    for (const auto& member : patch) {
        if (!std::string_view(member.key()).starts_with(directive_prefix)) plain.insert(member);
    }
    return plain;
}

Result<> retain_keys(json::Object& target, const json::Object& patch) {
    const json::Value* retained = patch.if_contains("$retainKeys");
    if (retained == nullptr) return {};
    const json::Array* names = retained->if_array();
    if (names == nullptr) return misfit("$retainKeys", "must be a list of names");
    const auto is_retained = [&](std::string_view name) {
        return std::ranges::any_of(
            *names, [&](const json::Value& one) { return json::text(&one) == name; });
    };
    for (const auto& member : patch) {
        const std::string_view name = member.key();
        if (name.starts_with(directive_prefix) || member.value().is_null()) continue;
        if (!is_retained(name)) return misfit("$retainKeys", "must name all fields of the patch");
    }
    std::vector<std::string> dropped;
    for (const auto& member : target) {
        if (!is_retained(member.key())) dropped.emplace_back(member.key());
    }
    for (const std::string& name : dropped) target.erase(name);
    return {};
}

json::Array merged_set(json::Array target, const json::Array& patch) {
    for (const json::Value& item : patch) {
        const bool is_there = std::ranges::any_of(
            target, [&](const json::Value& one) { return json::same(one, item); });
        if (!is_there) target.push_back(item);
    }
    return target;
}

// Items in the wanted order; those it does not name stay behind the item they followed.
json::Array in_order(const json::Array& items, const json::Array& wanted, std::string_view key) {
    const auto rank = [&](const json::Value& item) -> std::optional<size_t> {
        for (size_t i = 0; i < wanted.size(); ++i) {
            const json::Value* name = key.empty() ? &wanted[i] : key_of(wanted[i], key);
            if (name == nullptr) continue;
            if (key.empty() ? json::same(item, *name) : has_key(item, key, *name)) return i;
        }
        return std::nullopt;
    };
    std::vector<std::pair<size_t, const json::Value*>> ranked;
    size_t last = 0;
    for (const json::Value& item : items) {
        last = rank(item).value_or(last);
        ranked.emplace_back(last, &item);
    }
    // Of equal rank, the named item first.
    std::ranges::stable_sort(ranked, [&](const auto& left, const auto& right) {
        if (left.first != right.first) return left.first < right.first;
        return rank(*left.second).has_value() && !rank(*right.second).has_value();
    });
    json::Array ordered;
    for (const auto& [position, item] : ranked) ordered.push_back(*item);
    return ordered;
}

Result<json::Object> Merge::objects(json::Object target, const json::Object& patch) const {
    const std::string_view how = directive(patch);
    if (how == "replace") return without_directives(patch);
    if (how == "delete") return json::Object();
    if (!how.empty() && how != "merge") return misfit("$patch", "must be merge, replace or delete");

    SERIN_TRY_DO(retain_keys(target, patch));
    SERIN_TRY_DO(drop_primitives(target, patch));
    for (const auto& member : patch) {
        const std::string_view name = member.key();
        if (name.starts_with(directive_prefix)) {
            const bool is_known = name == "$patch" || name == "$retainKeys" ||
                                  name.starts_with(order_prefix) || name.starts_with(delete_prefix);
            if (!is_known) return misfit(name, "unknown directive");
            continue;
        }
        if (member.value().is_null() || directive(member.value()) == "delete") {
            target.erase(name);
            continue;
        }
        SERIN_TRY(json::Value merged, value(name, target.if_contains(name), member.value()));
        target[name] = std::move(merged);
    }
    SERIN_TRY_DO(order(target, patch));
    return target;
}

Result<json::Value> Merge::value(
    std::string_view field, json::Value* former, const json::Value& patch) const {
    if (const json::Object* members = patch.if_object()) {
        json::Object target;
        if (former != nullptr && former->is_object()) target = former->get_object();
        SERIN_TRY(json::Object merged, objects(std::move(target), *members));
        return json::Value(std::move(merged));
    }
    const ListRule rule = rule_of(type_, field);
    const json::Array* items = patch.if_array();
    if (items == nullptr || !rule.is_merged()) return patch;
    json::Array target;
    if (former != nullptr && former->is_array()) target = former->get_array();
    if (rule.is_set) return json::Value(merged_set(std::move(target), *items));
    SERIN_TRY(json::Array merged, keyed_list(field, std::move(target), *items, rule.key));
    return json::Value(std::move(merged));
}

Result<json::Array> Merge::keyed_list(
    std::string_view field,
    json::Array target,
    const json::Array& patch,
    std::string_view key) const {
    const bool replaces = std::ranges::any_of(
        patch, [](const json::Value& item) { return directive(item) == "replace"; });
    if (replaces) target.clear();
    for (const json::Value& item : patch) {
        if (!item.is_object()) return misfit(field, "items must be objects");
        const std::string_view how = directive(item);
        const json::Value* name = key_of(item, key);
        // {"$patch": "replace"} alone stands for the whole list.
        if (how == "replace" && name == nullptr) continue;
        if (name == nullptr) {
            return misfit(field, fmt::format("an item lacks its merge key \"{}\"", key));
        }
        auto* found = std::ranges::find_if(
            target, [&](const json::Value& one) { return has_key(one, key, *name); });
        if (how == "delete") {
            if (found != target.end()) target.erase(found);
            continue;
        }
        if (found == target.end()) found = target.insert(target.end(), json::Object());
        SERIN_TRY(json::Object merged, objects(found->get_object(), item.get_object()));
        *found = std::move(merged);
    }
    return target;
}

Result<> Merge::order(json::Object& target, const json::Object& patch) const {
    for (const auto& member : patch) {
        const std::string_view name = member.key();
        if (!name.starts_with(order_prefix)) continue;
        const std::string_view field = name.substr(order_prefix.size());
        const json::Array* wanted = member.value().if_array();
        const ListRule rule = rule_of(type_, field);
        if (wanted == nullptr) return misfit(name, "must be a list");
        json::Value* items = target.if_contains(field);
        if (!rule.is_merged() || items == nullptr || !items->is_array()) continue;
        json::Array ordered = in_order(items->get_array(), *wanted, rule.key);
        *items = std::move(ordered);
    }
    return {};
}

Result<> Merge::drop_primitives(json::Object& target, const json::Object& patch) const {
    for (const auto& member : patch) {
        const std::string_view name = member.key();
        if (!name.starts_with(delete_prefix)) continue;
        const json::Array* dropped = member.value().if_array();
        if (dropped == nullptr) return misfit(name, "must be a list");
        json::Value* items = target.if_contains(name.substr(delete_prefix.size()));
        if (items == nullptr || !items->is_array()) continue;
        json::Array kept;
        for (const json::Value& item : items->get_array()) {
            const bool is_dropped = std::ranges::any_of(
                *dropped, [&](const json::Value& one) { return json::same(one, item); });
            if (!is_dropped) kept.push_back(item);
        }
        *items = std::move(kept);
    }
    return {};
}

}  // namespace

Result<json::Value> strategic_patch(
    const ResourceType& type, json::Value target, const json::Value& patch) {
    if (type.group == "argoproj.io" || type.group == "gateway.networking.k8s.io") {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "{}.{} is a custom type: a strategic merge patch is not supported (use "
                "application/merge-patch+json or application/json-patch+json)",
                type.plural,
                type.group));
    }
    const json::Object* changes = patch.if_object();
    if (changes == nullptr || !target.is_object()) {
        return fail(ErrorKind::invalid, "a strategic merge patch must be an object");
    }
    SERIN_TRY(json::Object merged, Merge(type).objects(std::move(target.get_object()), *changes));
    return json::Value(std::move(merged));
}

}  // namespace serin::store
