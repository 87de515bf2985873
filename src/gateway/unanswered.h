#pragma once

#include <string>
#include <string_view>
#include <vector>

// Makes HAProxy write a record of every request that its server did not answer. Of its own it is
// silent about one kind: a second or later request on a client's connection whose server closes
// without an answer. It closes the client's connection, so that the client asks again, and counts
// and writes nothing; a version that dies of what users ask would look healthy to every judge.
//
// The lines look at a response before HAProxy waits for its status. Where the server has closed
// and no retry is left they refuse the nothing, or the nonsense, that came: the client's connection
// is closed, and a record is written, state "PD" and status -1. What stays silent: a server that
// closes after an informational response (1xx), and one that closes later than the server's timeout
// after the request came, which cannot be told from the timeout, whose 504 has a record.

namespace serin::gateway {

// How often HAProxy tries a request again; the lines below count with it.
inline constexpr int retries_max = 2;
// The methods that are tried again when a server closes without an answer.
inline constexpr std::string_view retried_methods = "GET HEAD OPTIONS";

// For the global section, for each backend of pods, and the script's text. A HAProxy without Lua
// skips both lists of lines.
std::vector<std::string> unanswered_global(const std::string& dir);
std::vector<std::string> unanswered_lines();
std::string_view unanswered_script();

}  // namespace serin::gateway
