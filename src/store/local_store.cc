#include "store/local_store.h"

#include "base/check.h"
#include "store/patch.h"
#include "store/rules.h"
#include "store/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace serin::store {

namespace {

constexpr size_t object_size_max = 1'572'864;  // As etcd has it.
constexpr int name_attempts_max = 8;

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

// Where a page ended. The version is that of the first page, so that a watch from there misses no
// change that happened between pages.
struct Page {
    std::int64_t version = 0;
    Index::Place after;
};

std::string print_page(const Page& page) {
    return fmt::format("{}:{}:{}", page.version, page.after.first, page.after.second);
}

Result<Page> read_page(std::string_view text) {
    const size_t first = text.find(':');
    const size_t second = text.find(':', first + 1);
    if (first != std::string_view::npos && second != std::string_view::npos) {
        if (const auto version = whole_number(text.substr(0, first))) {
            return Page{
                *version,
                {std::string(text.substr(first + 1, second - first - 1)),
                 std::string(text.substr(second + 1))}};
        }
    }
    return fail(ErrorKind::invalid, fmt::format("continue: not a token of ours: \"{}\"", text));
}

// No printed form of the value is longer.
size_t size_most(const json::Value& value) {
    constexpr size_t escaped = 6;  // The longest form of a byte.
    constexpr size_t other = 32;   // Of a number, and of what stands around a member.
    size_t size = other;
    if (const auto* text = value.if_string()) size += escaped * text->size();
    if (const json::Array* items = value.if_array()) {
        for (const json::Value& item : *items) size += size_most(item);
    }
    if (const json::Object* members = value.if_object()) {
        for (const auto& member : *members) {
            size += escaped * member.key().size() + size_most(member.value());
        }
    }
    return size;
}

// Objects near the limit are rare, and printing every one that is written costs more than storing.
Result<> check_size(const Object& object) {
    size_t most = 0;
    for (const auto& member : object.document()) {
        most += 6 * member.key().size() + size_most(member.value());
    }
    if (most <= object_size_max) return {};
    if (json::print(object.document()).size() <= object_size_max) return {};
    return fail(
        ErrorKind::invalid, fmt::format("object too large: at most {} bytes", object_size_max));
}

Error version_expired(std::string_view version) {
    return {
        ErrorKind::gone,
        fmt::format("resource version {} is not kept any more (or not yet): list again", version)};
}

}  // namespace

LocalStore::LocalStore(EventLoop& loop, std::string seed)
    : loop_(loop), identities_(std::move(seed)), watches_(loop) {}

void LocalStore::open(Table& table, std::int64_t version, std::int64_t last_id) {
    SERIN_CHECK(table_ == nullptr);
    table_ = &table;
    version_ = std::max(version_, version);
    last_id_ = last_id;
}

Result<Object> LocalStore::load(const ObjectKey& key) const {
    SERIN_CHECK(key.type != nullptr);
    const Index::Entry* entry = index_.find(key);
    if (entry == nullptr) return std::unexpected(not_found(key));
    return table_->load(entry->id);
}

Result<Object> LocalStore::get(const ObjectKey& key) const {
    return load(key);
}

Result<ObjectList> LocalStore::list(const ListQuery& query) const {
    SERIN_CHECK(query.type != nullptr);
    Page page{.version = version_, .after = {}};
    if (!query.continue_at.empty()) {
        SERIN_TRY(page, read_page(query.continue_at));
        if (page.version < table_->horizon() || page.version > version_) {
            return std::unexpected(version_expired(std::to_string(page.version)));
        }
    }
    ObjectList found{.items = {}, .resource_version = std::to_string(page.version)};
    Result<> status;
    const Index::Place after = page.after;
    const Index::Visit visit = [&](const Index::Place& place, const Index::Entry& entry) {
        if (!query.labels.matches(entry.labels)) return true;
        auto object = table_->load(entry.id);
        if (!object) {
            status = std::unexpected(std::move(object).error());
            return false;
        }
        if (!matches_fields(query.fields, *object)) return true;
        if (query.limit > 0 && std::ssize(found.items) == query.limit) {
            found.continue_at = print_page(page);
            return false;
        }
        found.items.push_back(*std::move(object));
        page.after = place;
        return true;
    };
    if (query.owner_uid) {
        index_.walk_controlled(*query.owner_uid, *query.type, query.ns, after, visit);
    } else {
        index_.walk(*query.type, query.ns, after, visit);
    }
    if (!status) return std::unexpected(std::move(status).error());
    return found;
}

Result<Object> LocalStore::create(Object object) {
    const bool is_named = !object.name().empty();
    for (int attempt = 1;; ++attempt) {
        SERIN_TRY(Object made, new_object(object, loop_.now(), identities_));
        SERIN_TRY_DO(check_size(made));
        const ObjectKey key = made.key();
        if (index_.find(key) != nullptr) {
            if (!is_named && attempt < name_attempts_max) continue;
            return std::unexpected(already_exists(key));
        }
        Transaction changes(*this);
        made = changes.add(std::move(made));
        SERIN_TRY_DO(changes.commit());
        return made;
    }
}

Result<Object> LocalStore::update(Object object, Part part) {
    SERIN_TRY_DO(known_type(object));
    SERIN_TRY(const Object old, load(object.key()));
    return replace(old, std::move(object), part);
}

Result<Object> LocalStore::patch(
    const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) {
    SERIN_TRY(const Object old, load(key));
    SERIN_TRY(json::Value patched, apply_patch(*key.type, old.document(), kind, patch));
    return replace(old, Object(std::move(patched.get_object())), part);
}

Result<Object> LocalStore::replace(const Object& old, Object wanted, Part part) {
    SERIN_TRY(Object next, next_object(old, std::move(wanted), part));
    if (json::same(next.document(), old.document())) return old;
    SERIN_TRY_DO(check_size(next));

    Transaction changes(*this);
    Object left;
    if (is_ready_to_go(next)) {
        SERIN_TRY(left, changes.remove(next));
    } else {
        left = changes.modify(old, std::move(next));
    }
    SERIN_TRY_DO(changes.commit());
    return left;
}

Result<Object> LocalStore::remove(const ObjectKey& key, const RemoveOptions& options) {
    SERIN_TRY(const Object old, load(key));
    if (!options.uid.empty() && options.uid != old.uid()) {
        return fail(
            ErrorKind::conflict,
            fmt::format("precondition failed: uid is {}, not {}", old.uid(), options.uid));
    }
    if (!options.resource_version.empty() && options.resource_version != old.resource_version()) {
        return std::unexpected(modified_meanwhile(key));
    }
    Transaction changes(*this);
    if (options.dependents == RemoveOptions::Dependents::orphan) {
        SERIN_TRY_DO(changes.orphan_dependents(old));
    }
    Object left = old;
    if (auto marked = marked_for_removal(old, options.grace_seconds, loop_.now())) {
        if (!json::same(marked->document(), old.document())) {
            left = changes.modify(old, *std::move(marked));
        }
    } else {
        SERIN_TRY(left, changes.remove(old));
    }
    SERIN_TRY_DO(changes.commit());
    return left;
}

Result<std::unique_ptr<WatchHandle>> LocalStore::watch(
    const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) {
    SERIN_CHECK(query.type != nullptr);
    std::vector<PastChange> past;
    if (!from.empty()) {
        const auto version = whole_number(from);
        if (!version) {
            return fail(
                ErrorKind::invalid, fmt::format("resourceVersion: not a version: \"{}\"", from));
        }
        if (*version < table_->horizon() || *version > version_) {
            return std::unexpected(version_expired(from));
        }
        if (*version < version_) {
            SERIN_TRY(past, table_->history(*query.type, *version));
        }
    }
    return watches_.add(query, past, std::move(on_event), std::move(on_end));
}

}  // namespace serin::store
