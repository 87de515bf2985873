#include "cli/environment.h"

#include <cstdlib>

namespace serin::cli {

std::optional<std::string> environment_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
}

}  // namespace serin::cli
