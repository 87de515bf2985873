#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/prometheus.h"
#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "ports/event_recorder.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Analysis runs that ask a real Prometheus over real HTTP, and fakes that misbehave.

namespace {

std::uint16_t free_port() {
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

// A real Prometheus that scrapes one target.
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

struct World {
    net::AsioLoop loop;
    net::CurlClient client{loop};
    store::MemoryStore store{loop};
    EventRecorder events{store, loop, "test"};
    metrics::PrometheusSource source{client};
    AnalysisController controller{loop, store, events, {{"prometheus", &source}}};
    Manager manager{loop, store, {&controller}};

    World() { manager.start(); }

    bool run_until(const std::function<bool()>& is_done, Duration patience = 60s) {
        const Instant deadline = loop.now() + patience;
        EventLoop::Watch timer;
        std::function<void()> look = [&] {
            if (is_done() || loop.now() > deadline) return loop.stop();
            timer = loop.after(10ms, look);
        };
        look();
        loop.run();
        return is_done();
    }

    void create(const std::string& name, const std::string& metric, const std::string& address) {
        auto spec = json::parse(R"({"metrics": [{"name": "m", "consecutiveErrorLimit": 0}]})");
        REQUIRE(spec);
        Object run(types::analysis_run(), "default", name);
        const auto fields = json::parse(metric);
        REQUIRE(fields);
        for (const auto& field : fields->as_object())
            spec->at("metrics").at(0).as_object()[field.key()] = field.value();
        run.put("/spec", *spec);
        run.put("/spec/metrics", spec->at("metrics"));
        run.document()["spec"]
            .at("metrics")
            .at(0)
            .at("provider")
            .at("prometheus")
            .as_object()["address"] = address;
        REQUIRE(store.create(run));
    }
    Object run(const std::string& name) const {
        const auto run = store.get({.type = &types::analysis_run(), .ns = "default", .name = name});
        REQUIRE(run);
        return *run;
    }
    std::string end_of(const std::string& name) {
        const bool has_ended = run_until([&] {
            const Object now = run(name);
            return !now.text("/status/completedAt").empty();
        });
        CHECK(has_ended);
        return std::string(run(name).text("/status/phase"));
    }
    std::string answer(const std::string& url) {
        std::string body;
        bool is_done = false;
        const auto call = client.send({.url = url}, [&](Result<HttpResponse> response) {
            if (response) body = response->body;
            is_done = true;
        });
        run_until([&] { return is_done; });
        return body;
    }
};

std::unique_ptr<net::HttpServer> serve(net::AsioLoop& loop, net::HttpHandler handler) {
    auto server = net::HttpServer::listen(loop, {}, std::move(handler));
    REQUIRE(server);
    return *std::move(server);
}

}  // namespace

TEST_CASE("analysis runs ask a real Prometheus") {
    World world;
    double ratio = 0.97;
    const auto exporter = serve(world.loop, [&](const auto&, const auto& responder) {
        responder->send(
            {.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
             .body = "shop_success_ratio " + std::to_string(ratio) + "\nshop_nan NaN\n"});
    });
    const Prometheus prometheus(exporter->port());
    const std::string query = prometheus.url() + "/api/v1/query?query=shop_success_ratio";
    const Instant deadline = world.loop.now() + 60s;
    while (!world.answer(query).contains("0.97")) {
        REQUIRE(world.loop.now() < deadline);
        world.run_until([] { return false; }, 50ms);
    }

    world.create(
        "good",
        R"({"successCondition": "result[0] >= 0.95",
        "provider": {"prometheus": {"query": "shop_success_ratio"}}})",
        prometheus.url());
    CHECK(world.end_of("good") == "Successful");
    const Object good = world.run("good");
    CHECK(good.text("/status/metricResults/0/measurements/0/value") == "[0.97]");
    CHECK(
        good.text("/status/metricResults/0/metadata/ResolvedPrometheusQuery") ==
        "shop_success_ratio");

    world.create(
        "scalar",
        R"json({"successCondition": "result > 0.9",
        "provider": {"prometheus": {"query": "scalar(shop_success_ratio)"}}})json",
        prometheus.url());
    CHECK(world.end_of("scalar") == "Successful");
    CHECK(world.run("scalar").text("/status/metricResults/0/measurements/0/value") == "0.97");

    world.create(
        "range",
        R"json({"successCondition": "len(result) > 0 and all(result, # > 0.9)",
        "provider": {"prometheus": {"query": "max_over_time(shop_success_ratio[1m])",
        "rangeQuery": {"start": "now() - duration('1s')", "end": "now()", "step": "200ms"}}}})json",
        prometheus.url());
    CHECK(world.end_of("range") == "Successful");

    world.create(
        "nan",
        R"({"successCondition": "result[0] > 0.5",
        "provider": {"prometheus": {"query": "shop_nan"}}})",
        prometheus.url());
    CHECK(world.end_of("nan") == "Failed");
    CHECK(world.run("nan").text("/status/metricResults/0/measurements/0/value") == "[NaN]");

    world.create(
        "empty",
        R"({"successCondition": "result[0] > 0.5",
        "provider": {"prometheus": {"query": "nothing_of_the_kind"}}})",
        prometheus.url());
    CHECK(world.end_of("empty") == "Error");
    CHECK(
        world.run("empty")
            .text("/status/message")
            .contains("metric result is nil or empty: no data returned from the metric provider"));

    world.create("broken", R"({"provider": {"prometheus": {"query": "sum("}}})", prometheus.url());
    CHECK(world.end_of("broken") == "Error");
    CHECK(world.run("broken").text("/status/message").contains("bad_data: "));

    world.create(
        "falling",
        R"({"interval": "300ms", "successCondition": "result[0] >= 0.95",
        "provider": {"prometheus": {"query": "shop_success_ratio"}}})",
        prometheus.url());
    REQUIRE(world.run_until(
        [&] { return world.run("falling").integer("/status/metricResults/0/successful") >= 2; }));
    ratio = 0.5;
    CHECK(world.end_of("falling") == "Failed");
    CHECK(
        world.run("falling").text("/status/message") ==
        "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0)");
}

TEST_CASE("a Prometheus that misbehaves leads to an error that says how") {
    World world;
    std::vector<std::shared_ptr<net::HttpResponder>> unanswered;
    const auto fake =
        serve(world.loop, [&](const net::HttpServerRequest& request, const auto& responder) {
            if (request.path == "/slow/api/v1/query") return unanswered.push_back(responder);
            net::HttpServerResponse response;
            if (request.path == "/malformed/api/v1/query")
                response.body = R"({"status": "success", "data)";
            if (request.path == "/html/api/v1/query") response.body = "<html>login</html>";
            if (request.path == "/down/api/v1/query") response = {.status = 503, .body = "no"};
            if (request.path == "/denied/api/v1/query") response = {.status = 401, .body = "no"};
            if (request.path == "/huge/api/v1/query") response.body = std::string(11 << 20, ' ');
            if (request.path == "/get/api/v1/query") {
                response = request.method == "POST"
                               ? net::HttpServerResponse{.status = 405}
                               : net::HttpServerResponse{.body = R"({"status": "success",
                      "data": {"resultType": "scalar", "result": [1, "7"]}})"};
            }
            responder->send(std::move(response));
        });
    const std::string base = "http://127.0.0.1:" + std::to_string(fake->port()) + "/";
    const auto message = [&](const std::string& name) {
        world.create(
            name,
            R"({"successCondition": "result == 7",
            "provider": {"prometheus": {"query": "up", "timeout": 1}}})",
            base + name);
        const std::string phase = world.end_of(name);
        CHECK(phase == (name == "get" ? "Successful" : "Error"));
        return std::string(world.run(name).text("/status/metricResults/0/measurements/0/message"));
    };
    CHECK(message("malformed").starts_with("bad_response"));
    CHECK(message("html").starts_with("bad_response"));
    CHECK(message("empty").starts_with("bad_response"));
    CHECK(message("down") == "server_error: server error: 503");
    CHECK(message("denied") == "client_error: client error: 401");
    CHECK_FALSE(message("huge").empty());
    CHECK_FALSE(message("slow").empty());
    CHECK(message("get").empty());

    world.create(
        "refused",
        R"({"provider": {"prometheus": {"query": "up"}}})",
        "http://127.0.0.1:" + std::to_string(free_port()));
    CHECK(world.end_of("refused") == "Error");
}
