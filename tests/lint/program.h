#pragma once

#include <string>

namespace serin::lint_test {

struct Ran {
    int exit_code = -1;
    std::string out;  // Standard output; what goes to standard error is dropped.
};

// Runs `serin WORDS` by a shell in `folder`.
Ran serin(const std::string& folder, const std::string& words);

// Empty when there is no such file.
std::string read_file(const std::string& path);

}  // namespace serin::lint_test
