#include "base/json.h"

#include <doctest/doctest.h>

#include "program.h"
#include <string>

// plans/*.yaml with what `serin plan show` says of them in plans/*.txt.

using namespace serin;
using namespace serin::lint_test;

namespace {

Ran plan(const std::string& words) {
    return serin::lint_test::serin(PLANS_FOLDER, "plan show " + words);
}

std::string expected(const std::string& name) {
    return read_file(std::string(PLANS_FOLDER) + "/" + name);
}

}  // namespace

TEST_CASE("a canary's plan is told step by step") {
    const Ran ran = plan("-f canary.yaml --traffic 500rps");
    CHECK(ran.exit_code == 0);
    CHECK(ran.out == expected("canary.txt"));
}

TEST_CASE("so is a blue-green release") {
    const Ran ran = plan("-f blue-green.yaml");
    CHECK(ran.exit_code == 0);
    CHECK(ran.out == expected("blue-green.txt"));
}

TEST_CASE("the plan is a document too, and the same by the name convert") {
    const Ran as_json = plan("-f canary.yaml -o json");
    const auto read = json::parse(as_json.out);
    REQUIRE(read);
    CHECK(json::text(json::find(*read, "/0/rollout")) == "default/myapp");
    CHECK(json::integer(json::find(*read, "/0/steps/2/weight")) == 25);
    CHECK(json::text(json::find(*read, "/0/steps/2/after")) == "10m");
    CHECK(json::text(json::find(*read, "/0/earliestFinish")) == "35m");
    CHECK(json::text(json::find(*read, "/0/latestFinish")) == "1h25m");
    CHECK(plan("-f canary.yaml -o yaml").out.contains("earliestFinish: 35m"));

    const Ran converted =
        serin::lint_test::serin(PLANS_FOLDER, "convert -f canary.yaml -o plan --traffic 500rps");
    CHECK(converted.exit_code == 0);
    CHECK(converted.out == expected("canary.txt"));
}

TEST_CASE("what has errors or no Rollout has no plan") {
    CHECK(plan("myapp -f canary.yaml").exit_code == 0);
    CHECK(plan("another -f canary.yaml").exit_code == 5);
    CHECK(plan("-f ../fixtures/35-refused/as-written.yaml").exit_code == 1);
    CHECK(plan("-f ../fixtures/21-deployment-policy/fixed.yaml").exit_code == 5);
    CHECK(plan("-f canary.yaml --traffic lots").exit_code == 1);
    CHECK(
        serin::lint_test::serin(PLANS_FOLDER, "convert -f canary.yaml -o flagger").exit_code == 1);
}
