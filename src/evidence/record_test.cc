#include "evidence/record.h"

#include "evidence/timeline.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace serin;
using namespace serin::evidence;

namespace {

Record failed_judge() {
    Record record;
    record.before = {.phase = "Progressing", .candidate = "v2", .stable = "v1"};
    record.before.step = 1;
    record.before.steps = 4;
    record.before.weight = 5;
    record.after = record.before;
    record.after.phase = "Degraded";
    record.after.step = 0;
    record.after.weight = 0;
    record.causes = {
        {"aborted", "the step's run failed: rate", "shop-v2-2-1"},
        {"weight", "the candidate's weight goes from 5 to 0", ""}};
    record.numbers = {{
        .run = "shop-v2-2-1",
        .metric = "rate",
        .phase = "Failed",
        .value = "[0.8]",
        .condition = "result[0] >= 0.95",
        .window = "30s",
        .interval = "10s",
        .sample = SampleShown{.requests = 200, .failed = 40, .lost = 0},
        .measurements = 3,
        .failed = {1, 0},
    }};
    record.actions = {Announce{.news = Announce::News::aborted}, SetSplit{{0, 100}}};
    record.split = SplitSeen{{5, 100}, Split{5, 100}, true};
    record.revisions = {{.id = "v2", .number = 2, .desired = 1, .available = 1}, {.id = "old"}};
    return record;
}

}  // namespace

TEST_CASE("a record holds the rule, the numbers, what was seen and what is done") {
    const json::Object body = to_json(failed_judge());
    const auto text = [&](const char* pointer) { return json::text(json::find(body, pointer)); };
    CHECK(text("/rule") == "aborted");
    CHECK(
        text("/reason") == "the step's run failed: rate; the candidate's weight goes from 5 to 0");
    CHECK(text("/numbers/0/condition") == "result[0] >= 0.95");
    CHECK(text("/numbers/0/value") == "[0.8]");
    CHECK(json::integer(json::find(body, "/numbers/0/n")) == 200);
    CHECK(text("/numbers/0/of") == "requests");
    CHECK(text("/numbers/0/window") == "30s");
    CHECK(text("/numbers/0/interval") == "10s");
    CHECK(json::integer(json::find(body, "/numbers/0/failedRequests")) == 40);
    CHECK(json::integer(json::find(body, "/numbers/0/measurements")) == 3);
    CHECK(json::integer(json::find(body, "/numbers/0/failed")) == 1);
    CHECK(json::integer(json::find(body, "/numbers/0/failedMax")) == 0);
    CHECK(json::find(body, "/numbers/0/stableValue") == nullptr);
    CHECK(text("/actions/0/do") == "set_split");
    CHECK(json::find(body, "/actions/1") == nullptr);  // Announcements are no actions.
    CHECK(json::boolean(json::find(body, "/seen/settled")) == true);
    CHECK(json::find(body, "/seen/revisions/1") == nullptr);  // Without replicas: history.
}

TEST_CASE("no record is without a reason") {
    Record record;
    record.actions = {StopRun{.name = "r"}, Scale{.revision = "v1", .replicas = 2}};
    const json::Object body = to_json(record);
    CHECK(json::text(json::find(body, "/rule")) == "carry_on");
    CHECK(json::text(json::find(body, "/reason")) == "to stop run r; to scale revision v1 to 2");
}

TEST_CASE("the timeline reads as a page") {
    EvidenceEntry entry;
    entry.at = Instant(std::chrono::hours(480'000)) + std::chrono::milliseconds(250);
    entry.release = "rollouts.argoproj.io default/shop";
    entry.body = to_json(failed_judge());
    CHECK(
        render_timeline({entry}) ==
        "2024-10-04T00:00:00.250Z  rollouts.argoproj.io default/shop\n"
        "    aborted: the step's run failed: rate; the candidate's weight goes from 5 to 0\n"
        "    Progressing -> Degraded, step 0/4, weight 5 -> 0\n"
        "    rate 0.8 of 200 requests (40 failed) in 30s, wanted result[0] >= 0.95: Failed "
        "(1 of 3 measurements failed, 0 allowed)\n"
        "    -> set the candidate's weight to 0 of 100\n");
}

TEST_CASE("the timeline tells how sides compare, and what could not be measured") {
    const auto line_of = [](Number number) {
        Record record;
        record.causes = {{"inconclusive", "run r could not tell", "r"}};
        record.numbers = {std::move(number)};
        EvidenceEntry entry;
        entry.body = to_json(record);
        const std::string page = render_timeline({entry});
        return page.substr(page.find("    m "));
    };
    CHECK(
        line_of({
            .metric = "m",
            .phase = "Failed",
            .value = "[0.15]",
            .condition = "fails when result[0] > 0.1",
            .window = "1m",
            .sample =
                SampleShown{
                    .requests = 50,
                    .candidate_value = "0.16",
                    .stable_value = "0.01",
                    .stable_requests = 950},
            .measurements = 2,
            .failed = {2, 1},
        }) ==
        "    m 0.15 of 50 requests in 1m (candidate 0.16, stable 0.01 of 950 requests), "
        "fails when result[0] > 0.1: Failed (2 of 2 measurements failed, 1 allowed)\n");
    CHECK(
        line_of({
            .metric = "m",
            .phase = "Error",
            .condition = "result < 3",
            .measurements = 6,
            .errors = {5, 4},
            .message = "connection refused",
        }) ==
        "    m without a value, wanted result < 3: Error "
        "(5 of 6 measurements ended in errors, 4 in a row allowed): connection refused\n");
    CHECK(
        line_of({
            .metric = "m",
            .phase = "Inconclusive",
            .value = "[1, 2]",
            .window = "30s",
            .measurements = 3,
            .inconclusive = {3, 2},
        }) ==
        "    m [1, 2] in 30s: Inconclusive (3 of 3 measurements could not tell, 2 allowed)\n");
}

TEST_CASE("a record says where the candidate is worse, if anything is known of it") {
    Record record = failed_judge();
    CHECK(json::find(to_json(record), "/numbers/0/where") == nullptr);
    record.numbers[0].where = {{"text", "Worse is pod shop-1: 8 of 10 requests failed"}};
    EvidenceEntry entry;
    entry.body = to_json(record);
    CHECK(json::find(entry.body, "/numbers/0/where/text") != nullptr);
    CHECK(render_timeline({entry}).contains(
        ", 0 allowed)\n        Worse is pod shop-1: 8 of 10 requests failed\n"));
}

TEST_CASE("an entry from elsewhere does not break the timeline") {
    EvidenceEntry entry;
    entry.release = "x";
    entry.body = {{"rule", 3}, {"numbers", {1, "two"}}, {"actions", "none"}};
    CHECK(render_timeline({entry}).starts_with("1970-01-01T00:00:00.000Z  x\n"));
    CHECK(render_timeline({}).empty());
}
