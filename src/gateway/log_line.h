#pragma once

#include "ports/request_stream.h"

#include <cstdint>
#include <string>
#include <string_view>

// The request record that HAProxy writes at the end of each response: the format and its parser,
// side by side. Records are data of strangers (paths, methods): the parser takes any bytes.

namespace serin::gateway {

// The argument of `log-format`. Fields are parted by tabs; the path, the only one a client can
// fill at will, is the last. `is_observed`: with the fields that gateway/observe.h fills.
enum class Writer : char { listener = 'E', first = 'C', second = 'R' };  // See gateway/rescue.h.
std::string log_format(Writer writer, bool is_observed);

struct LogLine {
    std::uint64_t count = 0;  // Of this frontend's records since its process started, from 0.
    std::string_view frontend;
    // Without `has_route` the outcome is empty: a request that matched no rule, was no request, or
    // has its outcome in the record of another listener.
    bool has_route = false;
    RequestOutcome outcome;  // Views into the line.
};

// False for a line that is not a record: HAProxy's own messages share the ring.
bool parse_log_line(std::string_view line, LogLine& into);

}  // namespace serin::gateway
