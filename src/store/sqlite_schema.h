#pragma once

#include "store/sqlite_connection.h"

#include <memory>
#include <string>

namespace serin::store {

// Opens the file for this process alone, checks it and brings its schema up to date. Errors as
// SqliteStore::open.
Result<std::unique_ptr<Connection>> open_database(const std::string& path);

// The error for a damaged file: what is wrong and what to do.
Error damaged(const std::string& path, std::string_view what);

}  // namespace serin::store
