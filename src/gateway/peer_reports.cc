#include "gateway/peer_reports.h"

#include "base/log.h"
#include "ports/gateway_report.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace serin::gateway {
namespace {

constexpr Duration look_every{1'000};
constexpr Duration write_again{300};
// Others need a moment for what is new.
constexpr Duration lag_patience{10'000};

std::string name_of(const ObjectKey& route) {
    return route.ns + "/" + route.name;
}

std::string words(std::int64_t generation, const InForce& in_force) {
    return std::to_string(generation) + (in_force.is_true ? " " : " not: ") + in_force.message;
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// Whether who says `mine` does what `yours` says, or what has been asked for since.
bool is_as_new(const std::string& mine, const std::string& yours) {
    return mine == yours || number(mine) > number(yours);
}

}  // namespace

PeerReports::PeerReports(
    EventLoop& loop,
    ObjectStore& store,
    const ObjectStore& fresh,
    PeerSettings settings,
    std::function<void()> on_change)
    : loop_(loop),
      store_(store),
      fresh_(fresh),
      settings_(std::move(settings)),
      on_change_(std::move(on_change)) {}

void PeerReports::start() {
    tick();
}

void PeerReports::serve() {
    if (std::exchange(is_serving_, true)) return;
    write_soon();
}

bool PeerReports::is_admitted() const {
    const auto own = reports_.find(settings_.name);
    return has_joined_ && own != reports_.end() && own->second.process == settings_.process &&
           own->second.is_counted();
}

Result<> PeerReports::leave() {
    has_left_ = true;
    timer_.reset();
    write_timer_.reset();
    change_timer_.reset();
    watch_.reset();
    if (!has_joined_) return {};
    const auto removed = store_.remove(key(settings_.name));
    if (!removed && removed.error().kind != ErrorKind::not_found) {
        return std::unexpected(removed.error());
    }
    return {};
}

std::size_t PeerReports::counted() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        reports_, [](const auto& report) { return report.second.is_counted(); }));
}

bool PeerReports::speaks() const {
    return speaks_ && settings_.leads();
}

void PeerReports::tell(const ObjectKey& route, std::int64_t generation, const InForce& in_force) {
    std::string told = words(generation, in_force);
    std::string& known = own_[name_of(route)];
    if (known == told) return;
    known = std::move(told);
    write_soon();
}

void PeerReports::keep_only(const std::set<ObjectKey>& routes) {
    std::set<std::string> names;
    for (const ObjectKey& route : routes) names.insert(name_of(route));
    if (std::erase_if(own_, [&](const auto& one) { return !names.contains(one.first); }) > 0) {
        write_soon();
    }
}

bool PeerReports::agree(
    const ObjectKey& route, std::int64_t generation, const InForce& in_force) const {
    const std::string told = words(generation, in_force);
    return std::ranges::all_of(reports_, [&](const auto& one) {
        const auto& [name, report] = one;
        if (name == settings_.name || !report.is_counted()) return true;
        const auto theirs = report.routes.find(name_of(route));
        return theirs != report.routes.end() && theirs->second == told;
    });
}

// Everything is tried again each second: what the API did not take, and what it has not told.
void PeerReports::tick() {
    timer_ = loop_.after(look_every, [this] { tick(); });
    Result<> done = follow();
    if (done) done = join();
    if (done) done = write_changes();
    if (done && settings_.leads() && !speaks_) done = begin_to_speak();
    if (!done) log::warning("gateway_report_failed", {{"error", done.error().message}});
    if (!settings_.leads()) speaks_ = false;
    look_at_others();
    warn_of_laggards();
}

Result<> PeerReports::follow() {
    if (watch_) return {};
    SERIN_TRY(
        const ObjectList all, store_.list({.type = &types::gateway_report(), .ns = settings_.ns}));
    // Memory may be behind what was read from the API: who leads has to read that again.
    speaks_ = false;
    for (auto& [name, report] : reports_) report.version = 0;
    for (const Object& object : all.items) take(object);
    std::erase_if(reports_, [](const auto& one) { return one.second.version == 0; });
    SERIN_TRY(
        watch_,
        store_.watch(
            {.type = &types::gateway_report(), .ns = settings_.ns},
            all.resource_version,
            [this](const StoreEvent& event) {
                if (event.kind != EventKind::removed) {
                    take(event.object);
                } else if (const auto known = reports_.find(std::string(event.object.name()));
                           known != reports_.end() &&
                           known->second.version <= number(event.object.resource_version())) {
                    if (known->first == settings_.name) has_joined_ = false;
                    reports_.erase(known);
                }
                changed();
            },
            [this](const Error&) { watch_.reset(); }));
    changed();
    return {};
}

// What another process of this pod has told ended with it.
Result<> PeerReports::join() {
    if (has_joined_) return {};
    Object report = own_report();
    const auto former = fresh_.get(key(settings_.name));
    if (!former && former.error().kind != ErrorKind::not_found) {
        return std::unexpected(former.error());
    }
    Result<Object> written = former ? [&] {
        report.put("/metadata/resourceVersion", json::string(former->resource_version()));
        return store_.update(std::move(report));
    }()
                                    : store_.create(std::move(report));
    if (!written) return std::unexpected(written.error());
    has_joined_ = true;
    is_serving_written_ = false;
    written_.clear();
    take(*written);
    return {};
}

Object PeerReports::own_report() const {
    Object report(types::gateway_report(), settings_.ns, settings_.name);
    report.put("/status/process", json::string(settings_.process));
    report.put("/status/isServing", false);
    const auto pod =
        store_.get({.type = &types::pod(), .ns = settings_.ns, .name = settings_.name});
    if (pod) {
        const json::Object owner{
            {"apiVersion", "v1"},
            {"kind", "Pod"},
            {"name", json::string(pod->name())},
            {"uid", json::string(pod->uid())}};
        report.put("/metadata/ownerReferences", json::Array{owner});
    }
    return report;
}

void PeerReports::write_soon() {
    if (write_timer_ || has_left_) return;
    write_timer_ = loop_.after(Duration(0), [this] {
        write_timer_.reset();
        if (!has_joined_ || write_changes()) return;
        write_timer_ = loop_.after(write_again, [this] {
            write_timer_.reset();
            write_soon();
        });
    });
}

Result<> PeerReports::write_changes() {
    if (!has_joined_) return {};
    json::Object routes;
    for (const auto& [name, text] : own_) {
        const auto known = written_.find(name);
        if (known == written_.end() || known->second != text) routes[name] = json::string(text);
    }
    for (const auto& [name, text] : written_) {
        if (!own_.contains(name)) routes[name] = nullptr;
    }
    const bool is_new = is_serving_ && !is_serving_written_;
    if (routes.empty() && !is_new) return {};
    json::Object status{{"routes", std::move(routes)}};
    if (is_serving_) status["isServing"] = true;
    const auto written = store_.patch(
        key(settings_.name), PatchKind::merge, json::Object{{"status", std::move(status)}});
    if (!written) {
        if (written.error().kind == ErrorKind::not_found) has_joined_ = false;
        return std::unexpected(written.error());
    }
    written_ = own_;
    is_serving_written_ = is_serving_;
    take(*written);
    changed();
    return {};
}

// Whoever led before may have admitted somebody a moment ago.
Result<> PeerReports::begin_to_speak() {
    SERIN_TRY(
        const ObjectList all, fresh_.list({.type = &types::gateway_report(), .ns = settings_.ns}));
    for (const Object& object : all.items) take(object);
    speaks_ = true;
    changed();
    return {};
}

void PeerReports::look_at_others() {
    if (!speaks() || !is_serving_) return;
    std::vector<std::string> ended;
    for (const auto& [name, report] : reports_) {
        const bool is_own = name == settings_.name;
        // They are looked at one by one only while something is amiss.
        if (!is_own && (!report.is_counted() || report.routes != own_) && has_ended(name, report)) {
            ended.push_back(name);
            continue;
        }
        if (report.is_counted() || !report.is_serving || report.process.empty()) continue;
        if (!is_own && !is_admitted()) continue;  // First who leads itself.
        if (const auto done = admit(name, report); !done) {
            log::warning(
                "gateway_not_admitted", {{"gateway", name}, {"error", done.error().message}});
        }
    }
    for (const std::string& name : ended) {
        // Unless another process of a pod of this name has written it since.
        const auto removed = store_.remove(
            key(name), {.resource_version = std::to_string(reports_.at(name).version)});
        if (!removed && removed.error().kind != ErrorKind::not_found) continue;
        log::info("gateway_gone", {{"gateway", name}});
        reports_.erase(name);
        changed();
    }
}

// Nobody may be behind what has been said to be in force. Who is counted is not, and is the measure
// for others; who leads without being counted has to look: its news may be late, and nobody else be
// left.
Result<bool> PeerReports::may_admit(const std::string& name, const Report& report) const {
    if (name != settings_.name) {
        return std::ranges::all_of(own_, [&](const auto& mine) {
            const auto theirs = report.routes.find(mine.first);
            return theirs != report.routes.end() && is_as_new(theirs->second, mine.second);
        });
    }
    SERIN_TRY(const auto said, settings_.said());
    return std::ranges::all_of(said, [&](const auto& one) {
        const auto mine = own_.find(one.first);
        return mine == own_.end() || number(mine->second) >= one.second;
    });
}

Result<> PeerReports::admit(const std::string& name, const Report& report) {
    SERIN_TRY(const bool may_be, may_admit(name, report));
    if (!may_be) return {};
    const std::string process = report.process;
    SERIN_TRY(
        const Object written,
        store_.patch(
            key(name),
            PatchKind::merge,
            json::Object{{"status", json::Object{{"admitted", json::string(process)}}}}));
    log::info("gateway_admitted", {{"gateway", name}});
    take(written);
    changed();
    return {};
}

// Its pod is gone or has ended. One without a pod ends by taking its report away, or a person does.
bool PeerReports::has_ended(const std::string& name, const Report& report) const {
    if (report.pod_uid.empty()) return false;
    const auto pod = store_.get({.type = &types::pod(), .ns = settings_.ns, .name = name});
    if (!pod) return pod.error().kind == ErrorKind::not_found;
    const std::string_view phase = pod->text("/status/phase");
    return pod->uid() != report.pod_uid || phase == "Succeeded" || phase == "Failed";
}

void PeerReports::take(const Object& object) {
    Report& report = reports_[std::string(object.name())];
    const std::int64_t version = number(object.resource_version());
    if (version < report.version) return;
    report = {
        .version = version,
        .process = std::string(object.text("/status/process")),
        .admitted = std::string(object.text("/status/admitted")),
        .pod_uid = std::string(object.text("/metadata/ownerReferences/0/uid")),
        .is_serving = json::boolean(object.find("/status/isServing")).value_or(false),
        .routes = {}};
    const json::Object* routes = json::object(object.find("/status/routes"));
    if (routes == nullptr) return;
    for (const auto& member : *routes) {
        report.routes[std::string(member.key())] = json::text(&member.value()).value_or("");
    }
}

void PeerReports::changed() {
    if (change_timer_ || has_left_) return;
    change_timer_ = loop_.after(Duration(0), [this] {
        change_timer_.reset();
        look_at_others();
        if (speaks()) on_change_();
    });
}

void PeerReports::warn_of_laggards() {
    if (!speaks()) return lags_since_.clear();
    for (const auto& [name, report] : reports_) {
        const bool lags = name != settings_.name && report.is_counted() && report.routes != own_;
        if (!lags) {
            lags_since_.erase(name);
            continue;
        }
        const Instant since = lags_since_.try_emplace(name, loop_.now()).first->second;
        if (loop_.now() - since < lag_patience) continue;
        log::warning(
            "gateway_lags", {{"gateway", name}, {"means", "nothing new is in force without it"}});
        lags_since_[name] = loop_.now();
    }
    std::erase_if(lags_since_, [&](const auto& one) { return !reports_.contains(one.first); });
}

ObjectKey PeerReports::key(const std::string& name) const {
    return {.type = &types::gateway_report(), .ns = settings_.ns, .name = name};
}

}  // namespace serin::gateway
