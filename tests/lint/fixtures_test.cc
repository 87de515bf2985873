#include "base/json.h"

#include <doctest/doctest.h>

#include "program.h"
#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

// Each folder of fixtures/ has a manifest as people write it, `as-written.yaml`, with what has to
// be found in `as-written.txt`, and `fixed.yaml` with nothing to find but the infos in `fixed.txt`.
// tests/lint/accept.sh writes the expectations anew.

using namespace serin;
using namespace serin::lint_test;

namespace {

std::vector<std::string> fixtures() {
    std::vector<std::string> folders;
    for (const auto& entry : std::filesystem::directory_iterator(FIXTURES_FOLDER)) {
        folders.push_back(entry.path().string());
    }
    std::ranges::sort(folders);
    return folders;
}

std::string options(const std::string& folder) {
    std::string words = read_file(folder + "/options");
    std::erase(words, '\n');
    return words;
}

// The findings alone. What Serin does not act on yet, or what has no effect yet, may tomorrow: that
// is tested where it is said.
std::string findings(const std::string& out) {
    std::string kept;
    for (std::size_t start = 0; start < out.size();) {
        const std::size_t end = std::min(out.find('\n', start), out.size());
        const std::string line = out.substr(start, end - start);
        start = end + 1;
        const bool is_finding = line.contains(".yaml:") && line.contains(" [");
        const bool is_of_today = line.contains("[not-supported]") || line.contains("[no-effect]");
        if (is_finding && !is_of_today) kept += line + "\n";
    }
    return kept;
}

}  // namespace

TEST_CASE("defects of published manifests are found, and nothing else") {
    for (const std::string& folder : fixtures()) {
        CAPTURE(folder);
        const Ran ran =
            serin::lint_test::serin(folder, "lint -f as-written.yaml " + options(folder));
        CHECK(findings(ran.out) == read_file(folder + "/as-written.txt"));
        CHECK(ran.exit_code == (ran.out.contains(": error: ") ? 2 : 0));
    }
}

TEST_CASE("corrected manifests are clean, also under --strict") {
    for (const std::string& folder : fixtures()) {
        CAPTURE(folder);
        const Ran ran =
            serin::lint_test::serin(folder, "lint --strict -f fixed.yaml " + options(folder));
        CHECK(findings(ran.out) == read_file(folder + "/fixed.txt"));
        CHECK_FALSE(ran.out.contains(": warning: "));
        if (!ran.out.contains("[not-supported]")) CHECK(ran.exit_code == 0);
    }
}

TEST_CASE("the examples are clean") {
    for (const auto& entry : std::filesystem::directory_iterator(EXAMPLES_FOLDER)) {
        const std::string manifests = entry.path().string() + "/manifests";
        if (!std::filesystem::exists(manifests)) continue;
        const Ran ran = serin::lint_test::serin(".", "lint --strict -f '" + manifests + "'");
        CHECK_MESSAGE(ran.exit_code == 0, ran.out);
    }
}

TEST_CASE("the exit code tells clean, warnings and errors apart") {
    const std::string folder = FIXTURES_FOLDER;
    const auto exit_code = [&](const std::string& words) {
        return serin::lint_test::serin(folder, "lint " + words).exit_code;
    };
    CHECK(exit_code("-f 08-nginx-canary/fixed.yaml") == 0);
    CHECK(exit_code("-f 09-success-rate/as-written.yaml") == 0);
    CHECK(exit_code("--strict -f 09-success-rate/as-written.yaml") == 1);
    CHECK(exit_code("-f 35-refused/as-written.yaml") == 2);
    CHECK(exit_code("-f 09-success-rate/as-written.yaml -f 35-refused/as-written.yaml") == 2);
    CHECK(exit_code("-f no-such-file.yaml") == 2);
    CHECK(exit_code("-o xml -f 08-nginx-canary/fixed.yaml") == 1);
    CHECK(exit_code("--traffic lots -f 08-nginx-canary/fixed.yaml") == 1);
    CHECK(exit_code("-f - < 09-success-rate/as-written.yaml") == 0);
    CHECK(exit_code("-f - < 35-refused/as-written.yaml") == 2);
}

TEST_CASE("documents for machines have file, line, column, path, rule and suggestion") {
    const std::string folder = std::string(FIXTURES_FOLDER) + "/08-nginx-canary";
    const Ran as_json = serin::lint_test::serin(folder, "lint -o json -f as-written.yaml");
    const auto read = json::parse(as_json.out);
    REQUIRE(read);
    const json::Value* finding = json::find(*read, "/findings/2");
    REQUIRE(finding);
    CHECK(json::text(json::find(*finding, "/rule")) == "judged-late");
    CHECK(json::text(json::find(*finding, "/level")) == "warning");
    CHECK(json::text(json::find(*finding, "/file")) == "as-written.yaml");
    CHECK(
        json::text(json::find(*finding, "/path")) == "spec.strategy.canary.analysis.startingStep");
    CHECK(json::integer(json::find(*finding, "/line")) == 16);
    CHECK(json::integer(json::find(*finding, "/column")) == 9);
    CHECK_FALSE(json::text(json::find(*finding, "/suggestion")).value_or("").empty());
    CHECK(json::integer(json::find(*read, "/summary/errors")) == 2);

    CHECK(serin::lint_test::serin(folder, "lint -o yaml -f as-written.yaml")
              .out.contains("rule: judged-late"));

    const auto sarif =
        json::parse(serin::lint_test::serin(folder, "lint -o sarif -f as-written.yaml").out);
    REQUIRE(sarif);
    CHECK(json::text(json::find(*sarif, "/version")) == "2.1.0");
    const json::Value* result = json::find(*sarif, "/runs/0/results/2");
    REQUIRE(result);
    CHECK(json::text(json::find(*result, "/ruleId")) == "judged-late");
    CHECK(
        json::integer(json::find(*result, "/locations/0/physicalLocation/region/startLine")) == 16);
    const auto index = json::integer(json::find(*result, "/ruleIndex"));
    REQUIRE(index);
    CHECK(
        json::text(
            json::find(*sarif, "/runs/0/tool/driver/rules/" + std::to_string(*index) + "/id")) ==
        "judged-late");
}

TEST_CASE("what is passed over stays visible with its reason") {
    const std::string folder = std::string(FIXTURES_FOLDER) + "/34-unjudged";
    const auto read =
        json::parse(serin::lint_test::serin(folder, "lint -o json -f as-written.yaml").out);
    REQUIRE(read);
    CHECK(json::integer(json::find(*read, "/summary/ignored")) == 1);
    const auto sarif =
        json::parse(serin::lint_test::serin(folder, "lint -o sarif -f as-written.yaml").out);
    REQUIRE(sarif);
    CHECK(json::print(*sarif).contains("a tool for ourselves"));
}
