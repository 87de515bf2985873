#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace serin {

// One question to a plugin: a program that reads a line of JSON and answers with one.
struct PluginCall {
    std::string plugin;   // Its name, for messages: "acme/smoke".
    std::string program;  // Absolute path of an executable.
    std::vector<std::string> arguments;
    std::string sha256;  // Of the program's file, in hex; empty: any.
    json::Object request;
    Duration deadline = std::chrono::seconds(30);
};

// Plugins are strangers: whatever one does, an answer or an error comes by the deadline.
class PluginRunner {
public:
    virtual ~PluginRunner() = default;

    // A question under way; destroying it ends the program, and `done` is not called.
    class Call {
    public:
        virtual ~Call() = default;
    };
    using Done = std::function<void(Result<json::Object>)>;

    // Calls `done` on the event loop, never within this call. `invalid` when the program is not the
    // one wanted or cannot be run; `unavailable` when it fails, is late or answers anything but one
    // JSON object.
    [[nodiscard]] virtual std::unique_ptr<Call> call(PluginCall call, Done done) = 0;
};

}  // namespace serin
