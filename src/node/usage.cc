#include "node/usage.h"

#include "node/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>
#include <unistd.h>

namespace serin::node {

namespace {

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// The fields of /proc/<pid>/stat after the name: state is [0], utime [11], rss [21].
std::vector<std::string_view> stat_fields(const std::string& text) {
    std::vector<std::string_view> fields;
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return fields;
    std::string_view rest = std::string_view(text).substr(name_end + 1);
    while (!rest.empty()) {
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        const size_t end = std::min(rest.find(' '), rest.size());
        if (end > 0) fields.push_back(rest.substr(0, end));
        rest.remove_prefix(end);
    }
    return fields;
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    // Children of the main thread's; other threads of servers rarely start processes.
    const auto text = read_file(fmt::format("/proc/{}/task/{}/children", pid, pid));
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        const size_t end = std::min(rest.find(' '), rest.size());
        if (end > 0) children.push_back(static_cast<pid_t>(number(rest.substr(0, end))));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return children;
}

}  // namespace

TreeSample sample_tree(const ProcessId& root) {
    constexpr size_t processes_max = 4096;
    TreeSample sum;
    if (find_process(root.pid) != root) return sum;
    const std::int64_t page_bytes = sysconf(_SC_PAGESIZE);
    std::vector<pid_t> tree{root.pid};
    for (size_t i = 0; i < tree.size() && i < processes_max; ++i) {
        const pid_t pid = tree[i];
        const auto text = read_file(fmt::format("/proc/{}/stat", pid));
        if (!text) continue;
        const std::vector<std::string_view> fields = stat_fields(*text);
        if (fields.size() < 22) continue;
        // Own user and system time, and that of children that have ended.
        for (size_t field = 11; field <= 14; ++field) sum.cpu_ticks += number(fields[field]);
        sum.memory_bytes += number(fields[21]) * page_bytes;
        std::ranges::copy(children_of(pid), std::back_inserter(tree));
    }
    return sum;
}

void UsageMeter::sample(const std::vector<Pod>& pods, Instant now) {
    const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    std::map<std::string, Before> next;
    latest_.clear();
    for (const Pod& pod : pods) {
        TreeSample sum;
        for (const ProcessId& process : pod.processes) {
            const TreeSample one = sample_tree(process);
            sum.cpu_ticks += one.cpu_ticks;
            sum.memory_bytes += one.memory_bytes;
        }
        PodUsage usage{.ns = pod.ns, .pod = pod.name, .memory_bytes = sum.memory_bytes};
        if (const auto before = before_.find(pod.uid); before != before_.end()) {
            const std::chrono::duration<double> passed = now - before->second.at;
            // A process that ended took its ticks with it: no use is below zero.
            const auto ticks = static_cast<double>(
                std::max<std::int64_t>(sum.cpu_ticks - before->second.cpu_ticks, 0));
            if (passed.count() > 0) usage.cpu_cores = ticks / ticks_per_second / passed.count();
        }
        next[pod.uid] = {.cpu_ticks = sum.cpu_ticks, .at = now};
        latest_.push_back(std::move(usage));
    }
    before_ = std::move(next);
    std::ranges::sort(
        latest_, {}, [](const PodUsage& usage) { return std::tie(usage.ns, usage.pod); });
}

}  // namespace serin::node
