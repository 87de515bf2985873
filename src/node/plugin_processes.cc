#include "node/plugin_processes.h"

#include "base/digest.h"
#include "base/log.h"
#include "node/files.h"
#include "node/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace serin::node {

namespace {

constexpr std::size_t answer_max_bytes = std::size_t{1} << 20U;
constexpr std::size_t errors_max_bytes = std::size_t{64} << 10U;

struct Pipe {
    FileDescriptor read_end;
    FileDescriptor write_end;
};

Result<Pipe> open_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return fail(ErrorKind::unavailable, fmt::format("pipe: {}", std::strerror(errno)));
    }
    Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    // The program's own end blocks, as programs expect.
    fcntl(ends[1], F_SETFL, 0);
    return pipe;
}

// The request as a file: however long it is, a program that does not read it blocks nobody.
Result<FileDescriptor> open_request(const json::Object& request) {
    FileDescriptor file(memfd_create("plugin-request", MFD_CLOEXEC));
    const std::string line = json::print(request) + "\n";
    if (!file.is_open() || write(file.get(), line.data(), line.size()) != std::ssize(line) ||
        lseek(file.get(), 0, SEEK_SET) != 0) {
        return fail(ErrorKind::unavailable, fmt::format("the request: {}", std::strerror(errno)));
    }
    return file;
}

// What has arrived; false at the end.
bool read_some(int fd, std::string& text, std::size_t most) {
    std::array<char, 16384> buffer{};
    while (true) {
        const ssize_t size = read(fd, buffer.data(), buffer.size());
        if (size > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(size));
            if (text.size() > most) return true;
            continue;
        }
        if (size < 0 && errno == EINTR) continue;
        return size < 0 && errno == EAGAIN;
    }
}

Result<> check_program(const PluginCall& call) {
    if (access(call.program.c_str(), X_OK) != 0) {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} cannot be run: {}", call.program, std::strerror(errno)));
    }
    if (call.sha256.empty()) return {};
    SERIN_TRY(const std::string bytes, read_file(call.program));
    const std::string digest = sha256_hex(bytes);
    if (digest == call.sha256) return {};
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "{} has the sha256 {}, not the {} that is registered",
            call.program,
            digest,
            call.sha256));
}

class Running : public PluginRunner::Call {
public:
    Running(EventLoop& loop, PluginCall call, PluginRunner::Done done)
        : loop_(loop), call_(std::move(call)), done_(std::move(done)) {
        if (const Result<> begun = begin(); !begun) answer_soon(std::unexpected(begun.error()));
    }
    ~Running() override { end_process(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    Result<> begin() {
        SERIN_TRY_DO(check_program(call_));
        SERIN_TRY(const FileDescriptor request, open_request(call_.request));
        SERIN_TRY(Pipe output, open_pipe());
        SERIN_TRY(Pipe errors, open_pipe());
        LaunchSpec spec{
            .argv = {call_.program},
            .env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}},
            .directory = "/",
            .input = request.get(),
            .output = output.write_end.get(),
            .errors = errors.write_end.get(),
            .dies_with_parent = true,
        };
        for (const std::string& one : call_.arguments) spec.argv.push_back(one);
        SERIN_TRY(process_, launch(spec));
        auto exit = watch_process(process_);
        if (exit) {
            exit_ = *std::move(exit);
            watches_.push_back(loop_.on_readable(exit_.get(), [this] { on_exit(); }));
        } else {
            watches_.push_back(loop_.after(Duration(1), [this] { on_exit(); }));
        }
        output_ = std::move(output.read_end);
        errors_ = std::move(errors.read_end);
        output_watch_ = loop_.on_readable(output_.get(), [this] { on_output(); });
        errors_watch_ = loop_.on_readable(errors_.get(), [this] { on_errors(); });
        watches_.push_back(loop_.after(call_.deadline, [this] {
            give_up("did not answer within " + format_duration(call_.deadline));
        }));
        return {};
    }

    void on_output() {
        if (!read_some(output_.get(), answer_, answer_max_bytes)) output_watch_.reset();
        if (answer_.size() > answer_max_bytes) {
            give_up(fmt::format("answered with more than {} bytes", answer_max_bytes));
        }
    }

    void on_errors() {
        const std::size_t left = errors_max_bytes - std::min(errors_max_bytes, logged_);
        std::string text;
        if (!read_some(errors_.get(), text, left)) errors_watch_.reset();
        if (left > 0) log_lines(text);
        logged_ += text.size();
        // Nobody reads more: the program blocks, and the deadline ends it.
        if (logged_ > errors_max_bytes) errors_watch_.reset();
    }

    void log_lines(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            const std::string_view line = text.substr(0, end);
            if (!line.empty()) {
                log::info("plugin", {{"plugin", call_.plugin}, {"line", std::string(line)}});
            }
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    // What it wrote before it ended is still in the pipe; what its children may write is not
    // waited for.
    void on_exit() {
        const auto status = collect(process_);
        if (!status) return;
        is_over_ = true;
        on_errors();
        on_output();
        if (is_answered_) return;
        if (status->is_known && status->code != 0) {
            return give_up(
                status->signal != 0 ? fmt::format("was ended by signal {}", status->signal)
                                    : fmt::format("ended with exit code {}", status->code));
        }
        auto parsed = json::parse(answer_);
        if (!parsed || !parsed->is_object()) {
            return give_up(
                answer_.empty() ? std::string("answered nothing")
                                : std::string("did not answer with one JSON object"));
        }
        answer_soon(std::move(parsed->get_object()));
    }

    void give_up(const std::string& what) {
        answer_soon(
            fail(ErrorKind::unavailable, fmt::format("plugin '{}' {}", call_.plugin, what)));
    }

    // Posted, so that whoever is told may end the call.
    void answer_soon(Result<json::Object> answer) {
        if (is_answered_) return;
        is_answered_ = true;
        end_process();
        later_ = loop_.after(Duration(0), [this, kept = std::move(answer)]() mutable {
            // Whoever is told may end the call.
            const PluginRunner::Done done = std::move(done_);
            done(std::move(kept));
        });
    }

    void end_process() {
        output_watch_.reset();
        errors_watch_.reset();
        watches_.clear();
        if (process_.pid == 0 || is_over_) return;
        is_over_ = true;
        signal_group(process_, SIGKILL);
        collect_later();
    }

    // A killed process is a zombie within moments; until then somebody has to ask for it.
    void collect_later() {
        struct Leftover {
            ProcessId process;
            FileDescriptor exit;
            EventLoop::Watch watch;
        };
        auto leftover = std::make_shared<Leftover>();
        leftover->process = process_;
        leftover->exit = std::move(exit_);
        if (!leftover->exit.is_open()) return;
        leftover->watch = loop_.on_readable(leftover->exit.get(), [leftover] {
            if (!collect(leftover->process)) return;
            const EventLoop::Watch last = std::move(leftover->watch);
        });
    }

    EventLoop& loop_;
    PluginCall call_;
    PluginRunner::Done done_;
    ProcessId process_;
    FileDescriptor exit_;
    FileDescriptor output_;
    FileDescriptor errors_;
    EventLoop::Watch output_watch_;
    EventLoop::Watch errors_watch_;
    EventLoop::Watch later_;
    std::vector<EventLoop::Watch> watches_;
    std::string answer_;
    std::size_t logged_ = 0;
    bool is_answered_ = false;
    bool is_over_ = false;
};

}  // namespace

std::unique_ptr<PluginRunner::Call> PluginProcesses::call(PluginCall call, Done done) {
    return std::make_unique<Running>(loop_, std::move(call), std::move(done));
}

}  // namespace serin::node
