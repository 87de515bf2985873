#pragma once

#include "ports/evidence_log.h"
#include "store/sqlite_connection.h"

#include <memory>

namespace serin::store {

// The evidence table. `unavailable` when it cannot be written; nothing is appended then.
class SqliteEvidenceLog : public EvidenceLog {
public:
    // The connection outlives the log.
    static Result<std::unique_ptr<SqliteEvidenceLog>> open(Connection& connection);

    Result<EvidenceEntry> append(
        Instant at, std::string release, std::string id, json::Object body) override;
    Result<std::vector<EvidenceEntry>> read(
        const std::string& release, std::int64_t after = 0) const override;

private:
    struct Statements {
        Statement insert;
        Statement find;
        Statement last;
        Statement read_all;
        Statement read_release;
    };
    explicit SqliteEvidenceLog(Statements statements) : statements_(std::move(statements)) {}

    mutable Statements statements_;
};

}  // namespace serin::store
