#include "cli/exit_codes.h"

#include <fmt/format.h>

#include <cstdio>

namespace serin::cli {

int report(const Error& error) {
    fmt::print(stderr, "Error: {}\n", error.message);
    switch (error.kind) {
        case ErrorKind::not_found:
            return exit_not_found;
        case ErrorKind::denied:
            return exit_denied;
        case ErrorKind::invalid:
        case ErrorKind::exists:
        case ErrorKind::conflict:
        case ErrorKind::gone:
        case ErrorKind::unavailable:
        case ErrorKind::internal:
            return exit_error;
    }
    return exit_error;
}

}  // namespace serin::cli
