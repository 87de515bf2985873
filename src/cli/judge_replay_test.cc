#include "cli/judge_replay.h"

#include "cli/exit_codes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>

using namespace serin;
using namespace serin::cli;

namespace {

// One canary request in ten; `canary_fails` of each hundred of them fail.
std::string outcomes(int count, int canary_fails) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        const bool is_canary = i % 10 == 0;
        const bool fails = is_canary ? i / 10 % 100 < canary_fails : i % 1000 == 1;
        text += fmt::format(
            "{{\"t\": {}, \"arm\": \"{}\", \"ok\": {}, \"ms\": {}}}\n",
            100 + i * 0.01,
            is_canary ? "canary" : "stable",
            !fails,
            10 + i % 7);
    }
    return text;
}

Result<Replay> replay(
    const std::string& spec, const std::string& lines, const JudgeOptions& options = {}) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file);
    std::fwrite(lines.data(), 1, lines.size(), file.get());
    std::rewind(file.get());
    return replay_sequential(spec, file.get(), options);
}

}  // namespace

TEST_CASE("a replay says when a bad canary would have failed") {
    const auto failed = replay("", outcomes(20'000, 30), {.format = Format::json});
    REQUIRE(failed.has_value());
    CHECK(failed->exit_code == exit_degraded);
    const auto document = json::parse(failed->text);
    REQUIRE(document.has_value());
    CHECK(json::text(json::find(*document, "/decision")) == "fail");
    CHECK(json::text(json::find(*document, "/rule")) == "harm");
    const auto index = json::integer(json::find(*document, "/index"));
    CHECK(*index < 2000);
    CHECK(
        *json::number(json::find(*document, "/t")) ==
        doctest::Approx(100 + static_cast<double>(*index - 1) * 0.01));

    const auto text = replay("", outcomes(20'000, 30));
    CHECK(text->text.starts_with("fail at 10"));
    CHECK(text->text.contains("METRIC"));
}

TEST_CASE("a replay says where the canary is worse") {
    std::string lines;
    for (int i = 0; i < 20'000; ++i) {
        const bool is_canary = i % 4 == 0;
        const int route = i / 4 % 7;
        lines += fmt::format(
            "{{\"t\": {}, \"arm\": \"{}\", \"ok\": {}, \"route\": \"/r{}/{}\", \"method\": "
            "\"GET\", "
            "\"status\": {}, \"id\": \"id-{}\", \"headers\": {{\"x-client-version\": \"{}\"}}}}\n",
            i * 0.01,
            is_canary ? "canary" : "stable",
            !(is_canary && route == 3 && i % 3 == 0),
            char('a' + route),
            i,
            is_canary && route == 3 && i % 3 == 0 ? 502 : 200,
            i,
            i % 5);
    }
    const auto failed = replay("", lines, {.format = Format::json});
    REQUIRE(failed);
    const auto document = json::parse(failed->text);
    REQUIRE(document);
    CHECK(json::text(json::find(*document, "/where/slices/0/dimension")) == "route");
    CHECK(json::text(json::find(*document, "/where/slices/0/value")) == "/rd/{id}");
    CHECK(json::text(json::find(*document, "/where/slices/0/examples/0"))->starts_with("id-"));
    CHECK(replay("", lines)->text.contains("Worse is route /rd/{id}: "));
}

TEST_CASE("a replay judges a business outcome by a header, and names what is wrong with a line") {
    const std::string spec =
        "metrics: [{metric: business, header: x-checkout, good: ok, margin: {ratio: 0.95}}]";
    std::string lines;
    for (int i = 0; i < 10'000; ++i) {
        const bool is_canary = i % 5 == 0;
        lines += fmt::format(
            "{{\"t\": {}, \"arm\": \"{}\", \"ok\": true, \"responseHeaders\": "
            "{{\"x-checkout\": \"{}\"}}}}\n",
            i * 0.01,
            is_canary ? "canary" : "stable",
            is_canary && i % 15 == 0 ? "failed" : "ok");
    }
    CHECK(replay(spec, lines)->exit_code == exit_degraded);
    const auto refused = [](const std::string& fields) {
        return replay("", R"({"t":0,"arm":"canary","ok":true,)" + fields + "}").error().message;
    };
    CHECK(refused(R"("route":7)").contains("line 1: route: expected text"));
    CHECK(refused(R"("status":"200")").contains("status: expected a status code"));
    CHECK(refused(R"("headers":[])").contains("headers: expected an object"));
}

TEST_CASE("a replay says when a good canary would have passed") {
    const auto passed = replay("metrics: [{metric: error-rate}]", outcomes(30'000, 0));
    REQUIRE(passed.has_value());
    CHECK(passed->exit_code == exit_ok);
    CHECK(passed->text.starts_with("pass at "));

    const auto short_one = replay("", outcomes(100, 0));
    CHECK(short_one->exit_code == exit_unfinished);
    CHECK(short_one->text.contains("not yet shown to be within the margin"));
}

TEST_CASE("the path of the evidence is shown on request") {
    const auto path = replay("", outcomes(1000, 0), {.every = 250});
    REQUIRE(path.has_value());
    CHECK(path->text.starts_with("OUTCOME"));
    CHECK(path->text.contains("\n750 "));
    const auto printed =
        json::parse(replay("", outcomes(1000, 0), {.every = 250, .format = Format::json})->text);
    CHECK(json::array(json::find(*printed, "/path"))->size() == 4);
}

TEST_CASE("bad lines and bad fields are named") {
    const std::string good = R"({"t": 1, "arm": "stable", "ok": true})";
    const auto error_of = [&](const std::string& line) {
        const auto result = replay("", good + "\n\n" + line + "\n");
        REQUIRE(!result.has_value());
        return result.error().message;
    };
    CHECK(
        error_of(R"({"t": 1, "arm": "blue", "ok": true})") ==
        "outcomes, line 3: arm: expected \"stable\" or \"canary\"");
    CHECK(
        error_of(R"({"t": 1, "arm": "stable", "ok": 1})") ==
        "outcomes, line 3: ok: expected true or false");
    CHECK(
        error_of(R"({"t": 1, "arm": "stable", "ok": true, "ms": -1})") ==
        "outcomes, line 3: ms: expected a number of at least 0");
    CHECK(error_of("{").starts_with("outcomes, line 3: "));

    const auto spec = replay(
        "alpha: 0.01\nmetrics:\n- metric: latency\n  quantil: 0.9\n",
        good,
        {.spec_file = "S.yaml"});
    REQUIRE(!spec.has_value());
    CHECK(spec.error().message.starts_with("S.yaml:4:3: metrics[0].quantil: unknown field"));
}
