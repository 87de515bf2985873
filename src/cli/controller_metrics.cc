#include "cli/controller_metrics.h"

#include "control/manager.h"
#include "server/exposition.h"

namespace serin::cli {

void add_controller_metrics(const control::Manager& manager, server::Exposition& out) {
    using Kind = server::Exposition::Kind;
    for (const auto& one : manager.stats()) {
        const server::Exposition::Labels labels = {{"controller", one.name}};
        out.add(
            "serin_controller_turns_total",
            Kind::counter,
            "Turns that a controller has taken.",
            static_cast<double>(one.turns),
            labels);
        out.add(
            "serin_controller_errors_total",
            Kind::counter,
            "Turns that failed, conflicts left out.",
            static_cast<double>(one.errors),
            labels);
        out.add(
            "serin_controller_queue",
            Kind::gauge,
            "Turns asked for and not begun.",
            static_cast<double>(one.queued),
            labels);
    }
}

}  // namespace serin::cli
