#include "node/reaper.h"

#include "base/log.h"
#include "node/pod_worker.h"
#include "node/record.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <utility>

namespace serin::node {

namespace {

constexpr Duration look_interval{50};

}  // namespace

Reaper::Reaper(
    EventLoop& loop,
    const NodeSettings& settings,
    std::function<void(const std::string&)> on_reaped)
    : loop_(loop), settings_(settings), on_reaped_(std::move(on_reaped)) {}

void Reaper::reap(const std::string& uid) {
    if (pods_.contains(uid)) return;
    Pod& pod = pods_[uid];
    pod.kill_at = loop_.now() + settings_.kill_delay;
    const auto record = read_record(pod_folder(settings_, uid) + "/pod.json");
    if (record && record->boot_id == boot_id()) {
        for (const ContainerRecord& container : record->containers) {
            if (container.is_running()) pod.processes.push_back(container.process);
        }
    }
    for (const ProcessId& process : processes_with(std::string(pod_variable), uid)) {
        const bool is_listed = std::ranges::find(pod.processes, process) != pod.processes.end();
        if (!is_listed) pod.processes.push_back(process);
    }
    if (!pod.processes.empty()) {
        log::info("pod_reaped", {{"uid", uid}, {"processes", pod.processes.size()}});
    }
    for (const ProcessId& process : pod.processes) {
        // Leaders of groups take their group along; the others are named one by one.
        signal_group(process, SIGTERM);
        if (find_process(process.pid) == process) kill(process.pid, SIGTERM);
    }
    pod.timer = loop_.after(Duration{0}, [this, uid] { look(uid); });
}

void Reaper::look(const std::string& uid) {
    Pod& pod = pods_.at(uid);
    std::erase_if(
        pod.processes, [](const ProcessId& process) { return collect(process).has_value(); });
    if (!pod.processes.empty()) {
        if (loop_.now() >= pod.kill_at) {
            for (const ProcessId& process : pod.processes) {
                signal_group(process, SIGKILL);
                if (find_process(process.pid) == process) kill(process.pid, SIGKILL);
            }
        }
        pod.timer = loop_.after(look_interval, [this, uid] { look(uid); });
        return;
    }
    std::error_code error;
    std::filesystem::remove_all(pod_folder(settings_, uid), error);
    if (error) log::warning("pod_folder_left", {{"uid", uid}, {"error", error.message()}});
    pods_.erase(uid);
    on_reaped_(uid);
}

}  // namespace serin::node
