#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

// Failure as a value. Exceptions end in the folder that calls a throwing library; everything else
// returns a Result. A kind exists only where some code reacts to it: exit codes and HTTP statuses
// derive from it.

namespace serin {

enum class ErrorKind {
    invalid,      // The caller's input is wrong: repeating the call cannot help.
    not_found,    // The thing named does not exist.
    exists,       // It exists already, where a new one was wanted.
    conflict,     // Somebody else changed it: read again and retry.
    gone,         // The position asked for is no longer kept: list again (HTTP 410).
    denied,       // Not allowed, or not authenticated.
    unavailable,  // It may work later: retry with backoff.
    internal,     // A defect of ours, or a state that should not be possible.
};

// The kind in words, as logs and JSON show it: "not_found".
std::string_view to_string(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;  // One lower-case clause without a full stop.

    // Adds what was being attempted; the outermost attempt reads first.
    Error within(std::string_view attempt) && {
        message.insert(0, std::string(attempt) + ": ");
        return std::move(*this);
    }
    friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace serin

// SERIN_TRY(const int weight, read_weight(step));  declares `weight`, or returns the error.
// SERIN_TRY_DO(router.apply(service, wanted));      the same where there is no value.
#define SERIN_TRY(declaration, expression) \
    SERIN_TRY_AS(SERIN_UNIQUE(try_), declaration, expression, return)
#define SERIN_TRY_DO(expression)                        \
    if (auto tried = (expression); !tried) [[unlikely]] \
    return std::unexpected(std::move(tried).error())
#define SERIN_TRY_AS(temporary, declaration, expression, leave) \
    auto temporary = (expression);                              \
    if (!temporary) [[unlikely]]                                \
        leave std::unexpected(std::move(temporary).error());    \
    declaration = *std::move(temporary)
#define SERIN_UNIQUE(prefix) SERIN_CONCAT(prefix, __LINE__)
#define SERIN_CONCAT(a, b) SERIN_CONCAT_NOW(a, b)
#define SERIN_CONCAT_NOW(a, b) a##b
