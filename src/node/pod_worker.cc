#include "node/pod_worker.h"

#include "base/log.h"
#include "node/pod_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <utility>

namespace serin::node {

namespace {

constexpr std::string_view ports_annotation = "serin.dev/ports";
constexpr std::string_view rotation_annotation = "serin.dev/in-rotation";

std::string name_of(const json::Object& spec) {
    return std::string(json::text(spec.if_contains("name")).value_or(""));
}

// Every port that a container of the pod declares.
std::vector<int> declared_ports(const Object& pod) {
    std::vector<int> ports;
    for (const std::string_view list : {"initContainers", "containers"}) {
        for (const json::Value& container : containers_of(pod, list)) {
            const json::Array* declared = json::array(json::find(container, "/ports"));
            for (const json::Value& port : declared == nullptr ? json::Array{} : *declared) {
                const auto number = json::integer(json::find(port, "/containerPort"));
                if (number && *number > 0 && *number <= 65'535) {
                    ports.push_back(static_cast<int>(*number));
                }
            }
        }
    }
    return ports;
}

std::string written(const PortMap& ports) {
    json::Object all;
    for (const auto& [declared, actual] : ports) all[std::to_string(declared)] = actual;
    return json::print(all);
}

}  // namespace

std::string pod_folder(const NodeSettings& settings, std::string_view uid) {
    return fmt::format("{}/pods/{}", settings.state_dir, uid);
}

PodWorker::PodWorker(NodeWorld& world, const Object& pod) : world_(world), pod_(pod) {
    load(pod);
    add_missing_containers();
    // In case the record was lost or never reached the object: neither alone is enough.
    if (record_.ip.empty()) record_.ip = std::string(pod.text("/status/podIP"));
    if (!world_.addresses.reserve(record_.uid, record_.ip, record_.ports)) {
        log::warning("pod_address_taken", {{"pod", pod.name()}, {"address", record_.ip}});
        record_.ip.clear();
        record_.ports.clear();
    }
    for (ContainerRecord& container : record_.containers) {
        if (container.is_running()) adopt(container);
    }
    record_.boot_id = boot_id();
}

void PodWorker::load(const Object& pod) {
    record_.uid = std::string(pod.uid());
    Result<PodRecord> stored = read_record(file());
    if (stored) {
        record_ = std::move(*stored);
        is_saved_ = true;
    } else if (stored.error().kind != ErrorKind::not_found) {
        start_afresh(pod, stored.error().message);
    }
    record_.uid = std::string(pod.uid());
    record_.ns = std::string(pod.ns());
    record_.name = std::string(pod.name());
}

// What runs cannot be told from what should: so nothing of it stays, and the pod starts anew.
void PodWorker::start_afresh(const Object& pod, const std::string& problem) {
    log::error("pod_record_unreadable", {{"pod", pod.name()}, {"error", problem}});
    tell(
        EventType::warning,
        "RecordUnreadable",
        fmt::format(
            "the record of the pod's processes is unreadable, starting them anew: {}", problem));
    for (const ProcessId& process : processes_with(std::string(pod_variable), record_.uid)) {
        kill(process.pid, SIGKILL);
    }
}

// All at once, so that the records stay where they are for as long as their runs refer to them.
void PodWorker::add_missing_containers() {
    for (const std::string_view list : {"initContainers", "containers"}) {
        for (const json::Value& spec : containers_of(pod_, list)) {
            if (!spec.is_object()) continue;
            const std::string name = name_of(spec.get_object());
            if (record_.find(name) != nullptr) continue;
            record_.containers.push_back({.name = name, .is_init = list == "initContainers"});
        }
    }
}

void PodWorker::adopt(ContainerRecord& container) {
    const bool is_same_boot = record_.boot_id == boot_id();
    if (is_same_boot && take_on(container)) {
        log::info(
            "pod_adopted",
            {{"pod", record_.name}, {"container", container.name}, {"pid", container.process.pid}});
        return;
    }
    ExitStatus status;
    if (is_same_boot) status = collect(container.process).value_or(ExitStatus{});
    on_exit(container, status);
}

bool PodWorker::take_on(ContainerRecord& container) {
    const json::Object* spec = spec_of(container.name);
    if (spec == nullptr) return false;
    ContainerRecord* const record = &container;  // Stays where it is; see add_missing_containers.
    const auto request = [this] { world_.request_turn(pod_.key()); };
    Result<std::unique_ptr<ContainerRun>> run = ContainerRun::take(
        target(*spec, container),
        container,
        grace(),
        {.on_exit = [this, record](const ExitStatus& status) { on_exit(*record, status); },
         .on_change =
             [this, request] {
                 is_saved_ = false;
                 request();
             },
         .on_unhealthy =
             [this](const std::string& reason, const std::string& message) {
                 tell(EventType::warning, reason, message);
             },
         .on_restart_wanted =
             [this, record](const std::string& message, Duration grace_period) {
                 restart(*record, message, grace_period);
             }});
    if (!run) return false;
    runs_[container.name] = std::move(*run);
    return true;
}

bool PodWorker::has_processes() const {
    return std::ranges::any_of(record_.containers, &ContainerRecord::is_running);
}

bool PodWorker::is_waiting_for_config() const {
    return std::ranges::any_of(waiting_, [](const auto& waiting) {
        return waiting.second.reason == "CreateContainerConfigError";
    });
}

Result<CallAgain> PodWorker::turn(const Object& pod) {
    pod_ = pod;
    wake_.reset();
    ended_runs_.clear();
    if (pod.is_being_deleted()) return end_pod();

    if (!is_finished(pod_, record_)) {
        SERIN_TRY_DO(ensure_address());
        run_init_containers();
        if (is_initialized(pod_, record_)) run_containers();
    }
    // A record that cannot be written (a full disk) holds up what depends on it, not the news of
    // it.
    const Result<> saved = is_saved_ ? Result<>() : save();
    if (saved) SERIN_TRY_DO(publish_address());
    SERIN_TRY_DO(publish_status());
    SERIN_TRY_DO(saved);
    if (!wake_) return CallAgain{};
    return CallAgain(std::max(*wake_ - world_.loop.now(), Duration{0}));
}

Result<> PodWorker::ensure_address() {
    if (record_.ip.empty()) {
        SERIN_TRY(record_.ip, world_.addresses.take_ip(record_.uid));
        is_saved_ = false;
    }
    for (const int declared : declared_ports(pod_)) {
        if (record_.ports.contains(declared)) continue;
        SERIN_TRY(const int actual, world_.addresses.take_port(record_.uid, declared));
        record_.ports[declared] = actual;
        is_saved_ = false;
    }
    return {};
}

Result<> PodWorker::publish_address() {
    const std::string ports = written(record_.ports);
    const bool is_published =
        pod_.annotation(ports_annotation) == ports && !pod_.text("/spec/nodeName").empty();
    if (is_published) return {};
    json::Object patch;
    json::put(
        patch,
        "/metadata/annotations/" + json::escape_pointer(ports_annotation),
        json::string(ports));
    if (pod_.text("/spec/nodeName").empty()) {
        json::put(patch, "/spec/nodeName", json::string(world_.settings.node_name));
    }
    SERIN_TRY(pod_, world_.store.patch(pod_.key(), PatchKind::merge, patch));
    return {};
}

void PodWorker::run_init_containers() {
    for (const json::Value& spec : containers_of(pod_, "initContainers")) {
        if (!spec.is_object()) continue;
        const ContainerRecord* container = record_.find(name_of(spec.get_object()));
        const bool is_done = container->exit && container->exit->code == 0;
        if (is_done) continue;
        return run_container(spec.get_object());  // One at a time, in order.
    }
}

void PodWorker::run_containers() {
    for (const json::Value& spec : containers_of(pod_)) {
        if (spec.is_object()) run_container(spec.get_object());
    }
}

void PodWorker::run_container(const json::Object& spec) {
    ContainerRecord& container = *record_.find(name_of(spec));
    if (container.is_running()) {
        // The image is all of a running pod that may change, as on Kubernetes.
        const bool is_outdated = json::text(spec.if_contains("image")) != container.image;
        if (is_outdated && !container.is_init) {
            restart(
                container,
                fmt::format("Container {} definition changed, will be restarted", container.name),
                grace());
        }
        return;
    }
    if (container.exit) {
        if (!is_restarted(pod_, container) || must_wait_for_backoff(container)) return;
    }
    start(spec, container);
}

bool PodWorker::must_wait_for_backoff(const ContainerRecord& container) {
    const Instant due = container.exit->finished + container.backoff;
    if (due <= world_.loop.now()) return false;
    wake_at(due);
    Waiting waiting{
        .reason = "CrashLoopBackOff",
        .message = fmt::format(
            "back-off {} restarting failed container={} pod={}_{}({})",
            format_duration(container.backoff),
            container.name,
            record_.name,
            record_.ns,
            record_.uid)};
    if (waiting_[container.name].message != waiting.message) {
        waiting_[container.name] = std::move(waiting);
        tell(
            EventType::warning,
            "BackOff",
            fmt::format("Back-off restarting failed container {}", container.name));
    }
    return true;
}

// The gateway takes the pod out of rotation first, then its processes end, then the object goes.
Result<CallAgain> PodWorker::end_pod() {
    const Instant now = world_.loop.now();
    if (!record_.deletion_seen) {
        record_.deletion_seen = now;
        is_saved_ = false;
    }
    if (!is_saved_) SERIN_TRY_DO(save());
    if (!has_processes()) {
        const RemoveOptions for_good{.grace_seconds = 0, .uid = record_.uid};
        const Result<Object> removed = world_.store.remove(pod_.key(), for_good);
        if (!removed && removed.error().kind != ErrorKind::not_found) {
            return std::unexpected(removed.error());
        }
        return CallAgain{};
    }
    SERIN_TRY_DO(publish_status());
    const std::int64_t grace_seconds = pod_.integer(
        "/metadata/deletionGracePeriodSeconds",
        std::chrono::duration_cast<std::chrono::seconds>(grace()).count());
    const Instant end = *record_.deletion_seen + std::chrono::seconds(grace_seconds);
    const bool is_in_rotation = pod_.annotation(rotation_annotation) == "true";
    if (is_in_rotation && now < end) return CallAgain(end - now);

    // However late SIGTERM comes, a process gets a moment to obey.
    const Instant kill_at =
        grace_seconds == 0 ? now : std::max(end, now + world_.settings.kill_delay);
    for (const auto& [name, run] : runs_) {
        if (!run->is_stopping()) {
            tell(EventType::normal, "Killing", fmt::format("Stopping container {}", name));
        }
        run->stop(kill_at);
    }
    return CallAgain{};
}

Result<> PodWorker::publish_status() {
    json::Object status = pod_status(pod_, record_, waiting_, world_.loop.now());
    const json::Value* before = pod_.find("/status");
    if (before != nullptr && json::same(*before, status)) return {};
    Object changed = pod_;
    changed.put("/status", std::move(status));
    // The node alone writes what it writes here; somebody else's change elsewhere is no conflict.
    changed.erase("/metadata/resourceVersion");
    SERIN_TRY(pod_, world_.store.update(std::move(changed), Part::status));
    return {};
}

void PodWorker::on_exit(ContainerRecord& container, const ExitStatus& status) {
    ExitRecord exit{.code = status.code, .signal = status.signal};
    if (!status.is_known) {
        exit.code = 137;
        exit.reason = "ContainerStatusUnknown";
        exit.message =
            "the process ended while serin was not its parent or not running: its exit code is "
            "unknown";
        // Nobody ended its process group with it.
        const std::string owner = fmt::format("{}/{}", record_.uid, container.name);
        for (const ProcessId& left : processes_with(std::string(container_variable), owner)) {
            kill(left.pid, SIGKILL);
        }
    } else {
        exit.reason = status.code == 0 ? "Completed" : "Error";
    }
    log::info(
        "container_ended",
        {{"pod", record_.name},
         {"container", container.name},
         {"code", exit.code},
         {"reason", exit.reason}});
    note_exit(container, std::move(exit));
    if (const auto run = runs_.find(container.name); run != runs_.end()) {
        ended_runs_.push_back(std::move(run->second));
        runs_.erase(run);
    }
    if (Result<> saved = save(); !saved) {
        log::error("pod_not_saved", {{"pod", record_.name}, {"error", saved.error().message}});
    }
    world_.request_turn(pod_.key());
}

// As a kubelet does, the first restart comes at once; each later one waits twice as long.
void PodWorker::note_exit(ContainerRecord& container, ExitRecord exit) {
    const NodeSettings& settings = world_.settings;
    exit.started = container.started;
    exit.finished = world_.loop.now();
    exit.run = container.run;
    const bool is_forgiven = exit.finished - exit.started >= settings.backoff_reset;
    if (is_forgiven || container.run == 0) {
        container.backoff = Duration{0};
    } else {
        container.backoff = container.backoff == Duration{0}
                                ? settings.backoff_first
                                : std::min(2 * container.backoff, settings.backoff_most);
    }
    container.exit = std::move(exit);
    container.process = {};
    container.is_ready = false;
    container.has_started = false;
    is_saved_ = false;
}

void PodWorker::restart(
    ContainerRecord& container, const std::string& message, Duration grace_period) {
    const auto run = runs_.find(container.name);
    if (run == runs_.end() || run->second->is_stopping()) return;
    tell(EventType::normal, "Killing", message);
    container.is_ready = false;
    is_saved_ = false;
    run->second->stop(world_.loop.now() + grace_period);
    world_.request_turn(pod_.key());
}

Duration PodWorker::grace() const {
    return std::chrono::seconds(pod_.integer("/spec/terminationGracePeriodSeconds", 30));
}

const json::Object* PodWorker::spec_of(std::string_view container) const {
    for (const std::string_view list : {"initContainers", "containers"}) {
        for (const json::Value& spec : containers_of(pod_, list)) {
            if (json::text(json::find(spec, "/name")) == container) return spec.if_object();
        }
    }
    return nullptr;
}

void PodWorker::wake_at(Instant at) {
    wake_ = std::min(wake_.value_or(at), at);
}

void PodWorker::tell(EventType type, std::string_view reason, const std::string& message) {
    world_.events.record(pod_, type, reason, message);
}

std::string PodWorker::file() const {
    return pod_folder(world_.settings, record_.uid) + "/pod.json";
}

Result<> PodWorker::save() {
    std::error_code error;
    std::filesystem::create_directories(pod_folder(world_.settings, record_.uid), error);
    if (error) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "create {}: {}", pod_folder(world_.settings, record_.uid), error.message()));
    }
    SERIN_TRY_DO(write_record(file(), record_));
    is_saved_ = true;
    return {};
}

}  // namespace serin::node
