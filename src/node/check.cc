#include "node/check.h"

#include "node/process.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace serin::node {

namespace {

std::string field(const json::Object& from, std::string_view member, std::string_view otherwise) {
    return std::string(json::text(from.if_contains(member)).value_or(otherwise));
}

// Says what is known already, but only after the caller has returned.
class Known : public Check {
public:
    Known(EventLoop& loop, Duration delay, Result<> result, Done done)
        : timer_(loop.after(
              delay, [result = std::move(result), done = std::move(done)] { done(result); })) {}

private:
    EventLoop::Watch timer_;
};

class HttpGet : public Check {
public:
    HttpGet(HttpClient& client, HttpRequest request, Done done)
        : call_(client.send(
              std::move(request), [done = std::move(done)](const Result<HttpResponse>& response) {
                  done(judge(response));
              })) {}

private:
    static Result<> judge(const Result<HttpResponse>& response) {
        if (!response) return std::unexpected(response.error());
        if (response->status >= 200 && response->status < 400) return {};
        return fail(
            ErrorKind::unavailable,
            fmt::format("HTTP probe failed with statuscode: {}", response->status));
    }

    std::unique_ptr<HttpClient::Call> call_;
};

Result<HttpRequest> http_request(
    const CheckTarget& target, const json::Object& action, Duration timeout) {
    SERIN_TRY(
        const int port, actual_port(action.if_contains("port"), target.container, target.ports));
    const bool is_tls = field(action, "scheme", "HTTP") == "HTTPS";
    std::string path = field(action, "path", "/");
    if (!path.starts_with('/')) path.insert(0, "/");
    HttpRequest request{
        .url = fmt::format(
            "{}://{}:{}{}",
            is_tls ? "https" : "http",
            field(action, "host", target.ip),
            port,
            path),
        .headers = {{"User-Agent", "serin-probe"}},
        .timeout = timeout,
        .verify_peer = false};
    if (const json::Array* headers = json::array(action.if_contains("httpHeaders"))) {
        for (const json::Value& header : *headers) {
            if (!header.is_object()) continue;
            request.headers.emplace_back(
                field(header.get_object(), "name", ""), field(header.get_object(), "value", ""));
        }
    }
    return request;
}

// On one machine a connection is made or refused within the call, or the listener's queue is full;
// so looking again from time to time is enough.
class TcpConnect : public Check {
public:
    TcpConnect(EventLoop& loop, const std::string& ip, int port, Duration timeout, Done done)
        : loop_(loop), done_(std::move(done)), end_(loop.now() + timeout) {
        socket_ = FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        if (inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) {
            error_ = EINVAL;
        } else if (
            connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
                0 &&
            errno != EINPROGRESS) {
            error_ = errno;
        }
        look_again(Duration{0});
    }

private:
    void look_again(Duration delay) {
        timer_ = loop_.after(delay, [this] { look(); });
    }

    void look() {
        if (error_ == 0) {
            pollfd ready{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
            if (poll(&ready, 1, 0) != 1) {
                if (loop_.now() < end_) return look_again(Duration{20});
                error_ = ETIMEDOUT;
            } else {
                socklen_t size = sizeof(error_);
                getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_, &size);
            }
        }
        const Done done = std::move(done_);
        if (error_ == 0) return done({});
        done(fail(ErrorKind::unavailable, fmt::format("dial tcp: {}", std::strerror(error_))));
    }

    EventLoop& loop_;
    Done done_;
    Instant end_;
    FileDescriptor socket_;
    int error_ = 0;
    EventLoop::Watch timer_;
};

class Exec : public Check {
public:
    Exec(const CheckTarget& target, Program program, Duration timeout, Done done)
        : loop_(target.loop), timeout_(timeout), done_(std::move(done)) {
        output_ = FileDescriptor(memfd_create("serin-exec", MFD_CLOEXEC));
        const auto process = launch(
            {.argv = std::move(program.argv),
             .env = std::move(program.env),
             .directory = std::move(program.directory),
             .output = output_.get(),
             .descriptors_max = target.descriptors_max,
             .dies_with_parent = true});
        if (!process) {
            finish_later(process.error().message);
            return;
        }
        process_ = *process;
        Result<FileDescriptor> watched = watch_process(process_);
        if (!watched) {
            finish_later(watched.error().message);
            return;
        }
        exit_ = std::move(*watched);
        exit_watch_ = loop_.on_readable(exit_.get(), [this] { finish(); });
        timer_ = loop_.after(timeout_, [this] {
            is_late_ = true;
            signal_group(process_, SIGKILL);
        });
    }

    ~Exec() override {
        if (process_.pid == 0) return;
        signal_group(process_, SIGKILL);
        // SIGKILL takes effect at once on all but a process stuck in the kernel; that one is left
        // as a zombie rather than holding up the loop.
        pollfd ended{.fd = exit_.get(), .events = POLLIN, .revents = 0};
        if (exit_.is_open()) poll(&ended, 1, 100);
        collect(process_);
    }

private:
    void finish_later(std::string message) {
        timer_ = loop_.after(Duration{0}, [this, message = std::move(message)] {
            const Done done = std::move(done_);
            done(fail(ErrorKind::unavailable, message));
        });
    }

    void finish() {
        const auto status = collect(process_);
        if (!status) return;
        process_ = {};
        exit_watch_.reset();
        timer_.reset();
        const Result<> result = judge(*status);
        const Done done = std::move(done_);
        done(result);
    }

    Result<> judge(const ExitStatus& status) const {
        if (is_late_) {
            return fail(
                ErrorKind::unavailable,
                fmt::format("command timed out after {}", format_duration(timeout_)));
        }
        if (status.is_known && status.code == 0) return {};
        std::array<char, 256> said{};
        const ssize_t size = pread(output_.get(), said.data(), said.size(), 0);
        const std::string_view text(said.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
        return fail(
            ErrorKind::unavailable,
            fmt::format("command exited with {}{}{}", status.code, text.empty() ? "" : ": ", text));
    }

    EventLoop& loop_;
    Duration timeout_;
    Done done_;
    FileDescriptor output_;
    FileDescriptor exit_;
    ProcessId process_;
    bool is_late_ = false;
    EventLoop::Watch exit_watch_;
    EventLoop::Watch timer_;
};

Result<Program> exec_program(const CheckTarget& target, const json::Object& action) {
    SERIN_TRY(Whereabouts place, target.place());
    Program program{
        .argv = {}, .env = std::move(place.env), .directory = std::move(place.directory)};
    if (const json::Array* words = json::array(action.if_contains("command"))) {
        for (const json::Value& word : *words) {
            program.argv.emplace_back(json::text(&word).value_or(""));
        }
    }
    return program;
}

}  // namespace

std::unique_ptr<Check> start_check(
    const CheckTarget& target, const json::Object& handler, Duration timeout, Check::Done done) {
    EventLoop& loop = target.loop;
    const auto failed = [&](const Error& error) {
        return std::make_unique<Known>(loop, Duration{0}, std::unexpected(error), std::move(done));
    };
    if (const json::Object* action = json::object(handler.if_contains("httpGet"))) {
        Result<HttpRequest> request = http_request(target, *action, timeout);
        if (!request) return failed(request.error());
        return std::make_unique<HttpGet>(target.http, std::move(*request), std::move(done));
    }
    if (const json::Object* action = json::object(handler.if_contains("tcpSocket"))) {
        const Result<int> port =
            actual_port(action->if_contains("port"), target.container, target.ports);
        if (!port) return failed(port.error());
        return std::make_unique<TcpConnect>(
            loop, field(*action, "host", target.ip), *port, timeout, std::move(done));
    }
    if (const json::Object* action = json::object(handler.if_contains("exec"))) {
        Result<Program> program = exec_program(target, *action);
        if (!program) return failed(program.error());
        return std::make_unique<Exec>(target, std::move(*program), timeout, std::move(done));
    }
    if (const json::Object* action = json::object(handler.if_contains("sleep"))) {
        const std::chrono::seconds length(
            json::integer(action->if_contains("seconds")).value_or(0));
        return std::make_unique<Known>(
            loop, std::min<Duration>(length, timeout), Result<>(), std::move(done));
    }
    return failed(
        {ErrorKind::invalid,
         "this kind of probe is not supported: use httpGet, tcpSocket or exec"});
}

}  // namespace serin::node
