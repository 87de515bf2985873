#pragma once

#include <cstdint>

// What a program has to see to before it opens anything of its own.

namespace serin::cli {

// Opens /dev/null where standard input, output or error are closed, as a supervisor may leave them.
// Else the next file or socket gets their number, and what is meant for the terminal goes into it.
void fill_standard_streams();

// Lets this process have as many files open as the system allows at all: every connection, process
// and log takes one, and the event loop cannot go on without. Returns how many it could have
// before; programs that it starts should get no more (some use select(), or close every number).
std::uint64_t raise_descriptor_limit();

}  // namespace serin::cli
