#include "sim/random.h"
#include "sim/scenario.h"

#include <algorithm>
#include <array>

// Scenarios from seeds. Most stories have one or two troubles: with everything broken at once
// hardly a release gets far enough to meet the interesting states.

namespace serin::sim {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration story_max = minutes(15);

std::vector<StepShape> make_steps(Random& random) {
    std::vector<StepShape> steps;
    const auto count = random.between(0, 6);
    int weight = 0;
    for (int i = 0; i < count; ++i) {
        const auto kind = random.between(0, 9);
        if (kind < 5) {
            const auto raised = random.between(weight, 100);
            weight = static_cast<int>(random.chance(100) ? random.between(0, 100) : raised);
            steps.push_back({StepShape::Kind::weight, weight});
        } else if (kind < 7) {
            steps.push_back({StepShape::Kind::pause, static_cast<int>(random.between(1, 90))});
        } else if (kind == 7) {
            steps.push_back({StepShape::Kind::judge, 0});
        } else if (kind == 8) {
            steps.push_back({StepShape::Kind::gate, 0});
        } else {
            steps.push_back({StepShape::Kind::provision, static_cast<int>(random.between(1, 6))});
        }
    }
    return steps;
}

int image_among(Random& random, int images) {
    return static_cast<int>(random.between(2, std::max(2, images)));
}

void add_commands(Scenario& scenario, Random& random, int images) {
    constexpr std::array commands{
        What::abort,
        What::retry,
        What::promote,
        What::promote,
        What::promote_full,
        What::pause,
        What::resume,
        What::undo,
        What::scale,
        What::scale_and_image,
        What::edit_steps,
        What::reapply,
        What::reapply_image,
        What::reapply_route,
        What::evict,
    };
    const auto count = random.between(0, 6);
    for (int i = 0; i < count; ++i) {
        const auto index = random.between(0, static_cast<std::int64_t>(commands.size()) - 1);
        Happening one{
            .at = random.duration(seconds(10), story_max),
            .what = commands[static_cast<std::size_t>(index)],
        };
        if (one.what == What::scale) one.number = static_cast<int>(random.between(1, 12));
        if (one.what == What::scale_and_image) one.number = image_among(random, images);
        if (one.what == What::edit_steps) one.number = static_cast<int>(random.between(1, 100));
        if (one.what == What::evict) one.number = static_cast<int>(random.between(1, 4));
        scenario.happenings.push_back(one);
    }
}

struct Trouble {
    What what = What::bad_image;
    int least = 0;  // Strength.
    int most = 0;
};

// More likely are those named twice.
constexpr std::array troubles{
    Trouble{What::bad_image},
    Trouble{What::flaky_image},
    Trouble{What::wrong_image},
    Trouble{What::wrong_image},
    Trouble{What::pods_slow, 5, 120},
    Trouble{What::route_slow, 1, 240},
    Trouble{What::route_slow, 1, 30},
    Trouble{What::route_refuses},
    Trouble{What::plane_down},
    Trouble{What::plane_restarts},
    Trouble{What::metric_late, 5, 120},
    Trouble{What::metric_silent},
    Trouble{What::metric_nan},
    Trouble{What::metric_error},
    Trouble{What::metric_noisy},
    Trouble{What::crash, 1, 12},
    Trouble{What::crash, 1, 40},
    Trouble{What::crash_lost, 1, 12},
    Trouble{What::events_lost, 50, 900},
    Trouble{What::events_doubled, 50, 900},
    Trouble{What::events_late, 50, 900},
    Trouble{What::watches_end},
    Trouble{What::writes_fail, 50, 600},
    Trouble{What::writes_conflict, 50, 600},
    Trouble{What::answers_lost, 50, 600},
};

bool is_about_image(What what) {
    return what == What::bad_image || what == What::flaky_image || what == What::wrong_image;
}

void add_troubles(Scenario& scenario, Random& random, int images) {
    const auto count = random.between(0, 4);
    for (int i = 0; i < count; ++i) {
        const auto index = random.between(0, static_cast<std::int64_t>(troubles.size()) - 1);
        const Trouble& trouble = troubles[static_cast<std::size_t>(index)];
        Happening one{
            .at = random.duration(Duration(0), story_max),
            .what = trouble.what,
            .number = static_cast<int>(random.between(trouble.least, trouble.most)),
            .lasting = random.duration(seconds(1), minutes(6)),
        };
        if (is_about_image(one.what)) {
            one = {.what = one.what, .number = image_among(random, images)};
        }
        if (one.what == What::crash || one.what == What::crash_lost) {
            one.lasting = random.duration(Duration(1), seconds(60));
        }
        scenario.happenings.push_back(one);
    }
}

void choose_policies(Scenario& scenario, Random& random) {
    scenario.has_router = random.chance(850);
    scenario.replicas = static_cast<int>(random.between(1, 12));
    scenario.deadline = random.duration(seconds(30), seconds(600));
    scenario.aborts_at_deadline = random.chance(300);
    if (random.chance(300)) scenario.ready_for = seconds(random.between(1, 20));
    if (random.chance(200)) scenario.rollback_window = static_cast<int>(random.between(1, 3));
    if (random.chance(250)) scenario.background_from = static_cast<int>(random.between(0, 3));
    if (!scenario.has_router) {
        std::erase_if(scenario.steps, [](const StepShape& step) {
            return step.kind == StepShape::Kind::provision;  // Needs one.
        });
        return;
    }
    if (random.chance(300)) scenario.retire_delay = seconds(random.between(0, 60));
    if (random.chance(300)) scenario.abort_retire_delay = seconds(random.between(0, 60));
    if (random.chance(200)) scenario.replicas_min = static_cast<int>(random.between(1, 3));
}

// Side routes between the other steps; edited in, they replace one another under the same name.
void add_side_routes(Scenario& scenario, Random& random) {
    if (!scenario.has_router || !random.chance(300)) return;
    const auto count = random.between(1, 3);
    for (int i = 0; i < count; ++i) {
        const auto kind = random.between(0, 5);
        const StepShape step{
            .kind = kind < 3   ? StepShape::Kind::header
                    : kind < 5 ? StepShape::Kind::mirror
                               : StepShape::Kind::end_header,
            .number = static_cast<int>(random.between(1, 2)),
        };
        const auto place = random.between(0, std::ssize(scenario.steps));
        scenario.steps.insert(scenario.steps.begin() + place, step);
    }
}

void choose_sizes(Scenario& scenario, Random& random) {
    if (random.chance(150)) scenario.enough_percent = static_cast<int>(random.between(40, 100));
    if (!scenario.has_router || !random.chance(300)) return;
    scenario.scales_stable = true;
    scenario.retire_delay.reset();  // Not both.
}

FlipShape make_flip(Random& random, int replicas) {
    FlipShape flip;
    flip.is_automatic = random.chance(700);
    if (random.chance(400)) flip.wait = seconds(random.between(1, 60));
    flip.has_judge_before = random.chance(400);
    flip.has_judge_after = random.chance(400);
    flip.has_preview = random.chance(800);
    if (random.chance(300)) {
        flip.preview_replicas = static_cast<int>(random.between(0, replicas + 1));
    }
    if (random.chance(200)) flip.retire_limit = static_cast<int>(random.between(0, 2));
    return flip;
}

// Some releases move all traffic at once. The stream is one that leaves the seeds their stories
// which the tests name.
void choose_strategy(Scenario& scenario) {
    Random random = Random(scenario.seed).fork(234);
    if (!random.chance(150)) return;
    scenario.flip = make_flip(random, scenario.replicas);
    scenario.has_router = true;
    scenario.steps.clear();
    scenario.background_from.reset();
    scenario.replicas_min = 0;
    scenario.scales_stable = false;
    scenario.alternates = false;
    scenario.enough_percent.reset();
}

// Plugins among the steps, and their troubles.
void add_hooks(Scenario& scenario, Random& random) {
    if (scenario.workload == Workload::deployment || !random.chance(200)) return;
    const auto at = random.between(0, static_cast<std::int64_t>(scenario.steps.size()));
    scenario.steps.insert(scenario.steps.begin() + at, {StepShape::Kind::hook, 0});
    constexpr std::array kinds{What::plugin_slow, What::plugin_errors, What::plugin_fails};
    for (const What what : kinds) {
        if (!random.chance(300)) continue;
        scenario.happenings.push_back({
            .at = random.duration(Duration(0), story_max),
            .what = what,
            .number = static_cast<int>(
                what == What::plugin_slow ? random.between(1, 60) : random.between(100, 1000)),
            .lasting = random.duration(seconds(1), minutes(6)),
        });
    }
}

void choose_workload(Scenario& scenario, Random& random) {
    if (!scenario.has_router && random.chance(400)) {
        scenario.workload = Workload::deployment;
        scenario.recreates = random.chance(250);
        scenario.steps.clear();
        scenario.background_from.reset();
        scenario.rollback_window.reset();
        scenario.enough_percent.reset();
        scenario.aborts_at_deadline = false;
    } else if (random.chance(150)) {
        scenario.workload = Workload::takeover;
        // The Deployment's pods are reached through a service that stays the stable one.
        scenario.alternates = false;
        scenario.takes_over_slowly = random.chance(500);
    }
}

// A budget, and users who spend it.
void add_guard(Scenario& scenario, Random& random) {
    const bool can_be = scenario.has_router && !scenario.flip && !scenario.steps.empty();
    if (!can_be || scenario.workload == Workload::deployment || !random.chance(400)) return;
    GuardShape guard{
        .has_judge = random.chance(300),
        .pace = random.duration(Duration(200), seconds(1)),
        .batch = static_cast<int>(random.between(1, 4)),
    };
    if (random.chance(600)) guard.requests = static_cast<int>(random.between(10, 300));
    if (guard.requests == 0 || random.chance(300)) {
        guard.failed = static_cast<int>(random.between(1, 15));
    }
    scenario.guard = guard;
}

// What came later, which would change the stories of seeds that tests keep for what they found.
constexpr std::uint64_t seeds_kept = 10'000;
constexpr std::uint64_t seeds_without_guard = 30'000;
constexpr std::uint64_t seeds_without_second_thoughts = 60'000;
constexpr std::uint64_t seeds_without_better_versions = 40'000'000;

// A person holds the release to look at it, and then wants the former version back.
void add_second_thoughts(Scenario& scenario, Random& random) {
    if (scenario.workload == Workload::deployment || !random.chance(300)) return;
    const Duration held_at = random.duration(seconds(30), story_max);
    const Duration thinking = random.duration(Duration(1), minutes(5));
    scenario.happenings.push_back({.at = held_at, .what = What::pause});
    if (random.chance(300)) {
        const int replicas = static_cast<int>(random.between(1, 12));
        const Duration at = held_at + thinking / 2;
        scenario.happenings.push_back({.at = at, .what = What::scale, .number = replicas});
    }
    const What what = random.chance(700) ? What::abort : What::undo;
    scenario.happenings.push_back({.at = held_at + thinking, .what = what});
}

// ... or has made a better one in the meantime.
void add_better_version(Scenario& scenario, Random& random, int images) {
    if (scenario.workload == Workload::deployment || !random.chance(200)) return;
    const Duration held_at = random.duration(seconds(30), story_max);
    const Duration thinking = random.duration(Duration(1), minutes(5));
    scenario.happenings.push_back({.at = held_at, .what = What::pause});
    scenario.happenings.push_back(
        {.at = held_at + thinking, .what = What::set_image, .number = images + 1});
}

void add_later_happenings(Scenario& scenario, Random& random, int images) {
    constexpr std::array later{
        Trouble{What::autoscale, 2, 12},
        Trouble{What::autoscale, 2, 12},
        Trouble{What::recreate},
        Trouble{What::pods_stuck},
        Trouble{What::pods_oom, 2, 60},
        Trouble{What::scale, 0, 0},
    };
    if (random.chance(500)) return;
    const auto count = random.between(1, 2);
    for (int i = 0; i < count; ++i) {
        const auto index = random.between(0, static_cast<std::int64_t>(later.size()) - 1);
        const Trouble& one = later[static_cast<std::size_t>(index)];
        Happening happening{
            .at = random.duration(seconds(10), story_max),
            .what = one.what,
            .number = static_cast<int>(random.between(one.least, one.most)),
            .lasting = random.duration(seconds(1), minutes(6)),
        };
        if (one.what == What::recreate) {
            happening.number = static_cast<int>(random.between(1, std::max(2, images)));
            happening.lasting = random.duration(Duration(1), minutes(2));
        }
        scenario.happenings.push_back(happening);
    }
}

// Some releases are moved by a program, with the troubles of programs.
void add_router_plugin(Scenario& scenario, std::uint64_t seed) {
    Random random = Random(seed).fork(13);
    scenario.has_router_plugin = scenario.has_router && !scenario.flip && random.chance(200);
    if (!scenario.has_router_plugin) return;
    for (const What what : {What::plugin_slow, What::plugin_errors}) {
        if (!random.chance(500)) continue;
        scenario.happenings.push_back({
            .at = random.duration(Duration(0), story_max),
            .what = what,
            .number = static_cast<int>(
                what == What::plugin_slow ? random.between(1, 60) : random.between(100, 1000)),
            .lasting = random.duration(seconds(1), minutes(6)),
        });
    }
}

// Beside all else the story has: an experiment with what the step before leaves.
void add_trial(Scenario& scenario, Random& random) {
    if (!random.chance(250)) return;
    const auto count = static_cast<std::int64_t>(scenario.steps.size());
    const auto at = random.between(0, count);
    int taken = 0;
    for (std::int64_t i = 0; i < at; ++i) {
        const StepShape& step = scenario.steps[static_cast<std::size_t>(i)];
        if (step.kind == StepShape::Kind::weight) taken = step.number;
    }
    const int most = scenario.has_router ? std::min(20, 100 - taken) : 0;
    scenario.steps.insert(
        scenario.steps.begin() + at,
        {StepShape::Kind::trial, static_cast<int>(random.between(0, most))});
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
    Random random = Random(seed).fork(1);
    // Policies that came later draw from a stream of their own, so that seeds keep their stories.
    Random later = Random(seed).fork(7);
    Scenario scenario{.seed = seed};
    scenario.steps = make_steps(random);
    choose_policies(scenario, random);
    choose_sizes(scenario, later);
    add_side_routes(scenario, later);
    scenario.alternates = scenario.has_router && later.chance(200);
    scenario.has_metadata = later.chance(200);
    choose_strategy(scenario);
    Random last = Random(seed).fork(8);
    choose_workload(scenario, last);
    if (!scenario.flip) add_hooks(scenario, last);
    Random trials = Random(seed).fork(10);
    if (!scenario.steps.empty()) add_trial(scenario, trials);
    const int images = static_cast<int>(random.between(2, 4));
    for (int image = 2; image <= images; ++image) {
        scenario.happenings.push_back({
            .at = random.duration(seconds(10), story_max),
            .what = What::set_image,
            .number = image,
        });
    }
    add_commands(scenario, random, images);
    add_troubles(scenario, random, images);
    if (seed > seeds_kept && scenario.workload == Workload::rollout) {
        Random latest = Random(seed).fork(9);
        add_later_happenings(scenario, latest, images);
        add_router_plugin(scenario, seed);
    }
    if (seed > seeds_without_guard) {
        Random guards = Random(seed).fork(11);
        add_guard(scenario, guards);
    }
    if (seed > seeds_without_second_thoughts) {
        Random thoughts = Random(seed).fork(13);
        add_second_thoughts(scenario, thoughts);
    }
    if (seed > seeds_without_better_versions) {
        Random versions = Random(seed).fork(15);
        add_better_version(scenario, versions, images);
    }
    std::ranges::stable_sort(scenario.happenings, {}, &Happening::at);
    return scenario;
}

}  // namespace serin::sim
