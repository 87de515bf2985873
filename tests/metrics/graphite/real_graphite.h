#pragma once

#include "real_prometheus.h"
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// A real Graphite for tests: Debian's carbon-cache, which takes points and keeps them in Whisper's
// files, and graphite-web, which answers for them. All of it in a folder of its own, on loopback.

namespace serin::metrics {

// A program with its output in a file, ended with this object.
class Program {
public:
    Program(const std::vector<std::string>& words, const std::filesystem::path& output) {
        std::vector<char*> arguments;
        for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
        }
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    ~Program() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

private:
    pid_t pid_ = -1;
};

class Graphite {
public:
    static constexpr const char* carbon_program = "/usr/bin/carbon-cache";
    static constexpr const char* web_package = "/usr/lib/python3/dist-packages/graphite/wsgi.py";

    static bool is_installed() {
        return std::filesystem::exists(carbon_program) && std::filesystem::exists(web_package);
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(web_port_); }

    // Hands over lines of carbon's protocol ("name value time"); false while it does not listen.
    bool take(const std::string& lines) const {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd >= 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(line_port_);
        const bool is_taken =
            connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
            send(fd, lines.data(), lines.size(), MSG_NOSIGNAL) == std::ssize(lines);
        close(fd);
        return is_taken;
    }

    // What both programs have printed, for a failure.
    std::string output() const {
        std::string all;
        for (const char* name : {"carbon.out", "web.out"}) {
            std::ifstream file(folder_.path / name);
            for (std::string line; std::getline(file, line);) all += line + "\n";
        }
        return all;
    }

private:
    std::vector<std::string> carbon() const {
        const std::string root = folder_.path.string() + "/";
        std::ofstream(root + "storage-schemas.conf") << "[all]\npattern = .*\nretentions = 1s:1h\n";
        std::ofstream(root + "carbon.conf")
            << "[cache]\nDATABASE = whisper\nUSER =\nENABLE_TAGS = False\n"
            << "STORAGE_DIR = " << root << "\nLOCAL_DATA_DIR = " << root << "whisper/\n"
            << "CONF_DIR = " << root << "\nLOG_DIR = " << root << "\nPID_DIR = " << root << "\n"
            << "LINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = " << line_port_ << "\n"
            << "PICKLE_RECEIVER_PORT = 0\nMAX_CREATES_PER_MINUTE = inf\n"
            << "CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = " << cache_port_ << "\n";
        return {carbon_program, "--config=" + root + "carbon.conf", "--nodaemon", "start"};
    }

    std::vector<std::string> web() const {
        const std::string root = folder_.path.string();
        std::filesystem::create_directory(root + "/whisper");  // It looks only where it found one.
        std::ofstream(root + "/of_this_test.py")
            << "SECRET_KEY = 'of a test'\nALLOWED_HOSTS = ['*']\nTIME_ZONE = 'UTC'\n"
            << "GRAPHITE_ROOT = '/usr/share/graphite-web'\nCONF_DIR = STORAGE_DIR = LOG_DIR = '"
            << root << "'\nWHISPER_DIR = '" << root << "/whisper'\nINDEX_FILE = '" << root
            << "/index'\nCARBONLINK_HOSTS = ['127.0.0.1:" << cache_port_ << ":a']\n"
            << "DATABASES = {'default': {'NAME': '" << root
            << "/web.db', 'ENGINE': 'django.db.backends.sqlite3'}}\n";
        std::ofstream(root + "/web.py")
            << "import os, sys\nsys.path.insert(0, '" << root << "')\n"
            << "os.environ['GRAPHITE_SETTINGS_MODULE'] = 'of_this_test'\n"
            << "from wsgiref.simple_server import make_server\n"
            << "from graphite.wsgi import application\n"
            << "make_server('127.0.0.1', " << web_port_ << ", application).serve_forever()\n";
        return {"/usr/bin/python3", root + "/web.py"};
    }

    control::Folder folder_;
    const std::uint16_t line_port_ = control::free_port();
    const std::uint16_t cache_port_ = control::free_port();
    const std::uint16_t web_port_ = control::free_port();
    Program carbon_{carbon(), folder_.path / "carbon.out"};
    Program web_{web(), folder_.path / "web.out"};
};

}  // namespace serin::metrics
