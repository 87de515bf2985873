#include "gateway/data_plane.h"

#include "base/log.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <poll.h>

namespace serin::gateway {
namespace {

namespace fs = std::filesystem;

constexpr Duration start_poll{5};     // While a process is starting.
constexpr Duration drain_poll{20};    // While requests are being waited for.
constexpr Duration start_pause{250};  // At least, between two starts for changed structure.
constexpr Duration health_interval{1000};
constexpr Duration backoff_max{5000};
constexpr std::size_t splits_per_check = 32;
constexpr int unanswered_max = 3;
constexpr Duration first_pods_patience{2000};

// Whether requests come to a backend that has no pod yet.
bool lacks_pods(const RoutingTable& table) {
    for (const auto& [id, rule] : table.rules) {
        for (const Target& target : rule.targets) {
            const auto backend = table.backends.find(target.backend);
            const bool is_known = backend != table.backends.end();
            if (target.weight > 0 && is_known && backend->second.endpoints.empty()) return true;
        }
    }
    return false;
}

}  // namespace

DataPlane::DataPlane(
    EventLoop& loop, Settings settings, OutcomeSink& sink, std::function<void()> on_change)
    : loop_(loop),
      settings_(std::move(settings)),
      stream_(sink),
      on_change_(std::move(on_change)) {}

DataPlane::~DataPlane() {
    *is_alive_ = false;
}

void DataPlane::start() {
    adopt_all();
    check_health();
}

void DataPlane::adopt_all() {
    std::error_code error;
    fs::create_directories(settings_.folder, error);
    fs::permissions(settings_.folder, fs::perms::owner_all, error);
    std::set<int> numbers;
    for (const auto& entry : fs::directory_iterator(settings_.folder, error)) {
        const std::string name = entry.path().filename().string();
        int number = 0;
        const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (failure == std::errc() && end == name.data() + name.size()) numbers.insert(number);
    }
    for (const int number : numbers) {
        next_number_ = std::max(next_number_, number + 1);
        auto instance = Instance::adopt(settings_.folder, number, listeners_);
        if (!instance) {
            fs::remove_all(settings_.folder + "/" + std::to_string(number), error);
            continue;
        }
        log::info("haproxy_adopted", {{"pid", (*instance)->process().pid}, {"instance", number}});
        watch(**instance);
        stream_.add(number, (*instance)->socket_path());
        instances_[number] = *std::move(instance);
    }
    // Where the system does not let us copy its sockets, a process has to give up its ports before
    // its successor can have them: for this moment connections are refused.
    for (auto& [number, instance] : instances_) {
        if (!instance->has_kept_listeners()) continue;
        instance->stop_softly();
        static_cast<void>(poll(nullptr, 0, 100));
    }
    // A crash between the start of a process and the stop of its predecessor leaves two.
    const Instance* newest = serving();
    for (auto& [number, instance] : instances_) {
        if (instance.get() != newest && instance->phase() == Instance::Phase::serving) {
            instance->stop_softly();
        }
    }
}

const Instance* DataPlane::serving() const {
    const Instance* newest = nullptr;
    for (const auto& [number, instance] : instances_) {
        if (instance->phase() == Instance::Phase::serving) newest = instance.get();
    }
    return newest;
}

Instance* DataPlane::starting() const {
    for (const auto& [number, instance] : instances_) {
        if (instance->phase() == Instance::Phase::starting) return instance.get();
    }
    return nullptr;
}

void DataPlane::watch(Instance& instance) {
    const int number = instance.number();
    end_watches_[number] =
        loop_.on_readable(instance.process().handle.get(), [this, number, alive = is_alive_] {
            // Not within the watch's own call: it is about to be destroyed.
            loop_.post([this, number, alive] {
                if (*alive) on_end(number);
            });
        });
}

void DataPlane::follow(const RoutingTable& table, std::map<std::string, Ranges> splits) {
    table_ = &table;
    splits_ = std::move(splits);
    unbound_ = listeners_.follow(table.frontends);
    Place place{.dir = "/-"};
    for (const auto& [name, socket] : listeners_.sockets()) place.binds[name] = "fd@0";
    wanted_ = render(table, splits_, place).fingerprint;
    if (wanted_ != refused_) refused_rule_.clear();
    advance();
}

void DataPlane::follow_split(const std::string& rule, const Ranges& ranges) {
    splits_[rule] = ranges;
    for (const auto& [number, instance] : instances_) {
        if (instance->phase() == Instance::Phase::starting) continue;
        if (const auto done = instance->follow_split(rule, ranges); !done) {
            log::warning("split_not_set", {{"rule", rule}, {"error", done.error().message}});
            has_failed_ = true;
            schedule(drain_poll);
        }
    }
}

void DataPlane::advance() {
    if (table_ == nullptr) return;
    if (Instance* instance = starting()) advance_starting(*instance);
    advance_followers();
    start_if_needed();
}

void DataPlane::advance_starting(Instance& instance) {
    if (has_ended(instance.process())) return;  // on_end is on its way.
    if (!instance.connect()) {
        schedule(start_poll);
        return;
    }
    // What has changed since its files were written, before it gets all the requests.
    static_cast<void>(instance.follow(*table_, splits_, loop_.now()));
    stream_.add(instance.number(), instance.socket_path());
    for (const auto& [number, older] : instances_) {
        if (number != instance.number() && older->phase() == Instance::Phase::serving) {
            older->stop_softly();
        }
    }
    log::info(
        "haproxy_serving", {{"pid", instance.process().pid}, {"instance", instance.number()}});
    trouble_.clear();
    backoff_ = Duration(0);
    changed();
}

void DataPlane::advance_followers() {
    bool any_waiting = false;
    bool any_failed = false;
    const std::set<std::string> before = pods_in_use();
    for (const auto& [number, instance] : instances_) {
        if (instance->phase() == Instance::Phase::starting) continue;
        if (const auto done = instance->follow(*table_, splits_, loop_.now()); !done) {
            log::warning(
                "haproxy_not_followed", {{"instance", number}, {"error", done.error().message}});
            any_failed = any_failed || instance->phase() == Instance::Phase::serving;
        }
        any_waiting = any_waiting || instance->is_draining();
        if (instance->phase() == Instance::Phase::stopping && instance->is_idle()) {
            stream_.finish(number);
            instance->let_go();
        }
    }
    if (any_waiting || any_failed) schedule(drain_poll);
    if (pods_in_use() != before || (has_failed_ && !any_failed)) changed();
    has_failed_ = any_failed;
}

// A process knows the pods of the moment its files were written, and accepts some milliseconds
// before it can be told of others: the very first one would refuse requests to pods that became
// ready meanwhile. So it starts when the first pods are there. Until then clients wait in the
// listening socket's queue, though not for services that may never get a pod.
std::optional<Instant> DataPlane::first_start_at(Instant now) {
    const bool is_first = next_number_ == 1;
    if (!is_first || !lacks_pods(*table_)) return std::nullopt;
    if (!first_pods_by_) first_pods_by_ = now + first_pods_patience;
    if (now >= *first_pods_by_) return std::nullopt;
    return first_pods_by_;
}

void DataPlane::start_if_needed() {
    const Instance* current = serving();
    const bool is_current = current != nullptr && current->fingerprint() == wanted_;
    if (is_current || starting() != nullptr || wanted_ == refused_) return;
    // Without listeners there is nothing to serve; a first process can wait for them.
    if (current == nullptr && listeners_.sockets().empty()) return;
    const Instant now = loop_.now();
    if (const auto until = first_start_at(now)) {
        schedule(*until - now);
        return;
    }
    if (now < next_start_) {
        schedule(next_start_ - now);
        return;
    }
    next_start_ = now + std::max(start_pause, backoff_);
    auto instance = Instance::start(
        settings_.binary, settings_.folder, next_number_, *table_, splits_, listeners_);
    if (!instance) {
        trouble_ = instance.error().message;
        log::error("haproxy_not_started", {{"error", trouble_}});
        backoff_ = std::min(std::max(backoff_ * 2, Duration(100)), backoff_max);
        next_start_ = now + backoff_;
        schedule(backoff_);
        changed();
        return;
    }
    watch(**instance);
    instances_[next_number_++] = *std::move(instance);
    schedule(start_poll);
}

void DataPlane::on_end(int number) {
    const auto found = instances_.find(number);
    // Wake-ups may be late or for nothing.
    if (found == instances_.end() || !has_ended(found->second->process())) return;
    const std::unique_ptr<Instance> instance = std::move(found->second);
    end_watches_.erase(number);
    unanswered_.erase(number);
    instances_.erase(found);
    reap_process(instance->process());
    switch (instance->phase()) {
        case Instance::Phase::starting:
            on_failed_start(*instance);
            break;
        case Instance::Phase::serving:
            log::error("haproxy_died", {{"pid", instance->process().pid}});
            trouble_ = "HAProxy ended unexpectedly and is being started again";
            // The first restart is immediate; a process that keeps dying is given pauses.
            next_start_ = loop_.now() + backoff_;
            backoff_ = std::min(std::max(backoff_ * 2, Duration(100)), backoff_max);
            break;
        case Instance::Phase::stopping:
            break;
    }
    instance->remove_files();
    advance();
    changed();
}

void DataPlane::on_failed_start(const Instance& instance) {
    Instance::Failure failure = instance.explain_failure();
    log::error("haproxy_refused", {{"message", failure.message}, {"rule", failure.rule}});
    trouble_ = std::move(failure.message);
    refused_rule_ = std::move(failure.rule);
    if (refused_rule_.empty()) {
        backoff_ = std::min(std::max(backoff_ * 2, Duration(500)), backoff_max);
        next_start_ = loop_.now() + backoff_;
    } else {
        refused_ = instance.fingerprint();
    }
}

void DataPlane::check_health() {
    if (!unbound_.empty() && table_ != nullptr) {
        const std::size_t before = unbound_.size();
        follow(*table_, splits_);
        if (unbound_.size() != before) changed();
    }
    for (const auto& [number, instance] : instances_) {
        if (instance->phase() != Instance::Phase::serving) continue;
        instance->trim_log();
        Result<> answered = instance->refresh(splits_per_check);
        if (!answered) answered = instance->connect();
        if (answered) {
            unanswered_[number] = 0;
        } else if (++unanswered_[number] >= unanswered_max) {
            log::error("haproxy_hangs", {{"pid", instance->process().pid}});
            signal_process(instance->process(), SIGKILL);
        }
    }
    advance();
    health_timer_ = loop_.after(health_interval, [this] { check_health(); });
}

// The nearest of the wanted times counts.
void DataPlane::schedule(Duration delay) {
    const Instant at = loop_.now() + delay;
    if (timer_at_ && *timer_at_ <= at) return;
    timer_at_ = at;
    timer_ = loop_.after(delay, [this] {
        timer_at_.reset();
        advance();
    });
}

void DataPlane::changed() {
    loop_.post([this, alive = is_alive_] {
        if (*alive) on_change_();
    });
}

bool DataPlane::confirms(const std::string& rule) const {
    const Instance* current = serving();
    const auto ranges = splits_.find(rule);
    if (current == nullptr || ranges == splits_.end() || current->fingerprint() != wanted_) {
        return false;
    }
    // It may take requests already, with the splits of the moment its files were written.
    if (starting() != nullptr) return false;
    return std::ranges::all_of(instances_, [&](const auto& item) {
        const Instance& instance = *item.second;
        if (&instance == current) return instance.confirms(rule, ranges->second);
        // Old processes answer one last request on connections that were idle.
        return !instance.knows(rule, ranges->second) || instance.confirms(rule, ranges->second);
    });
}

bool DataPlane::confirms(const Backend& backend) const {
    const Instance* current = serving();
    if (current == nullptr || current->fingerprint() != wanted_) return false;
    return std::ranges::all_of(
        instances_, [&](const auto& item) { return item.second->confirms(backend); });
}

std::set<std::string> DataPlane::pods_in_use() const {
    std::set<std::string> pods;
    for (const auto& [number, instance] : instances_) instance->add_pods_in_use(pods);
    return pods;
}

void DataPlane::shut_down(Duration patience) {
    health_timer_.reset();
    timer_.reset();
    for (const auto& [number, instance] : instances_) {
        instance->stop_softly();
        stream_.finish(number);
        instance->let_go();
    }
    listeners_.close_all();
    const Instant deadline = loop_.now() + patience;
    for (const auto& [number, instance] : instances_) {
        const auto left = std::max(Duration(0), deadline - loop_.now());
        pollfd ended{.fd = instance->process().handle.get(), .events = POLLIN, .revents = 0};
        if (poll(&ended, 1, static_cast<int>(left.count())) <= 0) {
            signal_process(instance->process(), SIGKILL);
            static_cast<void>(poll(&ended, 1, 1000));
        }
        reap_process(instance->process());
        instance->remove_files();
    }
    end_watches_.clear();
    instances_.clear();
    table_ = nullptr;
}

}  // namespace serin::gateway
