#include "gateway/process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace serin::gateway {
namespace {

// Clear of the standard streams, which may be closed: the child puts its own there, and would close
// what it still needs.
UniqueFd above_standard(int fd) {
    UniqueFd given(fd);
    if (fd < 0 || fd > STDERR_FILENO) return given;
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

UniqueFd open_handle(int pid) {
    return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

// Between fork and exec: only async-signal-safe calls. Reports errno through `report`.
[[noreturn]] void become(
    char* const* arguments, const std::vector<int>& inherited, int log, int null, int report) {
    setsid();
    // Lets our successor after a crash copy the listening sockets (copy_descriptor).
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (const int fd : inherited) fcntl(fd, F_SETFD, 0);
    execvp(arguments[0], arguments);
    const int error = errno;
    static_cast<void>(!write(report, &error, sizeof(error)));
    _exit(127);
}

}  // namespace

Result<Process> start_process(
    const std::vector<std::string>& command,
    const std::vector<int>& inherited,
    const std::string& log_path) {
    const UniqueFd log =
        above_standard(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const UniqueFd null = above_standard(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int ends[2] = {-1, -1};
    if (!log || !null || pipe2(ends, O_CLOEXEC) != 0) {
        return fail(ErrorKind::unavailable, log_path + ": " + std::strerror(errno));
    }
    const UniqueFd reading = above_standard(ends[0]);
    UniqueFd writing = above_standard(ends[1]);
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    const pid_t pid = fork();
    if (pid < 0) return fail(ErrorKind::unavailable, std::strerror(errno));
    if (pid == 0) become(arguments.data(), inherited, log.get(), null.get(), writing.get());

    writing = UniqueFd();
    int error = 0;
    ssize_t got = 0;
    do got = read(reading.get(), &error, sizeof(error));
    while (got < 0 && errno == EINTR);
    if (got == sizeof(error)) {
        waitpid(pid, nullptr, 0);
        return fail(
            ErrorKind::unavailable, "cannot run " + command[0] + ": " + std::strerror(error));
    }
    return Process{.pid = pid, .handle = open_handle(pid)};
}

Result<Process> find_process(int pid) {
    Process process{.pid = pid, .handle = open_handle(pid)};
    if (!process.handle) return fail(ErrorKind::not_found, "no process " + std::to_string(pid));
    return process;
}

void signal_process(const Process& process, int signal) {
    syscall(SYS_pidfd_send_signal, process.handle.get(), signal, nullptr, 0);
}

void reap_process(const Process& process) {
    waitpid(process.pid, nullptr, WNOHANG);
}

bool has_ended(const Process& process) {
    pollfd waiting{.fd = process.handle.get(), .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, 0) > 0;
}

Result<UniqueFd> copy_descriptor(const Process& process, int fd) {
    UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, process.handle.get(), fd, 0)));
    if (!copy) return fail(ErrorKind::denied, std::strerror(errno));
    return copy;
}

}  // namespace serin::gateway
