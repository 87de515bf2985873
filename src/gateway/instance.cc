#include "gateway/instance.h"

#include "base/log.h"
#include "gateway/observe.h"
#include "gateway/rescue.h"
#include "gateway/user_key.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sys/stat.h>

namespace serin::gateway {
namespace {

namespace fs = std::filesystem;

constexpr Duration patience{500};

Result<> write_file(const std::string& path, std::string_view content) {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd) return fail(ErrorKind::unavailable, "cannot write " + path);
    while (!content.empty()) {
        const ssize_t written = write(fd.get(), content.data(), content.size());
        if (written <= 0) return fail(ErrorKind::unavailable, "cannot write " + path);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<> make_folder(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return fail(ErrorKind::unavailable, path + ": " + error.message());
    chmod(path.c_str(), 0700);
    return {};
}

std::string read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string namespace_of(const std::string& backend) {
    return backend.substr(0, backend.find('.'));
}

}  // namespace

Result<std::unique_ptr<Instance>> Instance::start(
    const std::string& binary,
    const std::string& folder,
    int number,
    const RoutingTable& table,
    const std::map<std::string, Ranges>& splits,
    const Listeners& listeners) {
    auto instance =
        std::unique_ptr<Instance>(new Instance(folder + "/" + std::to_string(number), number));
    const std::string& dir = instance->dir_;
    std::error_code ignored;
    fs::remove_all(dir, ignored);
    SERIN_TRY_DO(make_folder(dir + "/maps"));
    SERIN_TRY_DO(make_folder(dir + "/certs"));
    SERIN_TRY_DO(make_folder(dir));

    Place place{.dir = dir};
    json::Object binds;
    std::vector<int> inherited;
    for (const auto& [name, socket] : listeners.sockets()) {
        place.binds[name] = "fd@" + std::to_string(socket.get());
        binds[name] = socket.get();
        inherited.push_back(socket.get());
    }
    const bool has_users = std::ranges::any_of(table.rules, [](const auto& rule) {
        return rule.second.observed.user_in != Observed::UserIn::nowhere;
    });
    if (has_users) {
        SERIN_TRY(place.user_key, user_key(folder));
    }
    Rendering rendering = render(table, splits, place);
    for (const File& file : rendering.files) {
        SERIN_TRY_DO(write_file(dir + "/" + file.name, file.content));
    }
    const json::Object note{{"fingerprint", rendering.fingerprint}, {"binds", binds}};
    SERIN_TRY_DO(write_file(dir + "/instance.json", json::print(note)));
    instance->fingerprint_ = rendering.fingerprint;
    instance->owners_ = std::move(rendering.owners);
    // Until it can be asked: requests may reach these pods as soon as it accepts.
    for (const auto& [name, backend] : table.backends) {
        for (const auto& [server, endpoint] : backend.endpoints) {
            instance->servers_[name][server] = {.address = endpoint.address, .port = endpoint.port};
        }
    }
    // -db: in the foreground, one process. Not -q: it would hide what is wrong with the files.
    SERIN_TRY(
        instance->process_,
        start_process(
            {binary, "-db", "-f", dir + "/haproxy.cfg"}, inherited, dir + "/haproxy.log"));
    return instance;
}

Result<std::unique_ptr<Instance>> Instance::adopt(
    const std::string& folder, int number, Listeners& listeners) {
    auto instance =
        std::unique_ptr<Instance>(new Instance(folder + "/" + std::to_string(number), number));
    SERIN_TRY_DO(instance->connect());
    SERIN_TRY(const std::string info, instance->command("show info"));
    const std::string_view pid_text = info_value(info, "Pid");
    int pid = 0;
    std::from_chars(pid_text.data(), pid_text.data() + pid_text.size(), pid);
    SERIN_TRY(instance->process_, find_process(pid));
    if (info_value(info, "Stopping") == "1") {
        instance->phase_ = Phase::stopping;
        return instance;
    }
    SERIN_TRY(const json::Value note, json::parse(read_whole(instance->dir_ + "/instance.json")));
    instance->fingerprint_ = json::text(json::find(note, "/fingerprint")).value_or("");
    if (const json::Object* binds = json::object(json::find(note, "/binds"))) {
        for (const auto& [name, fd] : *binds) {
            Result<UniqueFd> copy = copy_descriptor(
                instance->process_, static_cast<int>(json::integer(&fd).value_or(-1)));
            if (!copy || !listeners.adopt(std::string(name), *std::move(copy))) {
                log::warning("listener_not_adopted", {{"listener", std::string_view(name)}});
                instance->has_kept_listeners_ = true;
            }
        }
    }
    return instance;
}

Result<std::string> Instance::command(const std::string& line) {
    if (!socket_) return fail(ErrorKind::unavailable, "no connection to HAProxy");
    return socket_->command(line);
}

Result<> Instance::connect() {
    SERIN_TRY(RuntimeSocket socket, RuntimeSocket::open(socket_path(), patience));
    socket_ = std::make_unique<RuntimeSocket>(std::move(socket));
    SERIN_TRY_DO(refresh(std::numeric_limits<std::size_t>::max()));
    if (phase_ == Phase::starting) phase_ = Phase::serving;
    return {};
}

Result<> Instance::refresh(std::size_t splits_max) {
    SERIN_TRY(const std::string backends, command("show backend"));
    SERIN_TRY(const std::string state, command("show servers state"));
    std::map<std::string, SeenServers> servers = parse_servers_state(state);
    for (const std::string& name : parse_backends(backends)) servers.try_emplace(name);
    // Their servers are listeners of the process itself and stay as long as it does.
    std::erase_if(servers, [](const auto& item) { return is_rescue_backend(item.first); });
    servers_ = std::move(servers);
    std::erase_if(drains_, [&](const auto& drain) {
        const std::size_t slash = drain.first.find('/');
        const auto backend = servers_.find(drain.first.substr(0, slash));
        return backend == servers_.end() ||
               !backend->second.contains(drain.first.substr(slash + 1));
    });

    if (splits_.empty()) {
        SERIN_TRY(const std::string maps, command("show map"));
        for (const std::string& path : parse_map_paths(maps)) {
            std::string rule = fs::path(path).stem().string();
            std::ranges::replace(rule, '_', '/');
            splits_[rule];
        }
    }
    splits_max = std::min(splits_max, splits_.size());
    for (auto split = splits_.upper_bound(last_refreshed_); splits_max > 0; --splits_max, ++split) {
        if (split == splits_.end()) split = splits_.begin();
        SERIN_TRY(const std::string shown, command("show map " + map_path(dir_, split->first)));
        split->second = parse_ranges(shown);
        last_refreshed_ = split->first;
    }
    return {};
}

Result<> Instance::follow(
    const RoutingTable& table, const std::map<std::string, Ranges>& splits, Instant now) {
    SERIN_TRY_DO(add_missing_servers(table));
    for (const auto& [rule, ranges] : splits) SERIN_TRY_DO(follow_split(rule, ranges));
    return remove_unwanted_servers(table, now);
}

Result<> Instance::add_missing_servers(const RoutingTable& table) {
    for (const auto& [name, backend] : table.backends) {
        const auto known = servers_.find(name);
        if (known == servers_.end()) continue;  // Comes with the next process.
        for (const auto& [server, endpoint] : backend.endpoints) {
            const auto seen = known->second.find(server);
            if (seen == known->second.end()) {
                SERIN_TRY_DO(add_server(name, endpoint));
            } else if (is_wanted(table, name, server, seen->second) && seen->second.is_draining) {
                SERIN_TRY_DO(command("set server " + name + "/" + server + " state ready"));
                seen->second.is_draining = false;
                seen->second.is_in_maintenance = false;
                drains_.erase(name + "/" + server);
            }
        }
    }
    return {};
}

Result<> Instance::add_server(const std::string& backend, const Endpoint& endpoint) {
    SeenServers& servers = servers_[backend];
    int id = 0;
    for (const auto& [name, seen] : servers) id = std::max(id, seen.id);
    ++id;  // Explicit: without an id 2.6 may leave the second server of a backend without traffic.
    const std::string name = backend + "/" + endpoint.server;
    SERIN_TRY(
        const std::string answer,
        command("add server " + name + " " + server_parameters(endpoint, id)));
    if (!answer.contains("New server registered")) {
        log::warning("server_not_added", {{"server", name}, {"answer", answer}});
        return refresh(0);
    }
    SERIN_TRY_DO(command("enable health " + name));
    SERIN_TRY_DO(command("enable server " + name));
    servers[endpoint.server] = {.address = endpoint.address, .port = endpoint.port, .id = id};
    return {};
}

Result<> Instance::follow_split(const std::string& rule, const Ranges& ranges) {
    if (!knows(rule, ranges) || splits_.at(rule) == ranges) return {};
    return write_split(rule, ranges);
}

// The new table becomes visible to requests as a whole, with the commit.
Result<> Instance::write_split(const std::string& rule, const Ranges& ranges) {
    const std::string path = map_path(dir_, rule);
    SERIN_TRY(const std::string prepared, command("prepare map " + path));
    const std::optional<std::int64_t> version = parse_version(prepared);
    if (!version) return fail(ErrorKind::internal, path + ": " + prepared);

    const std::string target = " map @" + std::to_string(*version) + " " + path;
    for (const Range& range : ranges) {
        SERIN_TRY_DO(command(
            "add" + target + " " + std::to_string(range.first) + ":" + std::to_string(range.last) +
            " " + range.backend));
    }
    SERIN_TRY_DO(command("commit" + target));
    SERIN_TRY(const std::string shown, command("show map " + path));
    splits_[rule] = parse_ranges(shown);
    if (splits_[rule] != ranges) {
        return fail(ErrorKind::unavailable, "HAProxy did not take the split of " + rule);
    }
    return {};
}

bool Instance::is_wanted(
    const RoutingTable& table,
    const std::string& backend,
    const std::string& server,
    const SeenServer& seen) const {
    const auto pod = table.pods.find(pod_identity(namespace_of(backend), server));
    const bool may_serve = pod != table.pods.end() && pod->second.may_serve;
    const auto wanted = table.backends.find(backend);
    // No rule names the backend any more, but this process may still have requests for it.
    if (wanted == table.backends.end()) return may_serve && pod->second.address == seen.address;
    const auto endpoint = wanted->second.endpoints.find(server);
    return endpoint != wanted->second.endpoints.end() && endpoint->second.address == seen.address &&
           endpoint->second.port == seen.port;
}

Result<> Instance::remove_unwanted_servers(const RoutingTable& table, Instant now) {
    for (auto& [backend, servers] : servers_) {
        std::optional<std::map<std::string, std::int64_t>> in_flight;
        for (auto item = servers.begin(); item != servers.end();) {
            auto& [server, seen] = *item;
            if (is_wanted(table, backend, server, seen)) {
                ++item;
                continue;
            }
            if (!seen.is_draining) {
                SERIN_TRY_DO(command("set server " + backend + "/" + server + " state drain"));
                seen.is_draining = true;
            }
            if (!in_flight) {
                SERIN_TRY(const std::string stat, command("show stat " + backend + " 4 -1"));
                in_flight = parse_in_flight(stat);
            }
            SERIN_TRY(
                const bool removed,
                remove_server(table, backend, server, (*in_flight)[server], now));
            item = removed ? servers.erase(item) : std::next(item);
        }
    }
    return {};
}

// Waits for the requests in flight. They are cut when the pod is going away and its time is nearly
// over, or is gone already; a pod that merely left a Service finishes them however long they take.
Result<bool> Instance::remove_server(
    const RoutingTable& table,
    const std::string& backend,
    const std::string& server,
    std::int64_t in_flight,
    Instant now) {
    const std::string name = backend + "/" + server;
    Drain& drain = drains_[name];
    const auto pod = table.pods.find(pod_identity(namespace_of(backend), server));
    if (!drain.cut_at) {
        if (pod == table.pods.end())
            drain.cut_at = now;
        else if (pod->second.grace)
            drain.cut_at = now + *pod->second.grace * 9 / 10;
    }
    const bool is_cut = drain.cut_at && now >= *drain.cut_at;
    if (in_flight > 0 && !is_cut) return false;
    if (in_flight > 0) {
        log::warning("requests_cut", {{"server", name}, {"requests", in_flight}});
        SERIN_TRY_DO(command("shutdown sessions server " + name));
    }
    SERIN_TRY_DO(command("set server " + name + " state maint"));
    SERIN_TRY(const std::string answer, command("del server " + name));
    if (!answer.contains("Server deleted")) return false;  // A request came in between: once more.
    drains_.erase(name);
    return true;
}

bool Instance::knows(const std::string& rule, const Ranges& ranges) const {
    return splits_.contains(rule) && std::ranges::all_of(ranges, [&](const Range& range) {
               return servers_.contains(range.backend);
           });
}

bool Instance::confirms(const std::string& rule, const Ranges& ranges) const {
    const auto split = splits_.find(rule);
    return split != splits_.end() && split->second == ranges;
}

bool Instance::confirms(const Backend& backend) const {
    const auto known = servers_.find(backend.name);
    if (known == servers_.end()) return phase_ != Phase::serving;
    std::size_t confirmed = 0;
    for (const auto& [server, seen] : known->second) {
        if (seen.is_draining || seen.is_in_maintenance) continue;
        if (!backend.endpoints.contains(server)) return false;
        ++confirmed;
    }
    return confirmed == backend.endpoints.size();
}

void Instance::add_pods_in_use(std::set<std::string>& into) const {
    for (const auto& [backend, servers] : servers_) {
        for (const auto& [server, seen] : servers) {
            into.insert(pod_identity(namespace_of(backend), server));
        }
    }
}

bool Instance::is_draining() const {
    return !drains_.empty();
}

void Instance::stop_softly() {
    phase_ = Phase::stopping;
    signal_process(process_, SIGUSR1);
}

bool Instance::is_idle() {
    const Result<std::string> info = command("show info");
    if (!info) return true;
    const std::string_view text = info_value(*info, "Jobs");
    int jobs = 0;
    std::from_chars(text.data(), text.data() + text.size(), jobs);
    return jobs <= 2;  // This connection and the stream of records.
}

void Instance::let_go() {
    socket_.reset();
    servers_.clear();
    splits_.clear();
    drains_.clear();
}

void Instance::trim_log() const {
    constexpr off_t bytes_max = 1 << 20;
    const std::string path = dir_ + "/haproxy.log";
    struct stat file{};
    // HAProxy appends, so it goes on at the new end.
    if (stat(path.c_str(), &file) != 0 || file.st_size < bytes_max) return;
    static_cast<void>(!truncate(path.c_str(), 0));
}

void Instance::remove_files() const {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
}

Instance::Failure Instance::explain_failure() const {
    Failure failure;
    const std::string text = read_whole(dir_ + "/haproxy.log");
    const std::size_t alert = text.find("[ALERT]");
    failure.message = alert == std::string::npos
                          ? "HAProxy ended at its start: " + text.substr(0, 512)
                          : text.substr(alert, text.find('\n', alert) - alert);
    const std::string mark = "haproxy.cfg:";
    const std::size_t at = failure.message.find(mark);
    if (at == std::string::npos) return failure;
    std::size_t line = 0;
    std::from_chars(
        failure.message.data() + at + mark.size(),
        failure.message.data() + failure.message.size(),
        line);
    if (line >= 1 && line <= owners_.size()) failure.rule = owners_[line - 1];
    return failure;
}

}  // namespace serin::gateway
