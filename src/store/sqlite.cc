#include "store/sqlite.h"

#include "base/check.h"
#include "base/log.h"
#include "store/recent.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_evidence.h"
#include "store/sqlite_schema.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::store {

namespace {

// Of printed objects; parsed they take some five times as much.
constexpr std::size_t recent_max = std::size_t{4} << 20;

std::string stored_name(const ResourceType& type) {
    return fmt::format("{}.{}", type.plural, type.group);
}

const ResourceType* stored_type(std::string_view name) {
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return nullptr;
    return find_type(name.substr(dot + 1), name.substr(0, dot));
}

Result<Object> read_object(std::string_view body) {
    SERIN_TRY(json::Value document, json::parse(body));
    if (!document.is_object()) return fail(ErrorKind::internal, "an object's row holds no object");
    return Object(std::move(document.get_object()));
}

std::string print_labels(const Labels& labels) {
    json::Object printed;
    for (const auto& [key, value] : labels) printed[key] = value;
    return json::print(printed);
}

Result<Labels> read_labels(std::string_view text) {
    SERIN_TRY(const json::Value printed, json::parse(text));
    Labels labels;
    if (const json::Object* members = printed.if_object()) {
        for (const auto& member : *members) {
            labels[member.key()] = json::text(&member.value()).value_or("");
        }
    }
    return labels;
}

}  // namespace

class SqliteStore::SqliteTable : public Table {
public:
    static Result<std::unique_ptr<SqliteTable>> open(
        Connection& connection, std::int64_t history_max);

    Result<> commit(const std::vector<Change>& changes) override;
    Result<Object> load(std::int64_t id) const override;
    Result<std::vector<PastChange>> history(
        const ResourceType& type, std::int64_t version) const override;
    std::int64_t horizon() const override { return horizon_; }

private:
    struct Statements {
        Statement put;
        Statement erase;
        Statement remember;
        Statement forget;
        Statement count;
        Statement load;
        Statement history;
    };
    SqliteTable(Connection& connection, Statements statements)
        : connection_(connection), statements_(std::move(statements)) {}
    // Returns the size of what is written.
    Result<std::size_t> write(const Change& change);

    Connection& connection_;
    mutable Statements statements_;
    mutable Recent recent_{recent_max};
    std::int64_t history_max_ = 0;
    std::int64_t horizon_ = 0;
};

Result<std::unique_ptr<SqliteStore::SqliteTable>> SqliteStore::SqliteTable::open(
    Connection& connection, std::int64_t history_max) {
    SERIN_TRY(
        Statement put,
        connection.prepare(
            "INSERT INTO objects (id, type, namespace, name, body) VALUES (?1, ?2, ?3, ?4, ?5) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body"));
    SERIN_TRY(Statement erase, connection.prepare("DELETE FROM objects WHERE id = ?1"));
    SERIN_TRY(
        Statement remember,
        connection.prepare("INSERT INTO history (version, type, kind, labels_before, body) "
                           "VALUES (?1, ?2, ?3, ?4, ?5)"));
    SERIN_TRY(Statement forget, connection.prepare("DELETE FROM history WHERE version <= ?1"));
    SERIN_TRY(
        Statement count,
        connection.prepare("UPDATE counters SET value = max(value, ?2) WHERE name = ?1"));
    SERIN_TRY(Statement load, connection.prepare("SELECT body FROM objects WHERE id = ?1"));
    SERIN_TRY(
        Statement history,
        connection.prepare(
            "SELECT kind, labels_before, body FROM history WHERE version > ?1 AND type = ?2 "
            "ORDER BY version"));
    std::unique_ptr<SqliteTable> table(new SqliteTable(
        connection,
        {.put = std::move(put),
         .erase = std::move(erase),
         .remember = std::move(remember),
         .forget = std::move(forget),
         .count = std::move(count),
         .load = std::move(load),
         .history = std::move(history)}));
    table->history_max_ = history_max;
    // Versions have no gaps, so the first one kept tells where the history begins.
    SERIN_TRY(
        table->horizon_,
        connection.number("SELECT ifnull((SELECT min(version) - 1 FROM history), "
                          "(SELECT value FROM counters WHERE name = 'version'))"));
    return table;
}

Result<> SqliteStore::SqliteTable::commit(const std::vector<Change>& changes) {
    const std::int64_t newest = changes.back().version;
    const std::int64_t horizon = std::max(horizon_, newest - history_max_);
    std::int64_t last_id = 0;
    for (const Change& change : changes) last_id = std::max(last_id, change.id);

    std::vector<std::size_t> sizes;
    const auto write_all = [&]() -> Result<> {
        for (const Change& change : changes) {
            SERIN_TRY(const std::size_t size, write(change));
            sizes.push_back(size);
        }
        SERIN_TRY_DO(statements_.forget.bind(1, horizon).run());
        SERIN_TRY_DO(statements_.count.bind(1, "last_id").bind(2, last_id).run());
        return statements_.count.bind(1, "version").bind(2, newest).run();
    };
    SERIN_TRY_DO(connection_.transact(write_all));
    horizon_ = horizon;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const Change& change = changes[i];
        if (change.kind == EventKind::removed) {
            recent_.erase(change.id);
        } else {
            recent_.put(change.id, change.after, sizes[i]);
        }
    }
    return {};
}

Result<std::size_t> SqliteStore::SqliteTable::write(const Change& change) {
    const std::string type = stored_name(*change.key.type);
    const std::string body = json::print(change.after.document());
    const std::string labels = print_labels(change.before.labels());
    if (change.kind == EventKind::removed) {
        SERIN_TRY_DO(statements_.erase.bind(1, change.id).run());
    } else {
        SERIN_TRY_DO(statements_.put.bind(1, change.id)
                         .bind(2, type)
                         .bind(3, change.key.ns)
                         .bind(4, change.key.name)
                         .bind(5, body)
                         .run());
    }
    SERIN_TRY_DO(statements_.remember.bind(1, change.version)
                     .bind(2, type)
                     .bind(3, std::int64_t{std::to_underlying(change.kind)})
                     .bind(4, labels)
                     .bind(5, body)
                     .run());
    return body.size();
}

Result<Object> SqliteStore::SqliteTable::load(std::int64_t id) const {
    if (const Object* known = recent_.find(id)) return *known;
    const ResetAtEnd reset(statements_.load);
    SERIN_TRY(const bool has_row, statements_.load.bind(1, id).step());
    SERIN_CHECK(has_row);
    const std::string_view body = statements_.load.text(0);
    SERIN_TRY(Object object, read_object(body));
    recent_.put(id, object, body.size());
    return object;
}

Result<std::vector<PastChange>> SqliteStore::SqliteTable::history(
    const ResourceType& type, std::int64_t version) const {
    const std::string name = stored_name(type);
    Statement& rows = statements_.history;
    const ResetAtEnd reset(rows);
    rows.bind(1, version).bind(2, name);
    std::vector<PastChange> changes;
    for (;;) {
        SERIN_TRY(const bool has_row, rows.step());
        if (!has_row) return changes;
        SERIN_TRY(Labels labels, read_labels(rows.text(1)));
        SERIN_TRY(Object after, read_object(rows.text(2)));
        changes.push_back(
            {.kind = static_cast<EventKind>(rows.integer(0)),
             .after = std::move(after),
             .labels_before = std::move(labels)});
    }
}

SqliteStore::SqliteStore(EventLoop& loop) : LocalStore(loop, system_seed()) {}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(
    EventLoop& loop, const SqliteSettings& settings) {
    SERIN_CHECK(settings.history_max > 0);
    std::unique_ptr<SqliteStore> store(new SqliteStore(loop));
    SERIN_TRY(store->connection_, open_database(settings.path));
    SERIN_TRY(store->table_, SqliteTable::open(*store->connection_, settings.history_max));
    SERIN_TRY(store->evidence_, SqliteEvidenceLog::open(*store->connection_));
    SERIN_TRY_DO(store->load_all());
    return store;
}

Result<> SqliteStore::load_all() {
    SERIN_TRY(
        const auto version,
        connection_->number("SELECT value FROM counters WHERE name = 'version'"));
    SERIN_TRY(
        const auto last_id,
        connection_->number("SELECT value FROM counters WHERE name = 'last_id'"));
    LocalStore::open(*table_, version, last_id);

    SERIN_TRY(
        Statement rows,
        connection_->prepare("SELECT id, type, namespace, name, body FROM objects"));
    for (;;) {
        SERIN_TRY(const bool has_row, rows.step());
        if (!has_row) return {};
        const ResourceType* type = stored_type(rows.text(1));
        if (type == nullptr) {
            log::warning("stored_type_unknown", {{"type", rows.text(1)}, {"name", rows.text(3)}});
            continue;
        }
        const auto object = read_object(rows.text(4));
        if (!object) return std::unexpected(damaged(connection_->path(), object.error().message));
        add_stored(
            {.type = type, .ns = std::string(rows.text(2)), .name = std::string(rows.text(3))},
            rows.integer(0),
            *object);
    }
}

}  // namespace serin::store
