#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// A real Prometheus for tests.

namespace serin::control {

inline std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(fd, plain, size) == 0);
    REQUIRE(getsockname(fd, plain, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "serin-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path path;
};

// Scrapes one target five times a second.
class Prometheus {
public:
    explicit Prometheus(std::uint16_t target) : port(free_port()) {
        std::ofstream(folder_.path / "prometheus.yml")
            << "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            << "scrape_configs: [{job_name: shop, static_configs: [{targets: ['127.0.0.1:" << target
            << "']}]}]\n";
        const std::vector<std::string> words = {
            "/usr/bin/prometheus",
            "--config.file=" + (folder_.path / "prometheus.yml").string(),
            "--storage.tsdb.path=" + (folder_.path / "data").string(),
            "--web.listen-address=127.0.0.1:" + std::to_string(port),
            "--log.level=error"};
        std::vector<char*> arguments;
        for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            execv(arguments[0], arguments.data());
            _exit(127);
        }
    }
    ~Prometheus() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
    Prometheus(const Prometheus&) = delete;
    Prometheus& operator=(const Prometheus&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }
    const std::uint16_t port;

private:
    Folder folder_;
    pid_t pid_ = -1;
};

}  // namespace serin::control
