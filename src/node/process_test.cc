#include "node/process.h"

#include "node/files.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace serin::node {

namespace {

struct TempFolder {
    std::string path = std::filesystem::temp_directory_path() / "serin-process-XXXXXX";
    TempFolder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~TempFolder() { std::filesystem::remove_all(path); }
};

// Waits until the process has ended.
void await_end(const ProcessId& process) {
    const auto watched = watch_process(process);
    if (!watched) return;
    pollfd ended{.fd = watched->get(), .events = POLLIN, .revents = 0};
    REQUIRE(poll(&ended, 1, 20'000) == 1);
}

ExitStatus run(const std::string& script, const std::string& folder = "/", int output = -1) {
    const auto process = launch(
        {.argv = {"/bin/sh", "-c", script},
         .env = {{"PATH", "/usr/bin:/bin"}, {"WORD", "hello"}},
         .directory = folder,
         .output = output});
    REQUIRE(process);
    await_end(*process);
    return collect(*process).value();
}

}  // namespace

TEST_CASE("a program gets its arguments, environment and folder, and nothing else of ours") {
    const TempFolder folder;
    const std::string file = folder.path + "/out";
    // Inherited if nobody looked after it.
    const FileDescriptor stray(open("/dev/null", O_RDONLY));
    REQUIRE(stray.is_open());
    const FileDescriptor output(
        open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
    const ExitStatus status =
        run("env | grep -c .; echo $WORD; pwd; ls /proc/self/fd | wc -l; ps -o pgid= -p $$ | tr -d "
            "' ' | "
            "grep -cx $$; cat",
            folder.path,
            output.get());
    CHECK(status.code == 0);
    // PATH, WORD and the shell's PWD. Of files 0, 1, 2 and the one ls reads.
    CHECK(read_file(file).value() == "3\nhello\n" + folder.path + "\n4\n1\n");
}

TEST_CASE("how a process ended is known to its parent") {
    CHECK(run("exit 7").code == 7);
    const ExitStatus killed = run("kill -9 $$");
    CHECK(killed.is_known);
    CHECK(killed.signal == SIGKILL);
    CHECK(killed.code == 137);
}

TEST_CASE("what cannot be executed or entered is said so") {
    const auto absent = launch({.argv = {"/no/such/program"}, .directory = "/"});
    REQUIRE_FALSE(absent);
    CHECK(absent.error().kind == ErrorKind::invalid);
    CHECK(absent.error().message == "cannot execute /no/such/program: No such file or directory");
    const auto nowhere = launch({.argv = {"/bin/true"}, .directory = "/no/such/folder"});
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().message.starts_with("cannot enter the folder /no/such/folder"));
    CHECK_FALSE(launch({.argv = {}, .directory = "/"}));
}

TEST_CASE("a program whose process cannot be written down never runs") {
    const TempFolder folder;
    pid_t seen = 0;
    const auto refused = launch(
        {.argv = {"/bin/sh", "-c", "touch ran"},
         .directory = folder.path,
         .persist = [&](const ProcessId& process) -> Result<> {
             seen = process.pid;
             return fail(ErrorKind::unavailable, "the disk is full");
         }});
    CHECK_FALSE(refused);
    CHECK(seen != 0);
    CHECK_FALSE(find_process(seen));
    CHECK_FALSE(std::filesystem::exists(folder.path + "/ran"));
}

TEST_CASE("a program whose parent dies before writing it down never runs") {
    const TempFolder folder;
    const std::string mark = folder.path;
    const pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        static_cast<void>(launch(
            {.argv = {"/bin/sh", "-c", "touch ran; sleep 60"},
             .env = {{"MARK", mark}},
             .directory = folder.path,
             .persist = [](const ProcessId&) -> Result<> {
                 kill(getpid(), SIGKILL);
                 return {};
             }}));
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(parent, &status, 0) == parent);
    CHECK(WIFSIGNALED(status));
    CHECK(processes_with("MARK", mark).empty());
    CHECK_FALSE(std::filesystem::exists(folder.path + "/ran"));
}

TEST_CASE("a program has its streams and its own limit of files also where ours are closed") {
    const TempFolder folder;
    const std::string file = folder.path + "/out";
    const pid_t parent = fork();
    if (parent == 0) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
        const int output = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
        const auto process = launch(
            {.argv = {"/bin/sh", "-c", "cat; echo out; echo err >&2; ulimit -Sn"},
             .directory = "/",
             .output = output,
             .descriptors_max = 77});
        if (process) waitpid(process->pid, nullptr, 0);
        _exit(process ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(parent, &status, 0) == parent);
    CHECK(status == 0);
    CHECK(read_file(file) == "out\nerr\n77\n");
}

TEST_CASE("a process is found by its environment and known by its start") {
    const std::string mark = "find-me-" + std::to_string(getpid());
    const auto process =
        launch({.argv = {"/bin/sleep", "60"}, .env = {{"MARK", mark}}, .directory = "/"});
    REQUIRE(process);
    CHECK(processes_with("MARK", mark) == std::vector{*process});
    CHECK(processes_with("MARK", "find-me").empty());
    CHECK(whereabouts_of(*process)->env == std::map<std::string, std::string>{{"MARK", mark}});
    CHECK(whereabouts_of(*process)->directory == "/");
    CHECK(find_process(process->pid) == *process);

    const ProcessId other{.pid = process->pid, .start_time = process->start_time + 1};
    CHECK_FALSE(watch_process(other));
    CHECK_FALSE(whereabouts_of(other));
    signal_group(other, SIGKILL);
    CHECK(find_process(process->pid) == *process);
    CHECK_FALSE(collect(*process));

    signal_group(*process, SIGKILL);
    await_end(*process);
    CHECK(collect(*process)->signal == SIGKILL);
    CHECK_FALSE(find_process(process->pid));
}

}  // namespace serin::node
