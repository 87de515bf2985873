#pragma once

#include <string>

namespace load {

struct ClientOptions {
    std::string url;  // http://ADDRESS:PORT, no path: the client knows the shop's pages.
    std::string log_file;
    double rate = 200;   // Requests a second, sent on schedule and not when the last was answered.
    double seconds = 0;  // 0: until SIGTERM or SIGINT.
    int connections_max = 256;
};

// Sends the load and writes a line a request, when it ends, separated by tabs:
//   end (ms since the epoch), latency (us), status, version, pod, method, error
// Status 0 means that no response came; `error` then says why. Returns the exit code.
int run_client(const ClientOptions& options);

}  // namespace load
