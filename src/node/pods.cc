#include "node/pods.h"

#include "base/log.h"
#include "node/log_files.h"
#include "node/pod_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace serin::node {

namespace {

constexpr Duration retry_delay{1'000};

}  // namespace

Pods::Pods(
    EventLoop& loop,
    ObjectStore& store,
    HttpClient& http,
    EventRecorder& events,
    const NodeSettings& settings)
    : loop_(loop),
      store_(store),
      settings_(settings),
      addresses_({.port_first = settings.port_first, .port_last = settings.port_last}),
      world_{
          .loop = loop,
          .store = store,
          .http = http,
          .events = events,
          .settings = settings,
          .addresses = addresses_,
          .request_turn = [this](const ObjectKey& key) { request_turn(key); }},
      reaper_(loop, settings, [this](const std::string& uid) { addresses_.release(uid); }) {}

Result<> Pods::start() {
    std::error_code error;
    std::filesystem::create_directories(settings_.state_dir + "/pods", error);
    if (error) {
        return fail(
            ErrorKind::unavailable,
            fmt::format("create {}/pods: {}", settings_.state_dir, error.message()));
    }
    SERIN_TRY(const ObjectList known, store_.list({.type = &types::pod()}));
    // All addresses in use are known before the first one is given out.
    for (const Object& pod : known.items) worker_of(pod);
    reap_unknown(known.items);
    for (const Object& pod : known.items) request_turn(pod.key());
    watch_over();
    return {};
}

void Pods::reap_unknown(const std::vector<Object>& known) {
    std::set<std::string, std::less<>> uids;
    for (const Object& pod : known) uids.insert(std::string(pod.uid()));
    std::error_code error;
    std::filesystem::directory_iterator entry(settings_.state_dir + "/pods", error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string uid = entry->path().filename();
        if (uids.contains(uid)) continue;
        // Until it is gone its ports are its own.
        if (const auto record = read_record(entry->path().string() + "/pod.json")) {
            addresses_.reserve(uid, record->ip, record->ports);
        }
        reaper_.reap(uid);
    }
}

std::vector<Trigger> Pods::triggers() const {
    const auto waiting_pods = [this](const Object& source) {
        std::vector<ObjectKey> keys;
        for (const auto& [key, uid] : uids_) {
            const auto worker = workers_.find(uid);
            if (key.ns == source.ns() && worker != workers_.end() &&
                worker->second.pod->is_waiting_for_config()) {
                keys.push_back(key);
            }
        }
        return keys;
    };
    return {
        on_change_of(types::pod()),
        {&types::config_map(), waiting_pods},
        {&types::secret(), waiting_pods}};
}

PodWorker& Pods::worker_of(const Object& pod) {
    const std::string uid(pod.uid());
    Worker& worker = workers_[uid];
    if (!worker.pod) {
        worker.pod = std::make_unique<PodWorker>(world_, pod);
        uids_[pod.key()] = uid;
    }
    return *worker.pod;
}

PodWorker* Pods::find(const ObjectKey& key) {
    const auto uid = uids_.find(key);
    return uid == uids_.end() ? nullptr : workers_.at(uid->second).pod.get();
}

Result<CallAgain> Pods::reconcile(const ObjectKey& key) {
    const Result<Object> pod = store_.get(key);
    if (!pod && pod.error().kind != ErrorKind::not_found) return std::unexpected(pod.error());

    const auto known = uids_.find(key);
    const bool is_gone = known != uids_.end() && (!pod || pod->uid() != known->second);
    if (is_gone) {
        const std::string uid = known->second;
        let_go(uid);
    }
    if (!pod) return CallAgain{};
    return worker_of(*pod).turn(*pod);
}

// The object is gone; so must be its processes and its folder.
void Pods::let_go(const std::string& uid) {
    std::erase_if(uids_, [&](const auto& entry) { return entry.second == uid; });
    workers_.erase(uid);
    reaper_.reap(uid);
}

void Pods::request_turn(const ObjectKey& key) {
    soon_[key] = loop_.after(Duration{0}, [this, key] { turn_now(key); });
}

// Turns that processes ask for do not come through the manager, so they are retried here.
void Pods::turn_now(ObjectKey key) {
    soon_.erase(key);
    const Result<CallAgain> done = reconcile(key);
    CallAgain again;
    if (done) {
        again = *done;
    } else {
        log::warning("pod_turn_failed", {{"pod", key.name}, {"error", done.error().message}});
        again = done.error().kind == ErrorKind::conflict ? Duration{0} : retry_delay;
    }
    const auto uid = uids_.find(key);
    if (uid == uids_.end()) return;
    workers_.at(uid->second).retry =
        again ? loop_.after(*again, [this, key] { turn_now(key); }) : nullptr;
}

Result<std::unique_ptr<LogSource::Reading>> Pods::open(
    const LogQuery& query, OnChunk on_chunk, OnEnd on_end) {
    const ObjectKey key{.type = &types::pod(), .ns = query.ns, .name = query.pod};
    SERIN_TRY(const Object pod, store_.get(key));
    const PodWorker* worker = find(key);

    std::vector<std::string> names;
    for (const std::string_view list : {"containers", "initContainers"}) {
        for (const json::Value& spec : containers_of(pod, list)) {
            if (query.container.empty() && list == "initContainers") continue;
            names.emplace_back(json::text(json::find(spec, "/name")).value_or(""));
        }
    }
    if (query.container.empty() && names.size() != 1) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "a container name must be specified for pod {}, choose one of: [{}]",
                query.pod,
                fmt::join(names, " ")));
    }
    const std::string container = query.container.empty() ? names.front() : query.container;
    if (std::ranges::find(names, container) == names.end()) {
        return fail(
            ErrorKind::invalid,
            fmt::format("container {} is not valid for pod {}", container, query.pod));
    }
    const ContainerRecord* record = worker == nullptr ? nullptr : worker->record().find(container);
    if (record == nullptr || record->is_new()) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "container \"{}\" in pod \"{}\" is waiting to start", container, query.pod));
    }
    if (query.is_previous && record->run == 0) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "previous terminated container \"{}\" in pod \"{}\" not found",
                container,
                query.pod));
    }
    const int run = query.is_previous ? record->run - 1 : record->run;
    const std::string uid(pod.uid());
    return read_log(
        loop_,
        {.path = log_path(pod_folder(settings_, uid), container, run),
         .query = query,
         .poll = settings_.log_poll,
         .is_over =
             [this, key, container, run] {
                 const PodWorker* now = find(key);
                 const ContainerRecord* one =
                     now == nullptr ? nullptr : now->record().find(container);
                 return one == nullptr || !one->is_running() || one->run != run;
             }},
        std::move(on_chunk),
        std::move(on_end));
}

// Looks after logs and resource use of everything that runs, from time to time.
void Pods::watch_over() {
    const Instant now = loop_.now();
    const LogLimits limits{
        .bytes_max = settings_.log_bytes_max, .files_max = settings_.log_files_max};
    std::vector<UsageMeter::Pod> running;
    for (const auto& [uid, worker] : workers_) {
        const PodRecord& record = worker.pod->record();
        UsageMeter::Pod pod{.uid = uid, .ns = record.ns, .name = record.name, .processes = {}};
        for (const ContainerRecord& container : record.containers) {
            if (!container.is_running()) continue;
            pod.processes.push_back(container.process);
            tend_log(
                log_path(pod_folder(settings_, uid), container.name, container.run), limits, now);
        }
        if (!pod.processes.empty()) running.push_back(std::move(pod));
    }
    meter_.sample(running, now);
    watch_timer_ = loop_.after(settings_.watch_interval, [this] { watch_over(); });
}

}  // namespace serin::node
