#include "lint/rule.h"

#include <doctest/doctest.h>

#include "program.h"
#include <filesystem>
#include <map>
#include <set>
#include <string>

using namespace serin::lint_test;

namespace {

// "### `judged-late` (warning)" in docs/reference/lint.md.
std::map<std::string, std::string> documented() {
    std::map<std::string, std::string> levels;
    const std::string page = read_file(LINT_PAGE);
    for (std::size_t at = page.find("\n### `"); at != page.npos;
         at = page.find("\n### `", at + 1)) {
        const std::size_t start = at + 6;
        const std::size_t end = page.find('`', start);
        const std::size_t open = page.find('(', end);
        const std::size_t close = page.find(')', open);
        levels[page.substr(start, end - start)] = page.substr(open + 1, close - open - 1);
    }
    return levels;
}

}  // namespace

TEST_CASE("the page and the table of rules agree") {
    const auto page = documented();
    std::set<std::string> names;
    for (const serin::lint::Rule& rule : serin::lint::rules()) {
        const std::string name(rule.name);
        CAPTURE(name);
        CHECK(names.insert(name).second);
        REQUIRE(page.contains(name));
        CHECK(page.at(name) == serin::lint::to_string(rule.level));
    }
    for (const auto& [name, level] : page) {
        CAPTURE(name);
        CHECK(names.contains(name));
    }
}

TEST_CASE("every rule finds something in a fixture") {
    std::string expected = "[not-supported][no-effect]";  // Change as Serin learns: not stated.
    for (const auto& entry : std::filesystem::directory_iterator(FIXTURES_FOLDER)) {
        expected += read_file(entry.path().string() + "/as-written.txt");
    }
    for (const serin::lint::Rule& rule : serin::lint::rules()) {
        const std::string tag = "[" + std::string(rule.name) + "]";
        CHECK_MESSAGE(expected.contains(tag), tag);
    }
}
