#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

// A pod's process for tests: answers each request with its own name. "/status/503" answers with
// that status, "/slow/200" after so many milliseconds. "/fail/c" is a 500 and "/drop/c" a closed
// connection where the name is "c"; "/reset/c" and "/cut/c" end it with a reset and in the middle
// of the headers. What the request header x-say has comes back as a header of the answer. Prints
// its port and ends with its parent.

namespace {

void serve(int fd, const std::string& name) {
    std::string received;
    while (true) {
        const std::size_t end = received.find("\r\n\r\n");
        if (end == std::string::npos) {
            char buffer[4096];
            const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
            if (got <= 0) break;
            received.append(buffer, static_cast<std::size_t>(got));
            continue;
        }
        const std::string head = received.substr(0, end);
        received.erase(0, end + 4);
        const std::size_t path = head.find(' ') + 1;
        std::string status = "200";
        if (head.compare(path, 8, "/status/") == 0) status = head.substr(path + 8, 3);
        if (head.compare(path, 6, "/slow/") == 0) {
            usleep(static_cast<useconds_t>(std::atoi(head.c_str() + path + 6)) * 1000);
        }
        if (head.compare(path, 7 + name.size(), "/fail/" + name + " ") == 0) status = "500";
        if (head.compare(path, 7 + name.size(), "/drop/" + name + " ") == 0) break;
        if (head.compare(path, 8 + name.size(), "/reset/" + name + " ") == 0) {
            const linger at_once{.l_onoff = 1, .l_linger = 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
            break;
        }
        if (head.compare(path, 6 + name.size(), "/cut/" + name + " ") == 0) {
            const std::string part = "HTTP/1.1 200 OK\r\nContent-Le";
            static_cast<void>(!send(fd, part.data(), part.size(), MSG_NOSIGNAL));
            break;
        }
        std::string body = name;
        // "/echo" shows the request as it arrived.
        if (head.compare(path, 5, "/echo") == 0) body = head;
        std::string said;
        const std::string asked = "\r\nx-say: ";
        if (const std::size_t at = head.find(asked); at != std::string::npos) {
            const std::size_t from = at + asked.size();
            said = head.substr(from, head.find("\r\n", from) - from) + "\r\n";
        }
        const std::string answer = "HTTP/1.1 " + status + " X\r\n" + said +
                                   "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                   body;
        if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string name = arguments[1];
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener, any, size) != 0 || listen(listener, 1024) != 0) return 1;
    getsockname(listener, any, &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    while (true) {
        const int fd = accept(listener, nullptr, nullptr);
        if (fd >= 0) std::thread(serve, fd, name).detach();
    }
}
