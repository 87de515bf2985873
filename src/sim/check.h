#pragma once

#include <cstddef>
#include <string_view>

// What a referee holds controllers to: each check with the invariant of ARCHITECTURE it belongs to
// and the situation that it is about. How often a story comes into the situation is counted, since
// a check that is never asked proves nothing.

namespace serin::sim {

enum class Check {
    capacity_of_share,
    capacity_of_all,
    capacity_of_side_route,
    capacity_of_flip,
    limit_of_weight,
    limit_of_trial,
    limit_of_side_route,
    limit_of_flip,
    budget_left,
    abort_of_exhausted,
    budget_overrun,
    weight_after_abort,
    side_route_after_abort,
    flip_after_abort,
    last_copy,
    last_copy_of_service,
    last_copy_of_source,
    rest_after_crash,
    rest,
    verdict_of_step,
    verdict_before_flip,
    verdict_after_flip,
    answer_of_hook,
    values_of_run,
    share_of_retired,
    side_route_of_retired,
    service_before_side_route,
    flip_before_stable,
    alone,
    weight_in_scaling,
};
inline constexpr std::size_t check_count = 30;

std::string_view rule_of(Check check);       // "I1 capacity".
std::string_view situation_of(Check check);  // "a share rises, or what carries it shrinks".

}  // namespace serin::sim
