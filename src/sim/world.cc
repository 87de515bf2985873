#include "sim/world.h"

#include "control/analysis_controller.h"
#include "control/deployment_controller.h"
#include "control/experiment_controller.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "control/router_plugins.h"
#include "metrics/budget_source.h"
#include "metrics/release_requests.h"
#include "metrics/sequential_source.h"
#include "sim/plugins.h"
#include "traffic/http_route.h"
#include "traffic/plugin_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace serin::sim {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Duration rest_max = hours(4);
constexpr Duration rest_pace = seconds(60);
constexpr Duration event_delay_usual{15};
constexpr Duration event_delay_late = seconds(20);
constexpr Duration autoscaler_pace = seconds(20);
constexpr std::int64_t tasks_max = 2'000'000;

// Nothing beyond the judges counts requests here.
class Nobody : public OutcomeSink {
public:
    void take(std::span<const RequestOutcome> /*outcomes*/) override {}
    void take_gap(const StreamGap& /*gap*/) override {}
};

// The controllers of one life of the program; only the store outlives them.
struct Controllers {
    Controllers(Stage& stage, Source& source, TrafficRouter& router, PluginRunner& plugins)
        : events(stage.store, stage.loop, "serin-analysis"),
          requests(stage.loop, stage.store, nobody),
          budget(stage.loop, requests),
          sequential(stage.loop, requests),
          analysis(
              stage.loop,
              stage.store,
              events,
              {{"serin/requests", &source},
               {std::string(metrics::BudgetSource::provider), &budget},
               {std::string(metrics::SequentialSource::provider), &sequential}}),
          releases(stage.loop, stage.store, stage.evidence, router, plugins),
          deployments(stage.loop, stage.store, stage.evidence, router),
          experiments(stage.loop, stage.store, router),
          router_plugins(stage.loop, stage.store, plugins),
          manager(
              stage.loop,
              stage.store,
              std::vector<Reconciler*>{
                  &analysis, &releases, &deployments, &experiments, &router_plugins},
              {.turns_per_task_max = 1}) {
        manager.start();
    }

    EventRecorder events;
    Nobody nobody;
    metrics::ReleaseRequests requests;
    metrics::BudgetSource budget;
    metrics::SequentialSource sequential;
    control::AnalysisController analysis;
    control::ReleaseController releases;
    control::DeploymentController deployments;
    control::ExperimentController experiments;
    control::RouterPlugins router_plugins;
    control::Manager manager;
};

class World {
public:
    World(const Scenario& scenario, const WorldSettings& settings)
        : stage_(scenario),
          random_(stage_.random.fork(6)),
          kubelet_(stage_),
          plane_(stage_, kubelet_),
          source_(stage_),
          people_(stage_),
          users_(stage_, kubelet_, plane_),
          referee_(stage_, kubelet_, plane_, source_, people_, users_),
          router_(
              settings.make_router ? settings.make_router(stage_.store)
                                   : std::make_unique<traffic::HttpRouteRouter>(stage_.store)),
          plugin_router_(stage_.store),
          routers_(*router_, plugin_router_),
          plugins_(stage_),
          manager_(
              stage_.loop,
              stage_.store,
              std::vector<Reconciler*>{&kubelet_, &plane_},
              {.turns_per_task_max = 1}) {
        stage_.trace = settings.trace;
        set_faults();
    }

    Outcome run();

private:
    void set_faults();
    std::optional<store::WriteFault> fault_of(const ObjectKey& key);
    std::optional<store::WriteFault> fault_of_any();
    bool strikes(What what);
    store::Delivery deliver(const StoreEvent& event);
    void schedule();
    void happen(const Happening& happening);
    void autoscale(const Happening& happening);
    void recreate(const Happening& happening);
    void count_rules();
    void crash();
    void start();
    bool pass(Duration until);
    void come_to_rest();

    Stage stage_;
    Random random_;
    Kubelet kubelet_;
    DataPlane plane_;
    Source source_;
    People people_;
    Users users_;
    Referee referee_;
    std::unique_ptr<TrafficRouter> router_;
    traffic::PluginRouter plugin_router_;
    traffic::Routers routers_;
    Plugins plugins_;
    control::Manager manager_;  // Of the world's own reconcilers.
    std::unique_ptr<Controllers> controllers_;

    std::vector<EventLoop::Watch> timers_;
    const Happening* armed_ = nullptr;  // The crash to come.
    int writes_left_ = 0;               // Until it comes.
    bool is_dead_ = false;
    bool has_crashed_ = false;
    std::int64_t writes_ = 0;
    std::int64_t tasks_ = 0;
};

void World::set_faults() {
    stage_.store.set_faults(
        {.on_write = [this](const ObjectKey& key) { return fault_of(key); },
         .on_event = [this](const StoreEvent& event) { return deliver(event); }});
    stage_.evidence.set_faults([this](const std::string&) { return fault_of_any(); });
}

bool World::strikes(What what) {
    const Happening* current = stage_.current(what);
    if (!current || !random_.chance(current->number)) return false;
    stage_.reach(what);
    return true;
}

std::optional<store::WriteFault> World::fault_of(const ObjectKey& key) {
    referee_.note_write(key);
    if (stage_.quiet > 0) return std::nullopt;
    if (auto fault = fault_of_any()) return fault;
    if (key.type == &types::http_route() && stage_.current(What::route_refuses)) {
        stage_.reach(What::route_refuses);
        return store::WriteFault{{ErrorKind::unavailable, "too many requests"}};
    }
    if (strikes(What::writes_conflict)) {
        return store::WriteFault{{ErrorKind::conflict, "somebody else was first"}};
    }
    return std::nullopt;
}

std::optional<store::WriteFault> World::fault_of_any() {
    const Error gone{ErrorKind::unavailable, "the controller is gone"};
    if (is_dead_) return store::WriteFault{gone};
    ++writes_;
    if (writes_left_ > 0 && --writes_left_ == 0) {
        const bool takes_effect = armed_->what == What::crash_lost;
        crash();
        return store::WriteFault{gone, takes_effect};
    }
    const Error trouble{ErrorKind::unavailable, "the store does not answer"};
    if (strikes(What::writes_fail)) return store::WriteFault{trouble};
    if (strikes(What::answers_lost)) return store::WriteFault{trouble, true};
    return std::nullopt;
}

store::Delivery World::deliver(const StoreEvent& /*event*/) {
    store::Delivery delivery{.delay = random_.duration(Duration(0), event_delay_usual)};
    if (strikes(What::events_lost)) delivery.copies = 0;
    if (strikes(What::events_doubled)) delivery.copies = 2;
    if (strikes(What::events_late)) {
        delivery.delay = random_.duration(Duration(0), event_delay_late);
    }
    return delivery;
}

void World::schedule() {
    for (const Happening& one : stage_.scenario.happenings) {
        timers_.push_back(stage_.loop.after(one.at, [this, &one] { happen(one); }));
    }
}

void World::happen(const Happening& happening) {
    if (happening.what <= What::reapply_route) return people_.act(happening);
    stage_.tell(describe(happening));
    if (happening.what == What::autoscale) autoscale(happening);
    if (happening.what == What::recreate) recreate(happening);
    if (happening.what == What::pods_oom) kubelet_.look_at_all();
    if (happening.what == What::evict) kubelet_.evict(happening.number);
    if (happening.what == What::plane_restarts) plane_.restart();
    if (happening.what == What::watches_end) {
        stage_.reach(What::watches_end);
        stage_.store.forget_history();
    }
    if (happening.what == What::crash || happening.what == What::crash_lost) {
        armed_ = &happening;
        writes_left_ = std::max(1, happening.number);
    }
}

// As an autoscaler that follows a load nobody can foresee.
void World::autoscale(const Happening& happening) {
    for (Duration at{0}; at < happening.lasting; at += autoscaler_pace) {
        timers_.push_back(stage_.loop.after(at, [this, most = happening.number] {
            stage_.reach(What::autoscale);
            people_.scale(static_cast<int>(random_.between(1, most)));
        }));
    }
}

void World::recreate(const Happening& happening) {
    people_.remove();
    kubelet_.look_at_all();  // Pods end with what owns them, whoever misses that.
    timers_.push_back(stage_.loop.after(happening.lasting, [this, image = happening.number] {
        stage_.reach(What::recreate);
        people_.create_again(image);
    }));
}

// In the middle of a turn: the rest of it finds every write refused, and then nobody is left.
void World::crash() {
    is_dead_ = true;
    has_crashed_ = true;
    users_.tell(nullptr);
    referee_.note_controllers(false);
    stage_.reach(armed_->what);
    stage_.tell("the controllers crash");
    const Duration down = armed_->lasting;
    stage_.loop.post([this, down] {
        controllers_.reset();
        timers_.push_back(stage_.loop.after(down, [this] { start(); }));
    });
}

void World::start() {
    is_dead_ = false;
    stage_.tell("the controllers start");
    controllers_ = std::make_unique<Controllers>(stage_, source_, routers_, plugins_);
    users_.tell(&controllers_->requests);
    referee_.note_controllers(true);
}

// Returns false when there is nothing more to see.
bool World::pass(Duration until) {
    stage_.loop.run_until(stage_.start + until, [this] {
        ++tasks_;
        referee_.look();
        if (tasks_ > tasks_max) referee_.accuse("I6 liveness", "the controllers never pause");
        return !referee_.violation();
    });
    return !referee_.violation();
}

void World::come_to_rest() {
    const Duration calm = stage_.scenario.calm_at() + seconds(1);
    if (!pass(calm)) return;
    int rests = 0;  // In a row.
    for (Duration waited{0}; waited < rest_max; waited += rest_pace) {
        if (!pass(calm + waited + rest_pace)) return;
        rests = referee_.is_at_rest() ? rests + 1 : 0;
        if (rests < 3) continue;
        referee_.meet(Check::rest);
        if (has_crashed_) referee_.meet(Check::rest_after_crash);
        return;
    }
    referee_.accuse(
        Check::rest,
        fmt::format(
            "{} after everything is well the release is still not at rest: {}",
            format_duration(rest_max),
            referee_.describe()));
}

Outcome World::run() {
    people_.apply_all();
    schedule();
    users_.start();
    manager_.start();
    start();
    come_to_rest();
    Outcome outcome{
        .violation = referee_.violation(),
        .phase = std::string(referee_.phase()),
        .message = referee_.message(),
        .releases = referee_.releases(),
        .writes = writes_,
        .tasks = tasks_,
        .lasted = stage_.loop.now() - stage_.start,
        .last_line = referee_.describe(),
    };
    count_rules();
    outcome.reached = stage_.reached;
    if (const auto& entries = stage_.evidence.entries(); !entries.empty()) {
        outcome.evidence_hash = entries.back().hash;
    }
    return outcome;
}

void World::count_rules() {
    stage_.reach("end " + std::string(referee_.phase()));
    for (std::size_t i = 0; i < check_count; ++i) {
        if (referee_.checked()[i] == 0) continue;
        const auto check = static_cast<Check>(i);
        stage_.reached[fmt::format("check {}: {}", rule_of(check), situation_of(check))] +=
            referee_.checked()[i];
    }
    for (const EvidenceEntry& entry : stage_.evidence.entries()) {
        const json::Array* causes = json::array(json::find(entry.body, "/causes"));
        if (!causes) continue;
        for (const json::Value& cause : *causes) {
            const auto rule = json::text(json::find(cause, "/rule"));
            if (rule) stage_.reach("rule " + std::string(*rule));
        }
    }
}

}  // namespace

Outcome play(const Scenario& scenario, const WorldSettings& settings) {
    return World(scenario, settings).run();
}

}  // namespace serin::sim
