// Plugins are strangers: whatever a program does, there is an answer or an error.

#include "base/digest.h"
#include "node/plugin_processes.h"

#include <doctest/doctest.h>

#include "world.h"
#include <chrono>
#include <fstream>
#include <optional>
#include <sys/stat.h>

namespace serin::node {

using namespace std::chrono_literals;

namespace {

struct Stage : World {
    PluginProcesses plugins{loop};

    std::string write(const std::string& script) {
        const std::string path = folder + "/plugin";
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        chmod(path.c_str(), 0700);
        return path;
    }

    // Time stands still, unless the deadline is to pass.
    Result<json::Object> ask(
        const std::string& script, const std::string& sha256 = "", bool is_patient = false) {
        PluginCall call{
            .plugin = "acme/test",
            .program = write(script),
            .arguments = {"--one"},
            .sha256 = sha256,
            .request = {{"method", "Run"}},
            .deadline = 5s};
        std::optional<Result<json::Object>> answer;
        const auto under_way = plugins.call(
            std::move(call), [&](Result<json::Object> given) { answer = std::move(given); });
        const auto is_answered = [&] { return answer.has_value(); };
        REQUIRE((is_patient ? until_in_time(is_answered) : until(is_answered)));
        return *answer;
    }
};

}  // namespace

TEST_CASE("a plugin reads its question and answers in a line") {
    Stage stage;
    const auto answer = stage.ask(
        R"(read question; echo "to the log" >&2; echo "{\"asked\": $question, \"arg\": \"$1\"}")");
    REQUIRE(answer);
    CHECK(json::text(json::find(*answer, "/asked/method")) == "Run");
    CHECK(json::text(json::find(*answer, "/arg")) == "--one");
}

TEST_CASE("a plugin that does not read, or says too much to the log, answers all the same") {
    Stage stage;
    CHECK(stage.ask(R"(i=0; while [ $i -lt 200 ]; do echo "noise $i" >&2; i=$((i+1)); done
        echo '{"phase": "Successful"}')"));
}

TEST_CASE("whatever else a plugin does is an error with its reason") {
    struct Case {
        const char* script;
        const char* reason;
    };
    for (const Case& one : std::initializer_list<Case>{
             {"exit 3", "exit code 3"},
             {"kill -9 $$", "signal 9"},
             {":", "answered nothing"},
             {"echo hello", "one JSON object"},
             {"echo '[1]'", "one JSON object"},
             {"echo '{}'; echo '{}'", "one JSON object"},
             {"exec yes '{\"phase\": \"Running\"}'", "more than"},
             {"exec sleep 3600", "within 5s"},
             {"trap '' TERM; while :; do sleep 1; done", "within 5s"}}) {
        CAPTURE(one.script);
        Stage stage;
        const bool is_late = std::string_view(one.reason) == "within 5s";
        const auto answer = stage.ask(one.script, "", is_late);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ErrorKind::unavailable);
        CHECK(answer.error().message.contains(one.reason));
        CHECK(answer.error().message.contains("acme/test"));
    }
}

TEST_CASE("children that a plugin leaves behind hold nothing up") {
    Stage stage;
    CHECK(stage.ask("sleep 3600 & echo '{}'"));
}

TEST_CASE("a program is run only if its file is the one registered") {
    Stage stage;
    const std::string script = "echo '{}'";
    const std::string digest = sha256_hex("#!/bin/sh\n" + script + "\n");
    CHECK(stage.ask(script, digest));
    const auto other = stage.ask(script + " ", digest);
    REQUIRE_FALSE(other);
    CHECK(other.error().kind == ErrorKind::invalid);
    CHECK(other.error().message.contains("sha256"));
}

TEST_CASE("a question that nobody waits for ends its program") {
    Stage stage;
    const std::string marker = stage.folder + "/pid";
    auto call = stage.plugins.call(
        {.plugin = "acme/test",
         .program = stage.write("echo $$ > " + marker + "; exec sleep 3600")},
        [](const Result<json::Object>&) { FAIL("nobody waits"); });
    pid_t pid = 0;
    REQUIRE(stage.until([&] { return std::ifstream(marker) >> pid && pid > 0; }));
    call.reset();
    CHECK(stage.until([&] { return !find_process(pid); }));
}

}  // namespace serin::node
