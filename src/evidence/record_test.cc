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
        .window = "10s",
        .measurements = 3,
        .failed = 1,
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
    CHECK(json::integer(json::find(body, "/numbers/0/n")) == 3);
    CHECK(text("/actions/0/do") == "set_split");
    CHECK(json::find(body, "/actions/1") == nullptr);  // Announcements are no actions.
    CHECK(json::boolean(json::find(body, "/seen/settled")) == true);
    CHECK(json::find(body, "/seen/revisions/1") == nullptr);  // Without replicas: history.
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
        "    rate = [0.8] (result[0] >= 0.95, every 10s, n = 3): Failed\n"
        "    -> set the candidate's weight to 0 of 100\n");
}

TEST_CASE("an entry from elsewhere does not break the timeline") {
    EvidenceEntry entry;
    entry.release = "x";
    entry.body = {{"rule", 3}, {"numbers", {1, "two"}}, {"actions", "none"}};
    CHECK(render_timeline({entry}).starts_with("1970-01-01T00:00:00.000Z  x\n"));
    CHECK(render_timeline({}).empty());
}
