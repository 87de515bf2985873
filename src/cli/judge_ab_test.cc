#include "cli/judge_ab.h"

#include "cli/exit_codes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <memory>

using namespace serin;
using namespace serin::cli;

namespace {

// Every second visitor sees the new arm; one in `control` and one in `changed` converts.
std::string visits(int count, int control, int changed) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const bool is_new = i % 2 == 1;
        text += fmt::format(
            "{{\"t\": {}, \"arm\": \"{}\", \"converted\": {}}}\n",
            i,
            is_new ? "new" : "control",
            i / 2 % (is_new ? changed : control) == 0);
    }
    return text;
}

Result<AbReplay> replay(const std::string& lines, AbOptions options = {}) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file);
    std::fwrite(lines.data(), 1, lines.size(), file.get());
    std::rewind(file.get());
    if (options.arms.empty()) options.arms = "control,new";
    return replay_ab(file.get(), options);
}

}  // namespace

TEST_CASE("a replayed experiment stops at its winner") {
    const auto won = replay(visits(50'000, 20, 10), {.every = 1000, .format = Format::json});
    REQUIRE(won.has_value());
    CHECK(won->exit_code == exit_ok);
    const auto document = json::parse(won->text);
    REQUIRE(document.has_value());
    CHECK(json::text(json::find(*document, "/winner")) == "new");
    CHECK(*json::integer(json::find(*document, "/wonAtVisit")) < 10'000);
    CHECK(json::find(*document, "/path/0/arms/1/probabilityBest") != nullptr);
    CHECK(replay(visits(50'000, 20, 10))->text.starts_with("winner new at "));
    const auto path = replay(visits(1000, 20, 20), {.every = 500});
    CHECK(path->text.contains("\n500 "));
    CHECK(path->text.contains("\n1000 "));
}

TEST_CASE("equal arms have no winner, and a broken split no comparison") {
    CHECK(replay(visits(5000, 20, 20))->exit_code == exit_unfinished);
    const auto broken = replay(visits(5000, 20, 20), {.arms = "control=60,new=40"});
    CHECK(broken->exit_code == exit_degraded);
    CHECK(broken->text.starts_with("invalid"));
}

TEST_CASE("bad lines are named") {
    CHECK(replay("{\"t\": 1}").error().message.starts_with("visits, line 1: arm"));
    CHECK(replay("\n{\"t\": 1, \"arm\": \"x\", \"converted\": true}")
              .error()
              .message.starts_with("visits, line 2: arm: 'x'"));
    CHECK(replay("{\"t\": 1, \"arm\": \"new\", \"converted\": 1}")
              .error()
              .message.contains("converted"));
    CHECK(replay("", {.arms = "one"}).error().message.contains("two to 8"));
}
