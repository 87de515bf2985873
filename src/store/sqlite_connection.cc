#include "store/sqlite_connection.h"

#include "base/check.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace serin::store {

namespace {

ErrorKind kind_of(int code) {
    switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_NOMEM:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return ErrorKind::unavailable;
        default:
            return ErrorKind::internal;
    }
}

// The process that holds a lock on the file, from the kernel's table: opening and closing the file
// to ask for the lock would drop the locks this process itself may have on it.
std::string lock_holder(const std::string& path) {
    struct stat file{};
    if (stat(path.c_str(), &file) != 0) return "another process";
    const std::string inode =
        fmt::format("{:02x}:{:02x}:{}", major(file.st_dev), minor(file.st_dev), file.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        // 1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 0 EOF
        std::istringstream words(line);
        std::string number, family, mode, access, place;
        long pid = 0;
        if (words >> number >> family >> mode >> access >> pid >> place && place == inode) {
            return fmt::format("process {}", pid);
        }
    }
    return "another process";
}

// A log without its database is what is left of a loss; SQLite would delete it.
Result<> check_no_stray_log(const std::string& path) {
    struct stat file{};
    const bool has_content = stat(path.c_str(), &file) == 0 && file.st_size > 0;
    const std::string log = path + "-wal";
    if (has_content || stat(log.c_str(), &file) != 0 || file.st_size == 0) return {};
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "{0} is missing or empty but its log {1} is there: restore {0}, or move {1} aside to "
            "start anew",
            path,
            log));
}

// The file may hold secrets. Only a new file is touched.
Result<> create_private(const std::string& path) {
    const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
        return {};
    }
    if (errno == EEXIST) return {};
    return fail(
        ErrorKind::unavailable, fmt::format("cannot create {}: {}", path, std::strerror(errno)));
}

}  // namespace

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

Statement& Statement::bind(int parameter, std::string_view text) {
    SERIN_CHECK(
        sqlite3_bind_text64(
            statement_, parameter, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
        SQLITE_OK);
    return *this;
}

Statement& Statement::bind(int parameter, std::int64_t number) {
    SERIN_CHECK(sqlite3_bind_int64(statement_, parameter, number) == SQLITE_OK);
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return std::unexpected(connection_->last_error());
}

Result<> Statement::run() {
    const ResetAtEnd reset(*this);
    for (;;) {
        SERIN_TRY(const bool has_row, step());
        if (!has_row) return {};
    }
}

void Statement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::text(int column) const {
    const void* bytes = sqlite3_column_text(statement_, column);
    const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
    return {static_cast<const char*>(bytes), bytes == nullptr ? 0 : size};
}

Connection::~Connection() {
    sqlite3_close(database_);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path) {
    SERIN_TRY_DO(check_no_stray_log(path));
    SERIN_TRY_DO(create_private(path));
    std::unique_ptr<Connection> connection(new Connection(path));
    const int code = sqlite3_open_v2(
        path.c_str(), &connection->database_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) return std::unexpected(connection->last_error());
    sqlite3_extended_result_codes(connection->database_, 1);
    return connection;
}

Result<> Connection::run(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return std::unexpected(last_error());
}

Result<Statement> Connection::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK) {
        return std::unexpected(last_error());
    }
    return Statement(*this, statement);
}

Result<std::int64_t> Connection::number(const char* sql) {
    SERIN_TRY(Statement statement, prepare(sql));
    SERIN_TRY(const bool has_row, statement.step());
    return has_row ? statement.integer(0) : 0;
}

void Connection::roll_back() {
    // Some failures have rolled back already.
    if (sqlite3_get_autocommit(database_) == 0) {
        sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

Error Connection::last_error() const {
    const int code = sqlite3_extended_errcode(database_);
    if ((code & 0xff) == SQLITE_BUSY) {
        return {
            ErrorKind::unavailable,
            fmt::format("{} is in use by {}: stop it first", path_, lock_holder(path_))};
    }
    if ((code & 0xff) == SQLITE_FULL) {
        return {
            ErrorKind::unavailable,
            fmt::format("cannot write {}: the disk is full; nothing was changed", path_)};
    }
    const int system = sqlite3_system_errno(database_);
    std::string message = fmt::format("{}: {}", path_, sqlite3_errmsg(database_));
    if (system != 0 && kind_of(code) == ErrorKind::unavailable) {
        message += fmt::format(" ({})", std::strerror(system));
    }
    return {kind_of(code), std::move(message)};
}

}  // namespace serin::store
