#include "engine/replicas.h"

#include "base/check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace serin::engine {

namespace {

int rounded_up(std::int64_t part, std::int64_t whole) {
    return static_cast<int>((part + whole - 1) / whole);
}

// Of `desired` and `available` the smaller, unless missing replicas are to be ignored because
// their group is the one that shrinks.
int counted(const std::optional<GroupSize>& group, bool ignores_missing) {
    if (!group) return 0;
    if (ignores_missing || group->desired < group->available) return group->desired;
    return group->available;
}

// Moves what does not fit: `grown` gives way first, but keeps what availability needs. Where that
// is not enough, what is missing of it for the moment is kept rather than what the other group
// waits for (`is_proved`): it served before.
void fit(
    int& drained,
    int& grown,
    const GroupSize& drained_group,
    const std::optional<GroupSize>& grown_group,
    int most,
    int least_available,
    bool is_proved) {
    if (!grown_group) return;
    const int before = grown;
    grown -= std::max(0, grown + drained - most);
    const int serving = std::min(drained_group.available, drained);
    const int total = serving + std::min(grown_group->available, grown);
    const int extra = std::max(0, grown_group->available - grown);
    const int need = std::max(0, least_available - total);
    grown += std::min(extra, need);
    if (is_proved && need > extra) {
        const int room = std::max(0, most - serving - grown);
        grown += std::min({need - extra, std::max(0, before - grown), room});
    }
    drained -= std::max(0, grown + drained - most);
}

// Those that serve, or are about to.
int there_of(const GroupSize& group) {
    return std::max(group.available, group.ready);
}

// Users are with older revisions, and nothing of the stable one serves: it may never have.
bool do_others_serve_instead(const BasicMove& move) {
    return move.others_available > 0 && move.stable && there_of(*move.stable) == 0;
}

// Older revisions that are needed keep the room that a side which grows waits for. What is missing
// of the side that shrinks gives way then, as far as it would without them; and all that a stable
// revision wants in whose place they serve, lest a version that mends it never gets a replica.
void give_room(const BasicMove& move, bool is_rising, int least_available, Pair& sizes) {
    if (!move.stable || !move.candidate) return;
    const GroupSize& drained = is_rising ? *move.stable : *move.candidate;
    const GroupSize& grown = is_rising ? *move.candidate : *move.stable;
    int& size = is_rising ? sizes.stable : sizes.candidate;
    int least = is_rising ? move.target.stable : move.target.candidate;
    if (is_rising && there_of(*move.stable) == 0)
        least = do_others_serve_instead(move) ? 0 : std::max(least, 1);
    const int lacking =
        is_rising ? move.target.candidate - sizes.candidate : move.target.stable - sizes.stable;
    const int spare =
        move.others_desired + std::min(grown.desired, grown.available) + size - least_available;
    size -= std::max(0, std::min({lacking, size - there_of(drained), size - least, spare}));
}

}  // namespace

Slack slack_of(const Plan& plan, int replicas) {
    const auto part = [&](const Amount& amount, bool is_up) {
        if (!amount.is_percent) return amount.value;
        const std::int64_t product = std::int64_t{amount.value} * replicas;
        return static_cast<int>(is_up ? (product + 99) / 100 : product / 100);
    };
    Slack slack{.surge = part(plan.surge, true), .unavailable = part(plan.unavailable, false)};
    if (slack.surge == 0 && slack.unavailable == 0) slack.unavailable = 1;
    slack.unavailable = std::min(slack.unavailable, replicas);
    return slack;
}

int replicas_for(int weight, int weight_max, int replicas) {
    SERIN_CHECK(weight_max > 0);
    return rounded_up(std::int64_t{replicas} * weight, weight_max);
}

int weight_of(int available, int weight_max, int replicas) {
    if (replicas <= 0) return weight_max;
    const std::int64_t weight = std::int64_t{weight_max} * available / replicas;
    return static_cast<int>(std::min<std::int64_t>(weight, weight_max));
}

int enough_of(const Plan& plan, int replicas) {
    if (!plan.enough || replicas <= 0) return replicas;
    const Amount& enough = *plan.enough;
    const int count =
        enough.is_percent ? rounded_up(std::int64_t{enough.value} * replicas, 100) : enough.value;
    return std::clamp(count, 1, replicas);
}

Pair approximate(int replicas, int weight, int weight_max, int surge) {
    SERIN_CHECK(weight_max > 0);
    if (replicas <= 0) return {};
    const std::int64_t product = std::int64_t{replicas} * weight;
    const int up = rounded_up(product, weight_max);
    const int down = static_cast<int>(product / weight_max);
    const bool may_be_zero = weight == 0 || weight == weight_max || (replicas == 1 && surge == 0);
    const auto is_tied = [&](int total) {
        return std::int64_t{total} * weight % weight_max * 2 == weight_max;
    };

    struct Choice {
        bool is_allowed;
        int candidate;
        int total;
    };
    const std::array<Choice, 4> choices{{
        {up < replicas || may_be_zero, up, replicas},
        {!is_tied(replicas) && (down != 0 || may_be_zero), down, replicas},
        {surge > 0, up, replicas + 1},
        {surge > 0 && !is_tied(replicas + 1) && (down != 0 || may_be_zero), down, replicas + 1},
    }};
    const Choice* best = nullptr;
    const auto distance = [&](const Choice& choice) {
        return std::abs(
            std::int64_t{choice.candidate} * weight_max - std::int64_t{weight} * choice.total);
    };
    for (const Choice& choice : choices) {
        if (!choice.is_allowed) continue;
        // Distances are fractions over the totals, compared crosswise; the first wins ties.
        if (!best || distance(choice) * best->total < distance(*best) * choice.total) {
            best = &choice;
        }
    }
    if (!best) return {.candidate = 0, .stable = replicas};
    return {.candidate = best->candidate, .stable = best->total - best->candidate};
}

Pair next_sizes(const BasicMove& move) {
    const int most = move.replicas + move.slack.surge;
    Pair sizes{
        .candidate = move.candidate ? move.candidate->desired : 0,
        .stable = move.stable ? move.stable->desired : 0};
    const Pair before = sizes;
    int room = most - sizes.candidate - sizes.stable - move.others_desired;
    const auto grow = [&](int& size, int target) {
        if (size >= target || room <= 0) return;
        const int added = std::min(target - size, room);
        size += added;
        room -= added;
    };
    const int least_available = move.replicas - move.slack.unavailable;
    const bool is_rising = !move.candidate || move.target.candidate >= before.candidate;
    // It would take again what it has just given way with.
    const bool is_stable_last = is_rising && do_others_serve_instead(move);
    if (move.stable && !is_stable_last) grow(sizes.stable, move.target.stable);
    if (move.candidate) grow(sizes.candidate, move.target.candidate);
    if (move.stable && is_stable_last) grow(sizes.stable, move.target.stable);
    if (move.others_desired > 0) {
        give_room(move, is_rising, least_available, sizes);
        return sizes;
    }

    const int spare =
        counted(move.candidate, !is_rising) + counted(move.stable, is_rising) - least_available;
    if (spare <= 0) return sizes;
    const auto shrink = [&](int& size, int was, int target) {
        if (was > target) size = std::max(target, was - spare);
    };
    if (!is_rising) {
        shrink(sizes.candidate, before.candidate, move.target.candidate);
        fit(sizes.candidate,
            sizes.stable,
            *move.candidate,
            move.stable,
            most,
            least_available,
            true);
    } else if (move.stable) {
        shrink(sizes.stable, before.stable, move.target.stable);
        fit(sizes.stable,
            sizes.candidate,
            *move.stable,
            move.candidate,
            most,
            least_available,
            false);
    }
    return sizes;
}

}  // namespace serin::engine
