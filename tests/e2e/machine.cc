#include "machine.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace serin::e2e {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

struct Files {
    int out = -1;
    int err = -1;
};

pid_t spawn(const std::vector<std::string>& words, const Files& files) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, files.out, 1);
    posix_spawn_file_actions_adddup2(&actions, files.err, 2);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + words[0]);
    return pid;
}

int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int open_for_append(const std::string& path) {
    return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

Ran run(const std::vector<std::string>& words) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe");
    }
    const pid_t pid = spawn(words, {.out = out[1], .err = err[1]});
    close(out[1]);
    close(err[1]);

    Ran ran;
    std::array<pollfd, 2> polled{
        pollfd{.fd = out[0], .events = POLLIN}, pollfd{.fd = err[0], .events = POLLIN}};
    int open_ends = 2;
    while (open_ends > 0) {
        poll(polled.data(), polled.size(), -1);
        for (size_t i = 0; i < 2; ++i) {
            if (polled[i].fd < 0 || polled[i].revents == 0) continue;
            std::array<char, 8192> buffer{};
            const ssize_t size = read(polled[i].fd, buffer.data(), buffer.size());
            if (size > 0) {
                (i == 0 ? ran.out : ran.err).append(buffer.data(), static_cast<size_t>(size));
            } else {
                close(polled[i].fd);
                polled[i].fd = -1;
                --open_ends;
            }
        }
    }
    int status = 0;
    waitpid(pid, &status, 0);
    ran.code = code_of(status);
    return ran;
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool is_bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                          getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    close(fd);
    if (!is_bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

bool wait_until(Duration patience, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(20ms);  // Between two looks at a condition.
    }
    return true;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    fs::rename(path + ".new", path);
}

Machine::Machine(const std::string& example) {
    std::string pattern = (fs::temp_directory_path() / "serin-e2e-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = pattern;
    gateway_port_ = free_port();
    fs::copy(EXAMPLES_FOLDER "/" + example + "/manifests", manifests());
    edit("1-gateway.yaml", "port: 8080", fmt::format("port: {}", gateway_port_));
    // Equal versions have unequal latencies on a machine that is busy with other things.
    if (example == "shop") edit("4-analysis.yaml", "result[0] <= 1.25", "result[0] <= 5");
    add_image("v1", {});
    add_image("v2", {});
    add_image("v3", {{"SHOP_ERROR_PERCENT", "20"}});
    add_image("v3-slow", {{"SHOP_LATENCY_FACTOR", "1.4"}});
}

Machine::~Machine() {
    if (load_ > 0) {
        kill(load_, SIGKILL);
        waitpid(load_, nullptr, 0);
    }
    if (serin_ > 0) stop_serin();
    if (const Ran ended = run({SERIN_PROGRAM, "down", "--state", state()}); ended.code != 0) {
        WARN_MESSAGE(ended.code == 0, "serin down: ", ended.err);
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::string Machine::url() const {
    return fmt::format("http://127.0.0.1:{}", gateway_port_);
}

std::string Machine::api_url() const {
    const auto server = json::parse(read_file(state() + "/server.json"));
    if (!server) return "";
    return std::string(json::text(json::find(*server, "/url")).value_or(""));
}

void Machine::add_image(const std::string& tag, const std::map<std::string, std::string>& env) {
    const std::string image = folder_ + "/images/shop/" + tag;
    fs::create_directories(image);
    fs::create_symlink(SHOP_PROGRAM, image + "/shop");
    json::Object variables{{"SHOP_VERSION", json::string(tag)}};
    for (const auto& [name, value] : env) variables[name] = value;
    write_file(
        image + "/image.json",
        json::print(json::Object{{"command", json::Array{"./shop"}}, {"env", variables}}));
}

void Machine::edit(const std::string& file, const std::string& from, const std::string& to) {
    const std::string path = manifests() + "/" + file;
    std::string text = read_file(path);
    const size_t at = text.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, file, " has no '", from, "'");
    write_file(path, text.replace(at, from.size(), to));
}

void Machine::up(const std::vector<std::string>& more_words) {
    up_by({}, more_words);
}

void Machine::up_by(std::vector<std::string> starter, const std::vector<std::string>& more_words) {
    REQUIRE(serin_ == 0);
    fs::remove(state() + "/server.json");
    std::vector<std::string> words = std::move(starter);
    words.insert(
        words.end(),
        {SERIN_PROGRAM,
         "up",
         "-f",
         manifests(),
         "--state",
         state(),
         "--images",
         folder_ + "/images",
         "--port",
         "0"});
    words.insert(words.end(), more_words.begin(), more_words.end());
    const int log_file = open_for_append(folder_ + "/serin.log");
    serin_ = spawn(words, {.out = log_file, .err = log_file});
    close(log_file);
    const bool is_ready = wait_until(30s, [&] {
        if (waitpid(serin_, nullptr, WNOHANG) == serin_) serin_ = 0;
        return serin_ == 0 || (!api_url().empty() &&
                               run({"curl", "-sf", "-m", "2", api_url() + "/readyz"}).code == 0);
    });
    REQUIRE_MESSAGE((is_ready && serin_ > 0), "serin up did not start:\n", log());
}

Ran Machine::up_and_fail(const std::vector<std::string>& more_words) {
    std::vector<std::string> words = {
        "timeout",
        "30",
        SERIN_PROGRAM,
        "up",
        "-f",
        manifests(),
        "--state",
        state(),
        "--images",
        folder_ + "/images",
        "--port",
        "0"};
    words.insert(words.end(), more_words.begin(), more_words.end());
    return run(words);
}

void Machine::kill_serin() {
    REQUIRE(serin_ > 0);
    kill(serin_, SIGKILL);
    waitpid(serin_, nullptr, 0);
    serin_ = 0;
}

void Machine::stop_serin() {
    kill(serin_, SIGTERM);
    const bool has_ended =
        wait_until(20s, [&] { return waitpid(serin_, nullptr, WNOHANG) == serin_; });
    if (!has_ended) {
        kill(serin_, SIGKILL);
        waitpid(serin_, nullptr, 0);
    }
    serin_ = 0;
    CHECK_MESSAGE(has_ended, "serin up did not end on SIGTERM");
}

std::string Machine::log() const {
    return read_file(folder_ + "/serin.log");
}

Ran Machine::serin(std::vector<std::string> words) const {
    words.insert(words.begin(), SERIN_PROGRAM);
    words.insert(words.end(), {"--state", state()});
    return run(words);
}

json::Value Machine::get(const std::string& type, const std::string& name) const {
    const auto document = json::parse(serin({"get", type, name, "-o", "json"}).out);
    return document ? *document : json::Value();
}

std::string Machine::phase() const {
    const json::Value rollout = get("rollout", "shop");
    return fmt::format(
        "{} {}",
        json::text(json::find(rollout, "/status/phase")).value_or("?"),
        json::text(json::find(rollout, "/status/message")).value_or(""));
}

bool Machine::wait_for_phase(
    const std::string& wanted, Duration patience, const std::string& message) const {
    std::string last;
    const bool is_there = wait_until(patience, [&] {
        const Ran ran = serin({"status", "shop", "--no-watch"});
        last = ran.out + ran.err;
        return last.starts_with(wanted) && last.contains(message);
    });
    if (!is_there) {
        MESSAGE("the phase is ", last, "\n", serin({"get", "rollout", "shop"}).out, "\n", log());
    }
    return is_there;
}

void Machine::start_load(int rate) {
    REQUIRE(load_ == 0);
    fs::remove(folder_ + "/load.log");
    const int log_file = open_for_append(folder_ + "/load.err");
    load_ = spawn(
        {LOAD_PROGRAM,
         "run",
         "--url",
         url(),
         "--rate",
         std::to_string(rate),
         "--log",
         folder_ + "/load.log"},
        {.out = log_file, .err = log_file});
    close(log_file);
    REQUIRE(wait_until(10s, [&] { return !read_file(folder_ + "/load.log").empty(); }));
}

json::Value Machine::stop_load(const std::string& candidate) {
    REQUIRE(load_ > 0);
    kill(load_, SIGTERM);
    waitpid(load_, nullptr, 0);
    load_ = 0;
    return report(candidate);
}

json::Value Machine::report(const std::string& candidate, std::int64_t from_ms) const {
    const Ran counted = run(
        {LOAD_PROGRAM,
         "report",
         "--log",
         folder_ + "/load.log",
         "--candidate",
         candidate,
         "--from",
         std::to_string(from_ms)});
    const auto document = json::parse(counted.out);
    REQUIRE_MESSAGE(document.has_value(), counted.out, counted.err);
    return *document;
}

}  // namespace serin::e2e
