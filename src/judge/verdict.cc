#include "judge/verdict.h"

#include <array>
#include <utility>

namespace serin::judge {

namespace {

constexpr std::array<std::pair<Phase, std::string_view>, 6> names = {{
    {Phase::pending, "Pending"},
    {Phase::running, "Running"},
    {Phase::successful, "Successful"},
    {Phase::failed, "Failed"},
    {Phase::error, "Error"},
    {Phase::inconclusive, "Inconclusive"},
}};

int badness(Phase phase) {
    switch (phase) {
        case Phase::successful:
            return 0;
        case Phase::running:
            return 1;
        case Phase::pending:
            return 2;
        case Phase::inconclusive:
            return 3;
        case Phase::error:
            return 4;
        case Phase::failed:
            return 5;
    }
    std::unreachable();
}

}  // namespace

std::string_view to_string(Phase phase) {
    for (const auto& [value, name] : names) {
        if (value == phase) return name;
    }
    std::unreachable();
}

std::optional<Phase> parse_phase(std::string_view text) {
    for (const auto& [value, name] : names) {
        if (name == text) return value;
    }
    return std::nullopt;
}

bool is_completed(Phase phase) {
    return phase != Phase::pending && phase != Phase::running;
}

bool is_worse(Phase right, Phase than) {
    return badness(right) > badness(than);
}

}  // namespace serin::judge
