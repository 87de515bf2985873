#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace serin::cli {

// Of this process; empty for one that is not set.
std::optional<std::string> environment_variable(const std::string& name);

// Where Argo Rollouts' controller is installed, and with it the Secrets that its users have.
inline constexpr std::string_view argo_namespace = "argo-rollouts";

}  // namespace serin::cli
