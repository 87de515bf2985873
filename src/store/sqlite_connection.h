#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

// SQLite's C interface with Results. Failures that may pass (disk full, I/O, locks) are
// `unavailable`, damage is `internal`; every message names the file.

namespace serin::store {

class Connection;

// A prepared statement. Bind all parameters from 1, step, reset before the next use.
class Statement {
public:
    Statement(Connection& connection, sqlite3_stmt* statement)
        : connection_(&connection), statement_(statement) {}
    ~Statement();
    Statement(Statement&& other) noexcept
        : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}
    Statement& operator=(Statement&&) = delete;

    // The text is not copied: it has to live until the reset.
    Statement& bind(int parameter, std::string_view text);
    Statement& bind(int parameter, std::int64_t number);

    // True while there is a row.
    Result<bool> step();
    // For statements without rows: steps to the end and resets.
    Result<> run();
    void reset();

    std::int64_t integer(int column) const;   // From 0.
    std::string_view text(int column) const;  // Valid until the next step.

private:
    Connection* connection_;
    sqlite3_stmt* statement_;
};

// One connection to one file, used by one thread.
class Connection {
public:
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Creates the file (for this user only) when there is none.
    static Result<std::unique_ptr<Connection>> open(const std::string& path);

    const std::string& path() const { return path_; }
    // Runs statements that return nothing of interest.
    Result<> run(const char* sql);
    Result<Statement> prepare(const char* sql);
    // The number in the first row and column.
    Result<std::int64_t> number(const char* sql);

    // Runs `body` in a transaction; when anything fails nothing is changed.
    template <class Body>
    Result<> transact(Body body) {
        SERIN_TRY_DO(run("BEGIN IMMEDIATE"));
        Result<> done = body();
        if (done) done = run("COMMIT");
        if (!done) roll_back();
        return done;
    }

    // What SQLite says about its last failure.
    Error last_error() const;

private:
    explicit Connection(std::string path) : path_(std::move(path)) {}
    void roll_back();

    std::string path_;
    sqlite3* database_ = nullptr;
};

// Resets a statement at the end of its scope, also on failure.
class ResetAtEnd {
public:
    explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
    ~ResetAtEnd() { statement_.reset(); }
    ResetAtEnd(const ResetAtEnd&) = delete;
    ResetAtEnd& operator=(const ResetAtEnd&) = delete;

private:
    Statement& statement_;
};

}  // namespace serin::store
