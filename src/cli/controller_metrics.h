#pragma once

namespace serin::control {
class Manager;
}
namespace serin::server {
class Exposition;
}

namespace serin::cli {

// What every role with controllers tells Prometheus of their turns.
void add_controller_metrics(const control::Manager& manager, server::Exposition& out);

}  // namespace serin::cli
