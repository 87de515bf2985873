#include "store/patch.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::store {

namespace {

constexpr size_t operations_max = 10'000;

// One reference token of a pointer and the rest of it.
struct Place {
    json::Value* parent = nullptr;
    std::string token;
};

std::string unescape(std::string_view token) {
    std::string text;
    for (size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size()) {
            text += token[++i] == '1' ? '/' : '~';
        } else {
            text += token[i];
        }
    }
    return text;
}

std::unexpected<Error> no_such_path(std::string_view pointer) {
    return fail(ErrorKind::invalid, fmt::format("path does not exist: \"{}\"", pointer));
}

// An index below `size`, in the form RFC 6901 allows: digits without leading zeros.
std::optional<size_t> array_index(std::string_view token, size_t size) {
    if (token.empty() || token.size() > 9 || (token.size() > 1 && token.front() == '0')) {
        return std::nullopt;
    }
    if (token.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    const size_t index = std::stoul(std::string(token));
    return index < size ? std::optional(index) : std::nullopt;
}

json::Value* step(json::Value& from, std::string_view token) {
    if (json::Object* members = from.if_object()) return members->if_contains(token);
    if (json::Array* items = from.if_array()) {
        const auto index = array_index(token, items->size());
        return index ? &(*items)[*index] : nullptr;
    }
    return nullptr;
}

// The parent of what a non-empty pointer names.
Result<Place> locate(json::Value& root, std::string_view pointer) {
    if (!pointer.starts_with('/')) {
        return fail(ErrorKind::invalid, fmt::format("not a JSON pointer: \"{}\"", pointer));
    }
    json::Value* at = &root;
    std::string_view rest = pointer.substr(1);
    for (;;) {
        const size_t end = rest.find('/');
        const std::string token = unescape(rest.substr(0, end));
        if (end == std::string_view::npos) return Place{at, token};
        at = step(*at, token);
        if (at == nullptr) return no_such_path(pointer);
        rest.remove_prefix(end + 1);
    }
}

Result<json::Value> read(json::Value& root, std::string_view pointer) {
    if (pointer.empty()) return root;
    SERIN_TRY(const Place place, locate(root, pointer));
    const json::Value* value = step(*place.parent, place.token);
    if (value == nullptr) return no_such_path(pointer);
    return *value;
}

Result<> add(json::Value& root, std::string_view pointer, json::Value value) {
    if (pointer.empty()) {
        root = std::move(value);
        return {};
    }
    SERIN_TRY(const Place place, locate(root, pointer));
    if (json::Object* members = place.parent->if_object()) {
        members->insert_or_assign(place.token, std::move(value));
        return {};
    }
    json::Array* items = place.parent->if_array();
    if (items == nullptr) return no_such_path(pointer);
    if (place.token == "-") {
        items->push_back(std::move(value));
        return {};
    }
    const auto index = array_index(place.token, items->size() + 1);
    if (!index) return no_such_path(pointer);
    items->insert(items->begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
    return {};
}

Result<> remove(json::Value& root, std::string_view pointer) {
    if (pointer.empty()) return fail(ErrorKind::invalid, "the whole document cannot be removed");
    SERIN_TRY(const Place place, locate(root, pointer));
    if (step(*place.parent, place.token) == nullptr) return no_such_path(pointer);
    if (json::Object* members = place.parent->if_object()) {
        members->erase(place.token);
    } else {
        json::Array& items = place.parent->get_array();
        items.erase(items.begin() + std::stol(place.token));
    }
    return {};
}

Result<> replace(json::Value& root, std::string_view pointer, json::Value value) {
    if (pointer.empty()) {
        root = std::move(value);
        return {};
    }
    SERIN_TRY(const Place place, locate(root, pointer));
    json::Value* target = step(*place.parent, place.token);
    if (target == nullptr) return no_such_path(pointer);
    *target = std::move(value);
    return {};
}

Result<> move(json::Value& root, std::string_view from, std::string_view to) {
    if (to == from) return {};
    if (to.starts_with(std::string(from) + "/")) {
        return fail(ErrorKind::invalid, "a value cannot be moved into itself");
    }
    SERIN_TRY(json::Value value, read(root, from));
    SERIN_TRY_DO(remove(root, from));
    return add(root, to, std::move(value));
}

Result<> test(json::Value& root, std::string_view pointer, const json::Value& wanted) {
    SERIN_TRY(const json::Value found, read(root, pointer));
    if (json::same(found, wanted)) return {};
    return fail(
        ErrorKind::invalid, fmt::format("test failed: {} is {}", pointer, json::print(found)));
}

Result<> apply_operation(json::Value& root, const json::Value& operation) {
    const auto name = json::text(json::find(operation, "/op"));
    const auto path = json::text(json::find(operation, "/path"));
    if (!name || !path) return fail(ErrorKind::invalid, "op and path are required");

    if (*name == "remove") return remove(root, *path);
    if (*name == "move" || *name == "copy") {
        const auto from = json::text(json::find(operation, "/from"));
        if (!from) return fail(ErrorKind::invalid, "from is required");
        if (*name == "move") return move(root, *from, *path);
        SERIN_TRY(json::Value value, read(root, *from));
        return add(root, *path, std::move(value));
    }
    const json::Value* value = json::find(operation, "/value");
    if (*name != "add" && *name != "replace" && *name != "test") {
        return fail(ErrorKind::invalid, fmt::format("unknown op \"{}\"", *name));
    }
    if (value == nullptr) return fail(ErrorKind::invalid, "value is required");
    if (*name == "add") return add(root, *path, *value);
    if (*name == "replace") return replace(root, *path, *value);
    return test(root, *path, *value);
}

}  // namespace

Result<json::Value> apply_patch(
    const ResourceType& type,
    const json::Object& document,
    PatchKind kind,
    const json::Value& patch) {
    json::Value patched = document;
    switch (kind) {
        case PatchKind::merge:
            if (!patch.is_object()) {
                return fail(ErrorKind::invalid, "a merge patch must be an object");
            }
            patched = merge_patch(std::move(patched), patch);
            break;
        case PatchKind::json: {
            SERIN_TRY(patched, json_patch(std::move(patched), patch));
            break;
        }
        case PatchKind::strategic: {
            SERIN_TRY(patched, strategic_patch(type, std::move(patched), patch));
            break;
        }
    }
    const json::Value* metadata = json::find(patched, "/metadata");
    if (metadata != nullptr && metadata->is_object()) return patched;
    return fail(ErrorKind::invalid, "the patch leaves no object with metadata");
}

json::Value merge_patch(json::Value target, const json::Value& patch) {
    const json::Object* changes = patch.if_object();
    if (changes == nullptr) return patch;
    if (!target.is_object()) target = json::Object();
    json::Object& members = target.get_object();
    for (const auto& change : *changes) {
        if (change.value().is_null()) {
            members.erase(change.key());
            continue;
        }
        json::Value& member = members[change.key()];
        member = merge_patch(std::move(member), change.value());
    }
    return target;
}

Result<json::Value> json_patch(json::Value target, const json::Value& operations) {
    const json::Array* all = operations.if_array();
    if (all == nullptr) return fail(ErrorKind::invalid, "a JSON patch must be a list");
    if (all->size() > operations_max) {
        return fail(
            ErrorKind::invalid,
            fmt::format("a JSON patch has at most {} operations", operations_max));
    }
    for (size_t i = 0; i < all->size(); ++i) {
        if (auto applied = apply_operation(target, (*all)[i]); !applied) {
            return std::unexpected(
                std::move(applied).error().within(fmt::format("operation {} of the patch", i)));
        }
    }
    return target;
}

}  // namespace serin::store
