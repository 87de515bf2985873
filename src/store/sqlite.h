#pragma once

#include "ports/evidence_log.h"
#include "store/local_store.h"

#include <memory>
#include <string>

namespace serin::store {

class Connection;

struct SqliteSettings {
    std::string path;
    // How many changes a watch can catch up on; older positions are `gone`.
    std::int64_t history_max = 10'000;
};

// The object store of one machine: an SQLite file (write-ahead log, every write durable on return),
// written by this process alone. Documents stay in the file; memory holds what look-ups need.
// A write that fails with `unavailable` (disk full) changed nothing, and the store goes on.
class SqliteStore : public LocalStore {
public:
    // `unavailable` when the file cannot be opened or another process has it (the message says
    // which); `invalid` when it is damaged, not Serin's or of a newer Serin (the message says what
    // to do): it is never created anew over an existing one.
    static Result<std::unique_ptr<SqliteStore>> open(
        EventLoop& loop, const SqliteSettings& settings);
    ~SqliteStore() override;

    // In the same file. Lives as long as the store.
    EvidenceLog& evidence() { return *evidence_; }

private:
    class SqliteTable;
    explicit SqliteStore(EventLoop& loop);
    Result<> load_all();

    std::unique_ptr<Connection> connection_;
    std::unique_ptr<SqliteTable> table_;
    std::unique_ptr<EvidenceLog> evidence_;
};

}  // namespace serin::store
