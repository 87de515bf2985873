// A small shop: products, a checkout, health and metrics. The environment says how well it works,
// so that one program serves as the healthy and the broken releases of the tutorial.
//
//   HOST, PORT             where to listen (Serin sets both)
//   SHOP_VERSION           told by /version and the X-Shop-Version header
//   SHOP_ERROR_PERCENT     share of shop requests answered with 503
//   SHOP_DROP_PERCENT      share of shop requests whose connection is closed without an answer
//   SHOP_LATENCY_MS        median service time
//   SHOP_LATENCY_FACTOR    multiplies every service time
//   SHOP_DISCOUNT_PERCENT  taken off the prices at /offers, by mistake
//   SHOP_WARM_UP_MS        /ready answers 503 for so long after the start

#include <fmt/format.h>

#include "http_server.h"
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <map>
#include <random>
#include <signal.h>
#include <string>
#include <sys/signalfd.h>
#include <unistd.h>

namespace shop {
namespace {

std::string setting(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : value;
}

double number(const char* name, double otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : std::strtod(value, nullptr);
}

class Shop {
public:
    Reply handle(const Request& request) {
        if (request.path == "/health") return {.body = R"({"status":"ok"})"};
        if (request.path == "/ready") return ready();
        if (request.path == "/version") return version_reply();
        if (request.path == "/metrics") return metrics();

        Reply reply = page(request);
        reply.delay = service_time();
        if (percent_(random_) < error_percent_) {
            reply.status = 503;
            reply.body = R"({"error":"the shop is broken"})";
        }
        if (percent_(random_) < drop_percent_) reply.status = 0;
        ++requests_[reply.status];
        seconds_ += std::chrono::duration<double>(reply.delay).count();
        return reply;
    }

    const std::string& version() const { return version_; }

private:
    Reply ready() const {
        if (Clock::now() < warm_at_) return {.status = 503, .body = R"({"status":"warming up"})"};
        return {.body = R"({"status":"ready"})"};
    }

    Reply version_reply() const { return {.body = fmt::format(R"({{"version":"{}"}})", version_)}; }

    // Differs from answer to answer, as pages do, in all but the offer itself.
    Reply offers() {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const double cents = 4900 * (1 - discount_percent_ / 100);
        return {
            .body = fmt::format(
                R"({{"offers":[{{"id":1,"cents":{}}}],"at":{},"visit":"{:08x}"}})",
                std::llround(cents),
                std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                random_())};
    }

    Reply page(const Request& request) {
        if (request.path == "/offers") return offers();
        if (request.path == "/" || request.path == "/products") {
            return {
                .body = R"([{"id":1,"name":"canary cage","cents":4900},)"
                        R"({"id":2,"name":"seed mix","cents":650}])"};
        }
        if (request.path == "/checkout" && request.method == "POST") {
            return {.status = 201, .body = R"({"order":"accepted"})"};
        }
        return {.status = 404, .body = R"({"error":"no such page"})"};
    }

    Reply metrics() const {
        std::string text =
            "# HELP shop_requests_total Requests answered, by status code.\n"
            "# TYPE shop_requests_total counter\n";
        for (const auto& [status, count] : requests_) {
            text += fmt::format(
                "shop_requests_total{{version=\"{}\",code=\"{}\"}} {}\n", version_, status, count);
        }
        text += fmt::format(
            "# HELP shop_service_seconds_total Time spent on requests.\n"
            "# TYPE shop_service_seconds_total counter\n"
            "shop_service_seconds_total{{version=\"{}\"}} {}\n",
            version_,
            seconds_);
        return {.content_type = "text/plain; version=0.0.4", .body = text};
    }

    // Log-normal, as service times are: the 95th percentile is 1.5 times the median.
    std::chrono::microseconds service_time() {
        const double ms = median_ms_ * factor_ * std::exp(0.25 * normal_(random_));
        return std::chrono::microseconds(std::llround(ms * 1000));
    }

    std::string version_ = setting("SHOP_VERSION", "dev");
    double error_percent_ = number("SHOP_ERROR_PERCENT", 0);
    double drop_percent_ = number("SHOP_DROP_PERCENT", 0);
    double discount_percent_ = number("SHOP_DISCOUNT_PERCENT", 0);
    double median_ms_ = number("SHOP_LATENCY_MS", 8);
    double factor_ = number("SHOP_LATENCY_FACTOR", 1);
    Clock::time_point warm_at_ =
        Clock::now() + std::chrono::milliseconds(std::llround(number("SHOP_WARM_UP_MS", 0)));
    std::mt19937 random_{static_cast<unsigned>(getpid())};
    std::normal_distribution<double> normal_;
    std::uniform_real_distribution<double> percent_{0, 100};
    std::map<int, unsigned long> requests_;
    double seconds_ = 0;
};

int run() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int stop_fd = signalfd(-1, &signals, SFD_CLOEXEC);

    Shop shop;
    const std::string host = setting("HOST", "127.0.0.1");
    const int port = static_cast<int>(number("PORT", 8080));
    HttpServer server(
        host,
        port,
        {{"X-Shop-Version", shop.version()}, {"X-Shop-Pod", setting("POD_NAME", "none")}},
        [&](const Request& request) { return shop.handle(request); });
    fmt::print("shop {} listens on {}:{}\n", shop.version(), host, port);
    std::fflush(stdout);
    server.run(stop_fd, std::chrono::seconds(30));
    fmt::print("shop {} has drained\n", shop.version());
    close(stop_fd);
    return 0;
}

}  // namespace
}  // namespace shop

int main() {
    try {
        return shop::run();
    } catch (const std::exception& error) {
        fmt::print(stderr, "shop: {}\n", error.what());
        return 1;
    }
}
