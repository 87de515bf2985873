#include "server/exposition.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace serin::server {

namespace {

std::string escape(std::string_view value) {
    std::string escaped;
    for (const char letter : value) {
        if (letter == '\n') {
            escaped += "\\n";
            continue;
        }
        if (letter == '"' || letter == '\\') escaped += '\\';
        escaped += letter;
    }
    return escaped;
}

}  // namespace

void Exposition::add(
    std::string_view name, Kind kind, std::string_view help, double value, const Labels& labels) {
    auto found = families_.find(name);
    if (found == families_.end()) {
        found = families_.emplace(name, Family{.kind = kind, .help = std::string(help)}).first;
    }
    std::vector<std::string> pairs;
    for (const auto& [label, text] : labels) {
        pairs.push_back(fmt::format("{}=\"{}\"", label, escape(text)));
    }
    const std::string inner = fmt::format("{}", fmt::join(pairs, ","));
    const std::string braces = inner.empty() ? "" : "{" + inner + "}";
    found->second.samples.push_back(fmt::format("{}{} {}", name, braces, value));
}

std::string Exposition::text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
        out += fmt::format("# HELP {} {}\n", name, family.help);
        out +=
            fmt::format("# TYPE {} {}\n", name, family.kind == Kind::counter ? "counter" : "gauge");
        for (const std::string& sample : family.samples) out += sample + "\n";
    }
    return out;
}

void add_process_metrics(Exposition& out) {
    using enum Exposition::Kind;
    std::ifstream statm("/proc/self/statm");
    std::int64_t total = 0;
    std::int64_t resident = 0;
    if (statm >> total >> resident) {
        const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
        out.add(
            "process_resident_memory_bytes",
            gauge,
            "Resident memory size in bytes.",
            static_cast<double>(resident) * page);
    }
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        out.add(
            "process_cpu_seconds_total",
            counter,
            "Total user and system CPU time spent in seconds.",
            seconds(usage.ru_utime) + seconds(usage.ru_stime));
    }
    std::error_code error;
    std::int64_t open = 0;
    for (auto one = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && one != std::filesystem::directory_iterator();
         one.increment(error)) {
        ++open;
    }
    out.add(
        "process_open_fds", gauge, "Number of open file descriptors.", static_cast<double>(open));
}

}  // namespace serin::server
