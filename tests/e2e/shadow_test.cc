// A release whose answers are compared with those of stable before any user gets one.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <atomic>
#include <string>
#include <thread>

namespace serin::e2e {

namespace {

using namespace std::chrono_literals;

void add_template(const Machine& machine) {
    write_file(machine.manifests() + "/5-shadow.yaml", R"(apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: same-answers
spec:
  metrics:
    - name: same-answers
      provider:
        plugin:
          serin/shadow: {rate: 40, requests: 60}
)");
}

// A candidate of one pod without traffic, and the comparison.
void compare_first(Machine& machine) {
    const std::string steps = read_file(machine.manifests() + "/3-rollout.yaml");
    const std::size_t from = steps.find("        - setWeight: 5\n");
    const std::size_t to = steps.find("  template:\n");
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    write_file(
        machine.manifests() + "/3-rollout.yaml",
        steps.substr(0, from) +
            "        - setCanaryScale: {replicas: 1}\n"
            "        - analysis: {templates: [{templateName: same-answers}]}\n"
            "        - pause: {}\n" +
            steps.substr(to));
    add_template(machine);
}

// A user who looks at the offers again and again.
class Visitor {
public:
    explicit Visitor(const std::string& url) {
        thread_ = std::thread([this, url] {
            while (!is_over_) {
                const Ran answer = run({"curl", "-s", "-D", "-", url + "/offers?user=ann"});
                const bool is_stable = answer.out.contains("x-shop-version: v1\r") &&
                                       answer.out.contains("\"cents\":4900");
                ++(is_stable ? from_stable_ : others_);
            }
        });
    }
    ~Visitor() { stop(); }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;

    void stop() {
        is_over_ = true;
        if (thread_.joinable()) thread_.join();
    }
    int from_stable() const { return from_stable_; }
    int others() const { return others_; }

private:
    std::atomic<bool> is_over_ = false;
    std::atomic<int> from_stable_ = 0;
    std::atomic<int> others_ = 0;
    std::thread thread_;
};

std::string analysis_runs(const Machine& machine) {
    return machine.serin({"get", "analysisruns", "-o", "json"}).out;
}

}  // namespace

TEST_CASE("a candidate with a wrong price is taken back before a user sees it") {
    Machine machine;
    machine.add_image("cheap", {{"SHOP_DISCOUNT_PERCENT", "90"}});
    compare_first(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(50);
    Visitor visitor(machine.url());
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:cheap"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    visitor.stop();
    const std::string runs = analysis_runs(machine);
    INFO(runs);
    CHECK(runs.contains("/offers/*/cents: another value, the candidate was the odd one in "));
    CHECK(runs.contains("such as GET /offers of default/shop"));
    CHECK_FALSE(runs.contains("user=ann"));
    CHECK_FALSE(runs.contains("490,"));
    CHECK(visitor.from_stable() > 5);
    CHECK(visitor.others() == 0);
    const json::Value report = machine.stop_load("cheap");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
    CHECK(json::integer(json::find(report, "/requests_canary")) == 0);
}

TEST_CASE("a healthy candidate passes, though each of its answers has a time and an id") {
    Machine machine;
    compare_first(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(50);
    Visitor visitor(machine.url());
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    // A crash of Serin in the middle of it changes nothing.
    REQUIRE(wait_until(60s, [&] { return analysis_runs(machine).contains("same-answers"); }));
    machine.kill_serin();
    machine.up();
    REQUIRE(machine.wait_for_phase("Paused", 120s));
    visitor.stop();
    const std::string runs = analysis_runs(machine);
    INFO(runs);
    CHECK(runs.contains("60 comparisons without a difference that stable does not have"));
    CHECK(runs.contains("\"phase\": \"Successful\""));
    CHECK(visitor.from_stable() > 5);
    CHECK(visitor.others() == 0);
    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
    CHECK(json::integer(json::find(report, "/requests_canary")) == 0);
}

TEST_CASE("blue-green compares before its switch") {
    Machine machine("blue-green");
    machine.edit("1-gateway.yaml", "port: 8081", fmt::format("port: {}", free_port()));
    machine.edit(
        "3-rollout.yaml",
        "      previewService: shop-preview\n",
        "      previewService: shop-preview\n"
        "      prePromotionAnalysis: {templates: [{templateName: same-answers}]}\n");
    add_template(machine);
    machine.add_image("cheap", {{"SHOP_DISCOUNT_PERCENT", "90"}});
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    Visitor visitor(machine.url());
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:cheap"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    visitor.stop();
    const std::string runs = analysis_runs(machine);
    INFO(runs);
    CHECK(runs.contains("/offers/*/cents: another value"));
    CHECK(visitor.from_stable() > 5);
    CHECK(visitor.others() == 0);
}

}  // namespace serin::e2e
