#include "store/sqlite_evidence.h"

#include <fmt/format.h>

namespace serin::store {

namespace {

constexpr std::string_view columns = "sequence, at_ms, release, id, body, previous_hash, hash";

Result<EvidenceEntry> read_row(const Statement& row) {
    EvidenceEntry entry{
        .sequence = row.integer(0),
        .at = Instant(Duration(row.integer(1))),
        .release = std::string(row.text(2)),
        .id = std::string(row.text(3)),
        .body = {},
        .previous_hash = std::string(row.text(5)),
        .hash = std::string(row.text(6))};
    auto body = json::parse(row.text(4));
    if (!body || !body->is_object()) {
        return fail(
            ErrorKind::internal, fmt::format("evidence entry {} cannot be read", entry.sequence));
    }
    entry.body = std::move(body->get_object());
    return entry;
}

}  // namespace

Result<std::unique_ptr<SqliteEvidenceLog>> SqliteEvidenceLog::open(Connection& connection) {
    const auto select = [&](std::string_view rest) {
        return connection.prepare(fmt::format("SELECT {} FROM evidence {}", columns, rest).c_str());
    };
    SERIN_TRY(
        Statement insert,
        connection.prepare(
            fmt::format("INSERT INTO evidence ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", columns)
                .c_str()));
    SERIN_TRY(Statement find, select("WHERE release = ?1 AND id = ?2"));
    SERIN_TRY(Statement last, select("ORDER BY sequence DESC LIMIT 1"));
    SERIN_TRY(Statement read_all, select("WHERE sequence > ?1 ORDER BY sequence"));
    SERIN_TRY(
        Statement read_release, select("WHERE sequence > ?1 AND release = ?2 ORDER BY sequence"));
    return std::unique_ptr<SqliteEvidenceLog>(new SqliteEvidenceLog(
        {.insert = std::move(insert),
         .find = std::move(find),
         .last = std::move(last),
         .read_all = std::move(read_all),
         .read_release = std::move(read_release)}));
}

// One statement is one transaction, and this connection is the only writer.
Result<EvidenceEntry> SqliteEvidenceLog::append(
    Instant at, std::string release, std::string id, json::Object body) {
    {
        const ResetAtEnd reset(statements_.find);
        SERIN_TRY(const bool is_known, statements_.find.bind(1, release).bind(2, id).step());
        if (is_known) return read_row(statements_.find);
    }
    EvidenceEntry entry{
        .sequence = 1,
        .at = at,
        .release = std::move(release),
        .id = std::move(id),
        .body = std::move(body)};
    {
        const ResetAtEnd reset(statements_.last);
        SERIN_TRY(const bool has_last, statements_.last.step());
        if (has_last) {
            entry.sequence = statements_.last.integer(0) + 1;
            entry.previous_hash = statements_.last.text(6);
        }
    }
    entry.hash = evidence_hash(entry);
    const std::string printed = json::print(entry.body);
    SERIN_TRY_DO(statements_.insert.bind(1, entry.sequence)
                     .bind(2, entry.at.time_since_epoch().count())
                     .bind(3, entry.release)
                     .bind(4, entry.id)
                     .bind(5, printed)
                     .bind(6, entry.previous_hash)
                     .bind(7, entry.hash)
                     .run());
    return entry;
}

Result<std::vector<EvidenceEntry>> SqliteEvidenceLog::read(
    const std::string& release, std::int64_t after) const {
    Statement& rows = release.empty() ? statements_.read_all : statements_.read_release;
    const ResetAtEnd reset(rows);
    rows.bind(1, after);
    if (!release.empty()) rows.bind(2, release);
    std::vector<EvidenceEntry> entries;
    for (;;) {
        SERIN_TRY(const bool has_row, rows.step());
        if (!has_row) return entries;
        SERIN_TRY(EvidenceEntry entry, read_row(rows));
        entries.push_back(std::move(entry));
    }
}

}  // namespace serin::store
