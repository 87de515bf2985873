#include "node/process.h"

#include "node/files.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace serin::node {

namespace {

// What a child reports when it cannot become the program.
struct LaunchFailure {
    enum Step : int { directory, program };
    Step step = program;
    int error = 0;
};

struct Stat {
    char state = 0;
    pid_t group = 0;
    std::uint64_t start_time = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
    const Result<std::string> text = read_file(fmt::format("/proc/{}/stat", pid));
    if (!text) return std::nullopt;
    // The name in parentheses may hold anything, also parentheses.
    const size_t name_end = text->rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::vector<std::string_view> fields;
    std::string_view rest = std::string_view(*text).substr(name_end + 1);
    while (!rest.empty() && fields.size() < 20) {
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        const size_t end = std::min(rest.find(' '), rest.size());
        fields.push_back(rest.substr(0, end));
        rest.remove_prefix(end);
    }
    if (fields.size() < 20) return std::nullopt;
    Stat stat{.state = fields[0].empty() ? '\0' : fields[0][0]};
    std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), stat.group);
    std::from_chars(fields[19].data(), fields[19].data() + fields[19].size(), stat.start_time);
    return stat;
}

std::string find_program(const LaunchSpec& spec) {
    const std::string& name = spec.argv.front();
    if (name.contains('/')) return name;
    const auto path = spec.env.find("PATH");
    std::string_view folders = path == spec.env.end() ? "" : std::string_view(path->second);
    while (!folders.empty()) {
        const size_t end = std::min(folders.find(':'), folders.size());
        std::string candidate = fmt::format("{}/{}", folders.substr(0, end), name);
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
        folders.remove_prefix(std::min(end + 1, folders.size()));
    }
    return name;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// All the child needs, made before the fork: between fork and exec nothing may allocate or lock.
struct Child {
    const char* program = nullptr;
    char* const* argv = nullptr;
    char* const* env = nullptr;
    const char* directory = nullptr;
    int input = -1;
    int output = -1;
    int errors = -1;
    int go = -1;       // A byte means go; the end of the file means that the parent is gone.
    int failure = -1;  // Takes a LaunchFailure; closed by exec.
    std::uint64_t descriptors_max = 0;
    bool dies_with_parent = false;
    pid_t parent = 0;
};

[[noreturn]] void give_up(const Child& child, LaunchFailure::Step step) {
    const LaunchFailure failure{.step = step, .error = errno};
    static_cast<void>(!write(child.failure, &failure, sizeof(failure)));
    _exit(127);
}

[[noreturn]] void become_program(const Child& child) {
    setsid();
    sigset_t none;
    sigemptyset(&none);
    for (int signal = 1; signal < NSIG; ++signal) {
        if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (child.dies_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != child.parent) _exit(127);
    }
    char byte = 0;
    ssize_t got = 0;
    do got = read(child.go, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1) _exit(127);

    dup2(child.input, STDIN_FILENO);
    dup2(child.output, STDOUT_FILENO);
    dup2(child.errors, STDERR_FILENO);
    // Everything we have open is close-on-exec by intent; this also covers what libraries opened.
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    if (child.descriptors_max > 0) {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = std::min<rlim_t>(child.descriptors_max, limit.rlim_max);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (chdir(child.directory) != 0) give_up(child, LaunchFailure::directory);
    execve(child.program, child.argv, child.env);
    give_up(child, LaunchFailure::program);
}

// Clear of the standard streams, which may be closed: the child puts its own there, and would
// close what it still needs.
Result<FileDescriptor> above_standard(FileDescriptor fd, std::string_view what) {
    if (fd.is_open() && fd.get() <= STDERR_FILENO) {
        fd = FileDescriptor(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    }
    if (!fd.is_open()) {
        return fail(ErrorKind::unavailable, fmt::format("{}: {}", what, std::strerror(errno)));
    }
    return fd;
}

Result<std::array<FileDescriptor, 2>> open_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail(ErrorKind::unavailable, fmt::format("pipe: {}", std::strerror(errno)));
    }
    FileDescriptor one(ends[0]);
    FileDescriptor other(ends[1]);
    SERIN_TRY(FileDescriptor reading, above_standard(std::move(one), "pipe"));
    SERIN_TRY(FileDescriptor writing, above_standard(std::move(other), "pipe"));
    return std::array{std::move(reading), std::move(writing)};
}

Result<FileDescriptor> open_null() {
    return above_standard(FileDescriptor(open("/dev/null", O_RDWR | O_CLOEXEC)), "open /dev/null");
}

// A copy, as the caller's own may have the number of a standard stream.
Result<FileDescriptor> copy_stream(int fd) {
    return above_standard(
        FileDescriptor(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)), "a standard stream");
}

// Exec follows within milliseconds; a disk that hangs must not hang the loop with it.
constexpr int exec_patience_ms = 2000;

std::optional<LaunchFailure> read_failure(int fd) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, exec_patience_ms) != 1) return std::nullopt;
    LaunchFailure failure;
    if (read(fd, &failure, sizeof(failure)) != sizeof(failure)) return std::nullopt;
    return failure;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

void FileDescriptor::reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

int FileDescriptor::release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
}

std::string boot_id() {
    Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id");
    if (!text) return "";
    while (!text->empty() && text->back() == '\n') text->pop_back();
    return *text;
}

std::optional<ProcessId> find_process(pid_t pid) {
    const auto stat = read_stat(pid);
    if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
    return ProcessId{.pid = pid, .start_time = stat->start_time};
}

Result<ProcessId> launch(const LaunchSpec& spec) {
    if (spec.argv.empty()) return fail(ErrorKind::invalid, "the command is empty");
    std::vector<std::string> argv = spec.argv;
    std::vector<std::string> env;
    for (const auto& [name, value] : spec.env) env.push_back(fmt::format("{}={}", name, value));
    const std::vector<char*> argv_pointers = pointers_to(argv);
    const std::vector<char*> env_pointers = pointers_to(env);
    const std::string program = find_program(spec);
    SERIN_TRY(const FileDescriptor input, spec.input < 0 ? open_null() : copy_stream(spec.input));
    SERIN_TRY(
        const FileDescriptor output, spec.output < 0 ? open_null() : copy_stream(spec.output));
    const int wanted_errors = spec.errors < 0 ? output.get() : spec.errors;
    SERIN_TRY(const FileDescriptor errors, copy_stream(wanted_errors));
    SERIN_TRY(auto go, open_pipe());
    SERIN_TRY(auto failure, open_pipe());

    const Child child{
        .program = program.c_str(),
        .argv = argv_pointers.data(),
        .env = env_pointers.data(),
        .directory = spec.directory.c_str(),
        .input = input.get(),
        .output = output.get(),
        .errors = errors.get(),
        .go = go[0].get(),
        .failure = failure[1].get(),
        .descriptors_max = spec.descriptors_max,
        .dies_with_parent = spec.dies_with_parent,
        .parent = getpid()};
    // The child's copy of our end of the pipe would hide our death from it.
    const int our_end = go[1].get();
    // Our handlers must not run in the child, where their pipes are still ours.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) {
        close(our_end);
        become_program(child);
    }
    const int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
        return fail(ErrorKind::unavailable, fmt::format("fork: {}", std::strerror(fork_error)));
    }
    failure[1].reset();

    const auto stat = read_stat(pid);
    const ProcessId process{.pid = pid, .start_time = stat ? stat->start_time : 0};
    if (spec.persist) {
        if (Result<> kept = spec.persist(process); !kept) {
            go[1].reset();
            waitpid(pid, nullptr, 0);
            return std::unexpected(kept.error());
        }
    }
    static_cast<void>(!write(go[1].get(), "g", 1));
    if (const auto failed = read_failure(failure[0].get())) {
        waitpid(pid, nullptr, 0);
        const bool is_directory = failed->step == LaunchFailure::directory;
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "cannot {} {}: {}",
                is_directory ? "enter the folder" : "execute",
                is_directory ? spec.directory : program,
                std::strerror(failed->error)));
    }
    return process;
}

Result<FileDescriptor> watch_process(const ProcessId& process) {
    FileDescriptor fd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
    if (!fd.is_open()) {
        if (errno == ESRCH || errno == EINVAL) {
            return fail(ErrorKind::not_found, fmt::format("process {} has ended", process.pid));
        }
        return fail(
            ErrorKind::unavailable,
            fmt::format("watch process {}: {}", process.pid, std::strerror(errno)));
    }
    // Compared after opening: from here on the descriptor means this process and no later one.
    const auto stat = read_stat(process.pid);
    if (!stat || stat->start_time != process.start_time) {
        return fail(ErrorKind::not_found, fmt::format("process {} has ended", process.pid));
    }
    return fd;
}

std::optional<ExitStatus> collect(const ProcessId& process) {
    const auto stat = read_stat(process.pid);
    const bool is_ours = stat && stat->start_time == process.start_time;
    if (is_ours && stat->state != 'Z' && stat->state != 'X') return std::nullopt;
    // Before the zombie is taken away, so that its number still means this group.
    if (is_ours) kill(-process.pid, SIGKILL);

    int status = 0;
    if (!is_ours || waitpid(process.pid, &status, WNOHANG) != process.pid) return ExitStatus{};
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        return ExitStatus{.is_known = true, .code = 128 + signal, .signal = signal};
    }
    return ExitStatus{.is_known = true, .code = WEXITSTATUS(status), .signal = 0};
}

void signal_group(const ProcessId& process, int signal) {
    const auto stat = read_stat(process.pid);
    if (stat && stat->start_time == process.start_time) kill(-process.pid, signal);
}

Result<Whereabouts> whereabouts_of(const ProcessId& process) {
    std::error_code error;
    Whereabouts found{
        .env = {},
        .directory =
            std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", process.pid), error)};
    const Result<std::string> env = read_file(fmt::format("/proc/{}/environ", process.pid));
    // Asked last: what was read is of this process only if it is still there.
    if (error || !env || find_process(process.pid) != process) {
        return fail(ErrorKind::not_found, fmt::format("process {} has ended", process.pid));
    }
    std::string_view rest = *env;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\0'), rest.size());
        const std::string_view entry = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const size_t equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        found.env.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return found;
}

std::vector<ProcessId> processes_with(const std::string& variable, const std::string& value) {
    // Entries end with a zero byte and, but for the first, follow one.
    const std::string entry = fmt::format("{}={}", variable, value) + '\0';
    std::vector<ProcessId> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
    if (!proc) return found;
    while (const dirent* item = readdir(proc.get())) {
        pid_t pid = 0;
        const char* end = item->d_name + std::strlen(item->d_name);
        if (std::from_chars(item->d_name, end, pid).ptr != end || pid == getpid()) continue;
        const Result<std::string> env = read_file(fmt::format("/proc/{}/environ", pid));
        if (!env) continue;
        const size_t at = env->find(entry);
        if (at == std::string::npos || (at > 0 && (*env)[at - 1] != '\0')) continue;
        if (const auto process = find_process(pid)) found.push_back(*process);
    }
    return found;
}

}  // namespace serin::node
