#include "metrics/sight.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>

namespace serin::metrics {

namespace {

std::string words_of(double seconds) {
    constexpr double day = 86'400;
    if (seconds >= 100 * day) return "more than 100 days";
    const auto whole = std::chrono::seconds(std::max<std::int64_t>(std::llround(seconds), 1));
    return format_duration(std::chrono::duration_cast<Duration>(whole));
}

}  // namespace

std::string describe_blindness(const Sight& sight, Duration time) {
    constexpr double weight_max = 0.5;
    const auto size = [&](double weight) {
        return judge::sequential_size(sight.effect, weight, sight.test)
            .value_or(std::numeric_limits<double>::infinity());
    };
    const double needed = size(sight.weight);
    const double seconds = std::chrono::duration<double>(time).count();
    const double a_second = sight.weight * sight.per_second;
    if (needed <= a_second * seconds) return "";
    const auto weight = judge::smallest_weight(
        {.per_second = sight.per_second, .step_s = seconds}, sight.weight, weight_max, size);
    const std::string enough =
        weight ? fmt::format("raise the weight (to {:.0f} %)", std::ceil(100 * *weight))
               : std::string("no weight suffices");
    return fmt::format(
        "the traffic is too low to see what is guarded against: {:.3g} requests a second at a "
        "weight of {:.3g} % are about {:.0f} canary requests in {}, but it takes {:.0f} ({}) to "
        "find {:.3g} % of failures where stable has {:.3g} %: {}, give it more time or send "
        "synthetic requests",
        sight.per_second,
        100 * sight.weight,
        a_second * seconds,
        format_duration(time),
        needed,
        words_of(needed / a_second),
        100 * sight.effect.canary,
        100 * sight.effect.base,
        enough);
}

}  // namespace serin::metrics
