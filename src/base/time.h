#pragma once

#include "base/result.h"

#include <chrono>
#include <string>
#include <string_view>

// Time as a value. Nothing below control, net and sim reads a clock: instants come in as arguments.

namespace serin {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

// Kubernetes' form, whole seconds in UTC: "2026-01-31T23:59:59Z".
std::string format_time(Instant at);
// With milliseconds, for evidence and logs: "2026-01-31T23:59:59.250Z".
std::string format_time_precise(Instant at);
// Reads both forms and numeric offsets ("+02:00"). Fails with `invalid`.
Result<Instant> parse_time(std::string_view text);

// A Go duration: "1h30m", "1.5s", "250ms", "-2m". Units ns, us, ms, s, m, h; cut to milliseconds.
// Fails with `invalid`, also on a bare number other than 0.
Result<Duration> parse_duration(std::string_view text);
// As Go prints it: "1m30s", "250ms", "0s".
std::string format_duration(Duration duration);
// For people, one unit as kubectl has it: "45s", "7m", "3h12m", "5d".
std::string format_age(Duration duration);

}  // namespace serin
