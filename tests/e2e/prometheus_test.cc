// Judging with a real Prometheus that scrapes the shop and the gateway.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <array>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view judged_by_prometheus = R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: shop-health
spec:
  metrics:
    - name: gateway-success-rate
      initialDelay: 8s
      interval: 2s
      count: 2
      successCondition: result[0] >= 0.95
      provider:
        prometheus:
          address: http://127.0.0.1:@PORT@
          query: |
            sum(rate(serin_gateway_requests_total{service="shop-canary",code!~"5.."}[6s]))
            / sum(rate(serin_gateway_requests_total{service="shop-canary"}[6s]))
    - name: shop-serves
      initialDelay: 8s
      interval: 2s
      count: 2
      successCondition: result[0] > 0
      provider:
        prometheus:
          address: http://127.0.0.1:@PORT@
          query: sum(rate(shop_requests_total{code="200"}[6s]))
)";

// "key0123456789", where only its Secret has it.
constexpr std::string_view asked_with_a_key = R"(apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {prometheus: a2V5MDEyMzQ1Njc4OQ==}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: shop-health}
spec:
  args:
    - name: key
      valueFrom: {secretKeyRef: {name: keys, key: prometheus}}
  metrics:
    - name: asked-wrongly
      consecutiveErrorLimit: 0
      provider:
        prometheus:
          address: http://127.0.0.1:@PORT@
          query: up {{args.key}}
          headers:
            - {key: X-Api-Key, value: "{{args.key}}"}
)";

// A Prometheus of the test's own, ended with it.
class Prometheus {
public:
    Prometheus(const Machine& machine, const std::string& pod_address) : port_(free_port()) {
        const std::string folder = machine.folder();
        const std::string api = machine.api_url().substr(7);
        write_file(
            folder + "/prometheus.yml",
            fmt::format(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n"
                "  - job_name: serin\n    static_configs: [{{targets: ['{}']}}]\n"
                "  - job_name: shop\n    static_configs: [{{targets: ['{}']}}]\n",
                api,
                pod_address));
        const std::array<std::string, 5> words = {
            "prometheus",
            "--config.file=" + folder + "/prometheus.yml",
            "--storage.tsdb.path=" + folder + "/tsdb",
            fmt::format("--web.listen-address=127.0.0.1:{}", port_),
            "--log.level=error"};
        std::vector<char*> argv;
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        REQUIRE(posix_spawnp(&pid_, argv[0], nullptr, nullptr, argv.data(), environ) == 0);
        REQUIRE(wait_until(30s, [&] {
            return run({"curl", "-sf", fmt::format("http://127.0.0.1:{}/-/ready", port_)}).code ==
                   0;
        }));
    }
    ~Prometheus() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
    Prometheus(const Prometheus&) = delete;
    Prometheus& operator=(const Prometheus&) = delete;

    int port() const { return port_; }

private:
    int port_;
    pid_t pid_ = 0;
};

std::string address_of_first_pod(const Machine& machine) {
    const auto pods = json::parse(machine.serin({"get", "pods", "-o", "json"}).out);
    REQUIRE(pods.has_value());
    const json::Value* pod = json::find(*pods, "/items/0");
    REQUIRE(pod != nullptr);
    const auto ports = json::parse(
        json::text(json::find(*pod, "/metadata/annotations/serin.dev~1ports")).value_or(""));
    return fmt::format(
        "{}:{}",
        json::text(json::find(*pod, "/status/podIP")).value_or(""),
        json::integer(json::find(*ports, "/8080")).value_or(0));
}

std::string with_port(std::string_view manifest, const Prometheus& prometheus) {
    std::string text(manifest);
    for (size_t at = text.find("@PORT@"); at != std::string::npos; at = text.find("@PORT@"))
        text.replace(at, 6, std::to_string(prometheus.port()));
    return text;
}

}  // namespace

TEST_CASE("Prometheus over gateway and shop promotes the healthy and takes back the poisoned") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    const Prometheus prometheus(machine, address_of_first_pod(machine));
    write_file(
        machine.manifests() + "/4-analysis.yaml", with_port(judged_by_prometheus, prometheus));
    REQUIRE(wait_until(20s, [&] {
        return json::print(machine.get("analysistemplate", "shop-health")).contains("prometheus");
    }));

    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(machine.phase().contains("gateway-success-rate"));
    const json::Value report = machine.stop_load("v3");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);

    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "3m"}).code == 0);
    machine.stop_load("v2");
}

TEST_CASE("a key that Prometheus repeats stands in no status, event, log or record") {
    Machine machine;
    machine.up({"--verbose"});
    REQUIRE(machine.wait_for_phase("Healthy"));
    const Prometheus prometheus(machine, address_of_first_pod(machine));
    write_file(machine.manifests() + "/4-analysis.yaml", with_port(asked_with_a_key, prometheus));
    REQUIRE(wait_until(20s, [&] {
        return json::print(machine.get("analysistemplate", "shop-health"))
            .contains("asked-wrongly");
    }));
    machine.start_load(50);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    machine.stop_load("v2");
    const Ran runs = machine.serin({"get", "analysisruns", "-o", "yaml"});
    CHECK(runs.out.contains(R"(unexpected identifier \"*****\")"));

    constexpr std::string_view key = "key0123456789";
    for (const char* type :
         {"analysisruns", "rollouts", "replicasets", "events", "pods", "configmaps"}) {
        CAPTURE(type);
        const Ran shown = machine.serin({"get", type, "-o", "yaml"});
        CHECK(shown.code == 0);
        CHECK_FALSE(shown.out.contains(key));
    }
    CHECK_FALSE(machine.log().contains(key));
    machine.stop_serin();
    // Its database has it as the Secret has it, encoded, and nowhere else; so have the records.
    CHECK(run({"grep", "-rlF", "a2V5MDEyMzQ1Njc4OQ==", machine.state()}).code == 0);
    const Ran found = run({"grep", "-rlF", std::string(key), machine.state()});
    CHECK(found.code == 1);
    CHECK(found.out.empty());
}

}  // namespace serin::e2e
