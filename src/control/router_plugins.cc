#include "control/router_plugins.h"

#include "base/utf8.h"
#include "control/hook_calls.h"
#include "manifest/argo/lower.h"
#include "manifest/argo/names.h"
#include "manifest/argo/plugins.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace serin::control {

namespace {

constexpr Duration ask_again = std::chrono::seconds(2);  // A wish that is not in force yet.
// After an error, and twice as long after each further one: what failed once mostly goes by, and
// users may be waiting to be taken back.
constexpr Duration try_again_min = std::chrono::seconds(1);
constexpr Duration try_again_max = std::chrono::seconds(10);
constexpr Duration look_again = std::chrono::seconds(60);  // At what was in force.
constexpr int denials_max = 5;  // Until a router that says no is told anew.
constexpr std::size_t message_max = 1000;

Result<argo::PluginEntry> find_entry(
    const ObjectStore& store, std::string_view ns, const std::string& name) {
    const auto config = find_plugin_config(store, ns);
    if (!config && config.error().kind != ErrorKind::not_found) {
        return std::unexpected(config.error());
    }
    SERIN_TRY(
        argo::PluginEntry entry,
        argo::find_plugin(config ? *config : Object(), argo::router_plugins, name));
    if (!entry.is_disabled) return entry;
    return fail(ErrorKind::invalid, fmt::format("plugin \"{}\" is disabled", name));
}

json::Object about_weights(
    std::string_view method, const PluginExposure& exposure, const RouteTarget& target) {
    json::Array others;
    int total = 0;
    int candidate = 0;
    for (const auto& [service, weight] : exposure.weights) {
        total += weight;
        if (service == target.candidate_service) candidate = weight;
        if (service == target.candidate_service || service == target.stable_service) continue;
        others.push_back(json::Object{{"service", json::string(service)}, {"weight", weight}});
    }
    return {
        {"method", json::string(method)},
        {"desiredWeight", candidate},
        {"totalWeight", total},
        {"additionalDestinations", std::move(others)}};
}

std::string name_of(const json::Value& route) {
    return std::string(json::text(json::find(route, "/name")).value_or(""));
}

// Everything that makes a router do what is wanted, whatever it did before. Routes for a candidate
// whose service became the stable one are wanted no more, before the release says so: made again
// they would lead to the version that has just been replaced.
std::deque<json::Object> questions_for(const PluginExposure& exposure, const RouteTarget& target) {
    std::deque<json::Object> questions{about_weights("SetWeight", exposure, target)};
    const json::Array wanted =
        leads_to_candidate(exposure, target) ? exposure.routes : json::Array();
    json::Array ended;
    for (const std::string& name : target.managed_routes) {
        const bool is_wanted = std::ranges::any_of(
            wanted, [&](const json::Value& route) { return name_of(route) == name; });
        if (!is_wanted) ended.push_back(json::string(name));
    }
    if (!ended.empty()) {
        questions.push_back({{"method", "RemoveManagedRoutes"}, {"routes", std::move(ended)}});
    }
    for (const json::Value& route : wanted) {
        const bool is_mirror = json::text(json::find(route, "/kind")) == "mirror";
        questions.push_back(
            {{"method", is_mirror ? "SetMirrorRoute" : "SetHeaderRoute"}, {"route", route}});
    }
    questions.push_back(about_weights("VerifyWeight", exposure, target));
    return questions;
}

bool is_verification(const json::Object& question) {
    return json::text(question.if_contains("method")) == "VerifyWeight";
}

// Empty when the answer is a yes, or none of its own.
std::optional<std::string> denial_in(const json::Object& answer) {
    if (json::boolean(answer.if_contains("notImplemented")).value_or(false)) return std::nullopt;
    const auto verified = json::boolean(answer.if_contains("verified"));
    if (!verified) return "answered VerifyWeight without verified: true or false";
    if (*verified) return std::nullopt;
    const auto message = json::text(answer.if_contains("message"));
    return fmt::format("not in force yet{}{}", message ? ": " : "", message.value_or(""));
}

}  // namespace

RouterPlugins::RouterPlugins(EventLoop& loop, ObjectStore& store, PluginRunner& runner)
    : loop_(loop), store_(store), runner_(runner), events_(store, loop, "serin-router") {}

std::vector<Trigger> RouterPlugins::triggers() const {
    const auto exposures = on_change_of_owned(types::config_map(), types::rollout()).keys_of;
    return {
        on_change_of(types::rollout()),
        {&types::config_map(), [exposures](const Object& object) {
             return object.label(exposure_label) ? exposures(object) : std::vector<ObjectKey>();
         }}};
}

Result<CallAgain> RouterPlugins::reconcile(const ObjectKey& key) {
    const auto rollout = store_.get(key);
    if (!rollout && rollout.error().kind != ErrorKind::not_found) {
        return std::unexpected(rollout.error());
    }
    if (!rollout || rollout->is_being_deleted()) {
        works_.erase(key);  // Its exposure goes with it.
        lowered_.forget(key);
        return std::nullopt;
    }
    const json::Object* routers =
        json::object(rollout->find("/spec/strategy/canary/trafficRouting/plugins"));
    if (!routers || routers->contains(argo::gateway_api_plugin)) {
        SERIN_TRY_DO(forget(*rollout));
        return std::nullopt;
    }
    const argo::Lowered lowered = lowered_.of(*rollout);
    if (!lowered.route || lowered.route->plugin.empty()) return std::nullopt;
    return follow(*rollout, *lowered.route);
}

// The router is another one now. Should the plugin return, what it once confirmed is long past.
Result<> RouterPlugins::forget(const Object& rollout) {
    works_.erase(rollout.key());
    const RouteTarget target{
        .ns = std::string(rollout.ns()), .release = std::string(rollout.name())};
    const auto object = find_exposure(store_, target);
    if (!object) return {};
    const auto removed = store_.remove(object->key(), {});
    if (removed || removed.error().kind == ErrorKind::not_found) return {};
    return std::unexpected(removed.error());
}

Result<Object> RouterPlugins::exposure_of(const Object& rollout, const RouteTarget& target) {
    auto object = find_exposure(store_, target);
    if (!object && object.error().kind == ErrorKind::not_found) {
        return store_.create(make_exposure(rollout, target));
    }
    if (!object || read_exposure(*object).number > 0) return object;
    // Somebody spoilt it: as if it had just been made, and the release writes what it wants.
    const Object made = make_exposure(rollout, target);
    object->put("/data", *made.find("/data"));
    return store_.update(*std::move(object));
}

Result<CallAgain> RouterPlugins::follow(const Object& rollout, const RouteTarget& target) {
    const auto object = exposure_of(rollout, target);
    // The release tells of it.
    if (!object && object.error().kind == ErrorKind::invalid) return std::nullopt;
    if (!object) return std::unexpected(object.error());
    PluginExposure exposure = read_exposure(*object);
    if (!is_confirmed(exposure, target)) exposure.verified = 0;
    Work& work = works_[rollout.key()];
    std::string about =
        target.stable_service + " " + target.candidate_service + " " + identity_of(target);
    const bool is_new_life = work.number == 0;
    if (work.number != exposure.number || work.about != about) {
        work =
            Work{.number = exposure.number, .about = std::move(about), .not_before = loop_.now()};
        if (!is_new_life) work.questions = questions_for(exposure, target);
    }
    if (work.answer) {
        const Result<> taken = take(rollout, target, work, exposure);
        if (!taken) {
            works_.erase(rollout.key());  // Asks anew: what was answered is not written.
            return std::unexpected(taken.error());
        }
    }
    if (work.questions.empty()) {
        work.questions = questions_for(exposure, target);
        // What was in force is only looked at.
        const bool was_in_force = exposure.verified == exposure.number;
        if (was_in_force) work.questions.erase(work.questions.begin(), work.questions.end() - 1);
    }
    const Instant now = loop_.now();
    if (work.call) return std::nullopt;
    if (now < work.not_before) return work.not_before - now;
    ask(rollout, target, work);
    return std::nullopt;
}

// The answer to the first question.
Result<> RouterPlugins::take(
    const Object& rollout, const RouteTarget& target, Work& work, PluginExposure& exposure) {
    const Result<json::Object> answer = *std::exchange(work.answer, std::nullopt);
    work.call.reset();
    const json::Object& question = work.questions.front();
    const auto error =
        answer ? json::text(answer->if_contains("error")) : std::optional(std::string_view());
    if (!answer || error) {
        fail_for_now(
            rollout, work, exposure, answer ? std::string(*error) : answer.error().message);
        return tell(rollout, exposure);
    }
    work.retry_after = Duration(0);
    if (!is_verification(question)) {
        work.questions.pop_front();
        return {};
    }
    exposure.message.clear();
    if (const auto denial = denial_in(*answer)) {
        exposure.message = cut_utf8(*denial, message_max);
        // What was in force and is no more has to be told again, at once.
        const bool has_forgotten = exposure.verified == exposure.number;
        work.not_before = loop_.now() + (has_forgotten ? Duration(0) : ask_again);
        exposure.verified = 0;
        if (has_forgotten) exposure.in_force.clear();  // Nobody knows.
        if (has_forgotten || ++work.denials >= denials_max) {
            events_.record(rollout, EventType::warning, "TrafficRoutingError", exposure.message);
            work.denials = 0;
            work.questions.clear();
        }
        return tell(rollout, exposure);
    }
    exposure.verified = exposure.number;
    exposure.in_force = exposure.weights;
    exposure.confirmed_by = identity_of(target);
    work.denials = 0;
    work.not_before = loop_.now() + look_again;
    work.questions.clear();
    return tell(rollout, exposure);
}

void RouterPlugins::fail_for_now(
    const Object& rollout, Work& work, PluginExposure& exposure, std::string why) {
    why.resize(cut_utf8(why, message_max).size());
    work.retry_after = std::clamp(work.retry_after * 2, try_again_min, try_again_max);
    work.not_before = loop_.now() + work.retry_after;
    events_.record(rollout, EventType::warning, "TrafficRoutingError", why);
    exposure.message = std::move(why);
}

Result<> RouterPlugins::tell(const Object& rollout, const PluginExposure& exposure) {
    SERIN_TRY_DO(store_.patch(
        exposure_key(rollout.ns(), rollout.name()), PatchKind::merge, confirmation(exposure)));
    return {};
}

void RouterPlugins::ask(const Object& rollout, const RouteTarget& target, Work& work) {
    const ObjectKey key = rollout.key();
    const auto answered = [this, key, number = work.number](const Result<json::Object>& answer) {
        const auto found = works_.find(key);
        if (found == works_.end() || found->second.number != number) return;
        found->second.answer = answer;
        if (request_) request_(key);
    };
    const auto entry = find_entry(store_, rollout.ns(), target.plugin);
    if (!entry) return answered(std::unexpected(entry.error()));
    json::Object request{
        {"protocol", "serin.dev/plugin/v1"},
        {"plugin", json::string(target.plugin)},
        {"rollout",
         json::Object{
             {"namespace", json::string(rollout.ns())},
             {"name", json::string(rollout.name())},
             {"uid", json::string(rollout.uid())}}},
        {"number", work.number},
        {"stableService", json::string(target.stable_service)},
        {"canaryService", json::string(target.candidate_service)},
        {"config", target.config}};
    for (const auto& member : work.questions.front()) request[member.key()] = member.value();
    work.call = runner_.call(
        {.plugin = target.plugin,
         .program = entry->program,
         .arguments = entry->arguments,
         .sha256 = entry->sha256,
         .request = std::move(request)},
        answered);
}

std::optional<std::string> find_router_problem(
    const ObjectStore& store, const ReleaseWorld& world) {
    const auto& route = world.lowered.route;
    if (!route || route->plugin.empty()) return std::nullopt;
    const auto entry = find_entry(store, world.rollout.ns(), route->plugin);
    if (entry || entry.error().kind == ErrorKind::unavailable) return std::nullopt;
    return "spec.strategy.canary.trafficRouting.plugins: " + entry.error().message;
}

}  // namespace serin::control
