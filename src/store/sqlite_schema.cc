#include "store/sqlite_schema.h"

#include <fmt/format.h>

#include <array>

namespace serin::store {

namespace {

constexpr std::int64_t application_id = 0x53455249;  // "SERI"

// Element n brings schema n to n + 1. Never edited, only added to.
constexpr std::array migrations = {
    R"(CREATE TABLE objects (
           id INTEGER PRIMARY KEY,
           type TEXT NOT NULL,
           namespace TEXT NOT NULL,
           name TEXT NOT NULL,
           body TEXT NOT NULL,
           UNIQUE (type, namespace, name)
       ) STRICT;
       CREATE TABLE history (
           version INTEGER PRIMARY KEY,
           type TEXT NOT NULL,
           kind INTEGER NOT NULL,
           labels_before TEXT NOT NULL,
           body TEXT NOT NULL
       ) STRICT;
       CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
       INSERT INTO counters VALUES ('version', 1);
       INSERT INTO counters VALUES ('last_id', 0);
       CREATE TABLE evidence (
           sequence INTEGER PRIMARY KEY,
           at_ms INTEGER NOT NULL,
           release TEXT NOT NULL,
           id TEXT NOT NULL,
           body TEXT NOT NULL,
           previous_hash TEXT NOT NULL,
           hash TEXT NOT NULL,
           UNIQUE (release, id)
       ) STRICT;)",
};
constexpr std::int64_t schema_version = std::ssize(migrations);

// The exclusive lock is held until the connection closes, and the log's index stays in memory.
constexpr const char* settings =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = 16777216;"
    "PRAGMA cache_size = -4096;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA foreign_keys = OFF;";

Result<> check_integrity(Connection& connection) {
    SERIN_TRY(Statement check, connection.prepare("PRAGMA quick_check(1)"));
    SERIN_TRY(const bool has_row, check.step());
    if (has_row && check.text(0) == "ok") return {};
    return fail(ErrorKind::internal, std::string(has_row ? check.text(0) : "no answer"));
}

Result<> migrate(Connection& connection, std::int64_t from) {
    if (from == schema_version) return {};
    return connection.transact([&]() -> Result<> {
        for (auto version = from; version < schema_version; ++version) {
            SERIN_TRY_DO(connection.run(migrations[static_cast<size_t>(version)]));
        }
        return connection.run(fmt::format(
                                  "PRAGMA application_id = {}; PRAGMA user_version = {};",
                                  application_id,
                                  schema_version)
                                  .c_str());
    });
}

Result<> check_owner(Connection& connection) {
    SERIN_TRY(const auto tables, connection.number("SELECT count(*) FROM sqlite_schema"));
    SERIN_TRY(const auto application, connection.number("PRAGMA application_id"));
    if (tables == 0 || application == application_id) return {};
    return fail(
        ErrorKind::invalid,
        fmt::format("{} is not a database of Serin: name another file", connection.path()));
}

// Damage shows as an internal error anywhere on the way; here it gets its advice.
Result<> prepare(Connection& connection) {
    SERIN_TRY_DO(connection.run(settings));
    SERIN_TRY_DO(check_owner(connection));
    SERIN_TRY(const auto version, connection.number("PRAGMA user_version"));
    if (version > schema_version) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "{} was written by a newer Serin (schema {}, this one knows {}): use that version",
                connection.path(),
                version,
                schema_version));
    }
    SERIN_TRY_DO(check_integrity(connection));
    return migrate(connection, version);
}

}  // namespace

Error damaged(const std::string& path, std::string_view what) {
    return {
        ErrorKind::invalid,
        fmt::format(
            "the database {0} is damaged ({1}); it was left as it is: restore a copy of it, or "
            "move "
            "{0} and {0}-wal aside and start again from the manifests (sqlite3 FILE .recover may "
            "rescue its content)",
            path,
            what)};
}

Result<std::unique_ptr<Connection>> open_database(const std::string& path) {
    SERIN_TRY(auto connection, Connection::open(path));
    if (auto prepared = prepare(*connection); !prepared) {
        if (prepared.error().kind != ErrorKind::internal) {
            return std::unexpected(std::move(prepared).error());
        }
        return std::unexpected(damaged(path, prepared.error().message));
    }
    return connection;
}

}  // namespace serin::store
