#pragma once

// Assertions that stay on in release builds. A broken invariant ends the process: state is durable
// and actions are idempotent, so a restart is safer than a wrong decision.

namespace serin {

// Prints the claim and its place to standard error, then aborts.
[[noreturn]] void check_failed(const char* claim, const char* file, int line);

}  // namespace serin

#define SERIN_CHECK(claim) \
    ((claim) ? static_cast<void>(0) : ::serin::check_failed(#claim, __FILE__, __LINE__))
