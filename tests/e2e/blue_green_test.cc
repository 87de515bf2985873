// All traffic at once, under load, from one end to the other.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

std::int64_t now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

struct BlueGreen {
    BlueGreen() {
        machine.edit("1-gateway.yaml", "port: 8081", fmt::format("port: {}", preview_port));
    }
    void start() {
        machine.up();
        REQUIRE(machine.wait_for_phase("Healthy"));
        machine.start_load(200);
    }
    void release(const std::string& version) {
        REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:" + version}).code == 0);
    }
    std::string at(const std::string& pointer) const {
        const json::Value rollout = machine.get("rollout", "shop");
        return std::string(json::text(json::find(rollout, pointer)).value_or(""));
    }
    // Both services lead to the revision of the template.
    bool is_cut_over() const {
        return at("/status/blueGreen/activeSelector") == at("/status/currentPodHash") &&
               at("/status/blueGreen/previewSelector") == at("/status/currentPodHash");
    }

    int preview_port = free_port();
    Machine machine{"blue-green"};
};

}  // namespace

TEST_CASE("all traffic moves to a healthy version, and back with one switch, and none is lost") {
    BlueGreen shop;
    shop.start();
    shop.release("v2");
    CHECK(shop.machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(shop.is_cut_over());
    const std::string proved = shop.at("/status/stableRS");

    const std::int64_t asked = now_ms();
    REQUIRE(shop.machine.serin({"undo", "shop"}).code == 0);
    CHECK(shop.machine.serin({"status", "shop", "--timeout", "1m"}).code == 0);
    CHECK(shop.at("/status/stableRS") != proved);
    // Nobody judged it again: the one run there is judged v2.
    const Ran runs = shop.machine.serin({"get", "analysisruns", "-o", "json"});
    CHECK(runs.out.contains("-post"));
    CHECK_FALSE(runs.out.contains("-3-post"));

    const json::Value all = shop.machine.stop_load("v2");
    INFO(json::print(all));
    CHECK(count(all, "/requests_canary") > 0);
    CHECK(count(all, "/canary_failures") == 0);
    CHECK(count(all, "/requests_lost") == 0);
    MESSAGE(
        "undone in ",
        count(shop.machine.report("v2", asked), "/first_bad_to_zero_ms"),
        " ms, from the command's start to the last response of the version left");
}

TEST_CASE("a version that fails with all traffic is left again at once") {
    BlueGreen shop;
    shop.start();
    shop.release("v3");
    CHECK(shop.machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(shop.machine.phase().contains("Blue/green post-promotion analysis"));
    CHECK(shop.machine.phase().contains("success-rate"));
    CHECK(shop.at("/status/blueGreen/activeSelector") == shop.at("/status/stableRS"));
    CHECK(shop.at("/status/stableRS") != shop.at("/status/currentPodHash"));

    const json::Value failed = shop.machine.stop_load("v3");
    INFO(json::print(failed));
    CHECK(count(failed, "/canary_failures") > 0);
    CHECK(count(failed, "/requests_lost") == 0);
    MESSAGE(
        "left ",
        count(failed, "/first_bad_to_zero_ms"),
        " ms after its first bad response, ",
        count(failed, "/requests_canary"),
        " requests had met it");
}

TEST_CASE("users never meet a version that fails when it is looked at") {
    BlueGreen shop;
    shop.machine.edit("3-rollout.yaml", "postPromotionAnalysis", "prePromotionAnalysis");
    shop.start();
    const std::string active = shop.at("/status/blueGreen/activeSelector");
    shop.release("v3");
    REQUIRE(wait_until(60s, [&] {
        return shop.machine.serin({"get", "analysisruns", "-o", "json"}).out.contains("-pre");
    }));
    // Those who look first.
    REQUIRE(
        run({LOAD_PROGRAM,
             "run",
             "--url",
             fmt::format("http://127.0.0.1:{}", shop.preview_port),
             "--rate",
             "50",
             "--seconds",
             "4",
             "--log",
             shop.machine.folder() + "/preview.log"})
            .code == 0);
    CHECK(shop.machine.wait_for_phase("Degraded", 60s, "Blue/green pre-promotion analysis"));
    CHECK(shop.at("/status/blueGreen/activeSelector") == active);

    const json::Value users = shop.machine.stop_load("v3");
    INFO(json::print(users));
    CHECK(count(users, "/requests_canary") == 0);
    CHECK(count(users, "/requests_lost") == 0);
}

TEST_CASE("traffic waits for a person who lets it move, over a crash of Serin too") {
    BlueGreen shop;
    shop.machine.edit(
        "3-rollout.yaml",
        "      scaleDownDelaySeconds: 30",
        "      autoPromotionEnabled: false\n      scaleDownDelaySeconds: 1");
    shop.start();
    shop.release("v2");
    REQUIRE(shop.machine.wait_for_phase("Paused", 60s, "BlueGreenPause"));
    shop.machine.kill_serin();
    shop.machine.up();
    REQUIRE(shop.machine.wait_for_phase("Paused", 60s, "BlueGreenPause"));
    CHECK(count(shop.machine.report("v2"), "/requests_canary") == 0);

    REQUIRE(shop.machine.serin({"promote", "shop"}).code == 0);
    CHECK(shop.machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(shop.is_cut_over());
    // The former version leaves, and nobody notices.
    CHECK(wait_until(60s, [&] {
        const json::Value rollout = shop.machine.get("rollout", "shop");
        return json::integer(json::find(rollout, "/status/replicas")) == 3;
    }));
    const json::Value all = shop.machine.stop_load("v2");
    INFO(json::print(all));
    CHECK(count(all, "/requests_canary") > 0);
    CHECK(count(all, "/requests_lost") == 0);
}

}  // namespace serin::e2e
