#pragma once

#include <string>
#include <vector>

// What is wrong with a text a person wrote, with the place and what to do about it. Readers collect
// all diagnostics of all files before anything is refused.

namespace serin {

enum class Severity { warning, error };

struct Diagnostic {
    Severity severity = Severity::error;
    std::string file;  // As the user named it; empty for input without a file (an API request).
    int line = 0;      // From 1; 0 when unknown.
    int column = 0;
    std::string path;  // Field path as users write it: "spec.strategy.canary.steps[2].setWeight".
    std::string message;     // One clause: "unknown field".
    std::string suggestion;  // What to do, or empty: "did you mean 'setWeight'?".
};

// "shop.yaml:12:9: spec.replicas: wrong type: expected an integer (write 3, not \"3\")".
std::string to_string(const Diagnostic& diagnostic);

bool has_errors(const std::vector<Diagnostic>& diagnostics);

}  // namespace serin
