// A pod's program for tests: an HTTP server on $HOST:$PORT (or the address it is given) that
// answers 200 while the file named by $HEALTH_FILE is there, or if there is no such variable, and
// else 500.

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

void answer(int client) {
    std::array<char, 4096> request{};
    if (read(client, request.data(), request.size()) > 0) {
        const char* file = std::getenv("HEALTH_FILE");
        const bool is_healthy = file == nullptr || access(file, F_OK) == 0;
        const std::string response = std::string("HTTP/1.1 ") +
                                     (is_healthy ? "200 OK" : "500 Internal Server Error") +
                                     "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        if (write(client, response.data(), response.size()) < 0) std::perror("write");
    }
    close(client);
}

}  // namespace

int main(int count, char** arguments) {
    const char* host = count > 2 ? arguments[1] : std::getenv("HOST");
    const char* port = count > 2 ? arguments[2] : std::getenv("PORT");
    if (host == nullptr || port == nullptr) return 2;
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    inet_pton(AF_INET, host, &address.sin_addr);
    if (bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(server, 16) != 0) {
        std::perror("listen");
        return 1;
    }
    std::printf("listening on %s:%s\n", host, port);
    std::fflush(stdout);
    for (;;) {
        const int client = accept(server, nullptr, nullptr);
        if (client >= 0) answer(client);
    }
}
