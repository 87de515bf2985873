#include "base/document.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace serin;

namespace {

Document read_one(std::string_view text) {
    DocumentsRead read = read_documents(text, "shop.yaml");
    for (const Diagnostic& diagnostic : read.diagnostics) MESSAGE(to_string(diagnostic));
    REQUIRE(read.diagnostics.empty());
    REQUIRE(read.documents.size() == 1);
    return std::move(read.documents.front());
}

std::string root(std::string_view text) {
    return json::print(read_one(text).root);
}

std::string first_problem(std::string_view text) {
    const DocumentsRead read = read_documents(text, "f");
    return read.diagnostics.empty() ? "none" : to_string(read.diagnostics.front());
}

}  // namespace

TEST_CASE("plain scalars have Kubernetes' types") {
    struct Row {
        std::string_view yaml;
        std::string_view json;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"~", ""},
             {"a: ", R"({"a":null})"},
             {"a: null", R"({"a":null})"},
             {"a: true", R"({"a":true})"},
             {"a: False", R"({"a":false})"},
             {"a: 12", R"({"a":12})"},
             {"a: -7", R"({"a":-7})"},
             {"a: +7", R"({"a":7})"},
             {"a: 0x1F", R"({"a":31})"},
             {"a: 0644", R"({"a":420})"},
             {"a: 0o17", R"({"a":15})"},
             {"a: 0b101", R"({"a":5})"},
             {"a: 1_000", R"({"a":1000})"},
             {"a: 0", R"({"a":0})"},
             {"a: 1.5", R"({"a":1.5})"},
             {"a: 1e3", R"({"a":1000})"},
             {"a: .5", R"({"a":0.5})"},
             {"a: 18446744073709551615", R"({"a":18446744073709551615})"},
             {"a: -9223372036854775808", R"({"a":-9223372036854775808})"},
             {"a: 1.2.3", R"({"a":"1.2.3"})"},
             {"a: v2", R"({"a":"v2"})"},
             {"a: 5m", R"({"a":"5m"})"},
             {"a: 1:30", R"({"a":"1:30"})"},
             {"a: 2024-01-01", R"({"a":"2024-01-01"})"},
             {"a: '12'", R"({"a":"12"})"},
             {"a: \"true\"", R"({"a":"true"})"},
             {"a: !!str 12", R"({"a":"12"})"},
             {"a: !!float 1", R"({"a":1})"},
             {"a: |\n  x\n  y\n", R"({"a":"x\ny\n"})"},
             {"1: x", R"({"1":"x"})"},
             {"- 1\n- [2, {b: c}]", R"([1,[2,{"b":"c"}]])"},
             {R"({"a": [1, 2.5, "x\u00e9", null, true]})", R"({"a":[1,2.5,"xé",null,true]})"},
             {"a: 1e-400", R"({"a":0})"},
         }) {
        CAPTURE(row.yaml);
        if (row.json.empty()) {
            CHECK(read_documents(row.yaml, "").documents.empty());
        } else {
            CHECK(root(row.yaml) == row.json);
        }
    }
}

TEST_CASE("a stream has many documents and empty ones are left out") {
    const auto read = read_documents("# nothing\n---\na: 1\n---\n---\nb: 2\n...\n", "f");
    REQUIRE(read.documents.size() == 2);
    CHECK(read.documents[1].mark("/b").line == 6);
    CHECK(read_documents("", "f").documents.empty());
}

TEST_CASE("every part knows where it stood") {
    const auto document =
        read_one("spec:\n  steps:\n  - setWeight: 5\n  - pause: {}\n  a/b~c: x\n");
    const auto at = [&](std::string_view pointer) {
        const Mark mark = document.mark(pointer);
        return fmt::format("{}:{}", mark.line, mark.column);
    };
    CHECK(at("") == "1:1");
    CHECK(at("/spec/steps") == "2:3");
    CHECK(at("/spec/steps/0") == "3:5");
    CHECK(at("/spec/steps/0/setWeight") == "3:5");
    CHECK(at("/spec/steps/1/pause") == "4:5");
    CHECK(at("/spec/a~1b~0c") == "5:3");
    CHECK(at("/spec/steps/1/pause/duration") == "4:5");
    CHECK(at("/elsewhere") == "1:1");
}

TEST_CASE("anchors, aliases and merge keys are expanded") {
    CHECK(root("a: &x {p: 1}\nb: *x") == R"({"a":{"p":1},"b":{"p":1}})");
    CHECK(
        root("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}") ==
        R"({"a":{"p":1,"q":2},"b":{"q":3,"p":1}})");
    CHECK(
        root("- &x {p: 1}\n- &y {p: 2, r: 4}\n- {<<: [*x, *y]}") ==
        R"([{"p":1},{"p":2,"r":4},{"p":1,"r":4}])");
}

TEST_CASE("what is wrong is told with its place and what to do") {
    struct Row {
        std::string_view yaml;
        std::string_view problem;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"a: 1\nb: 2\na: 3\n",
              "f:3:1: a: duplicate key 'a' (it is already at line 1: remove one)"},
             {"a:\n\tb: 1\n", "f:2:1: a tab character indents this line (use spaces)"},
             {"a: \"x\nb: 1\n", "f:1:4: the quote is never closed (add the closing quote)"},
             {"a:\n  b: 1\n c: 2\n",
              "f:3:2: wrong indentation or an unexpected text (align this line with the other "
              "keys)"},
             {"a: b: c\n",
              "f:1:5: a ':' is not expected here (align this line with its neighbours, or quote a "
              "text that has ': ' in it)"},
             {"a: [1, 2\nb: 3\n", "f:2:2: the list is not closed (add ',' or ']')"},
             {"a: @x\n", "f:1:4: an unquoted text cannot start with '@' (quote the text)"},
             {"a: 1\nxyz\nb: 2\n",
              "f:2:1: this line is no 'key: value' (add the ':' and a space after the key, or "
              "indent "
              "a text over several lines)"},
             {"a: *nobody\n",
              "f:1:4: a: unknown alias '*nobody' (define it before with '&nobody', or quote a text "
              "that starts with '*')"},
             {"a: !!binary aGk=\n",
              "f:1:4: a: unsupported tag 'tag:yaml.org,2002:binary' (remove the tag)"},
             {"a: !!int x\n",
              "f:1:4: a: 'x' does not fit its tag tag:yaml.org,2002:int (remove the tag)"},
             {"a: .inf\n", "f:1:4: a: '.inf' is not a finite number (quote it for a text)"},
             {"s:\n- ? [x]\n  : y\n",
              "f:2:5: s[0]: a key has to be a plain text (write 'key: value')"},
             {"a: {<<: 3}\n", "f:1:9: a.<<: '<<' takes a mapping or a list of mappings"},
             {"m: {a.b/c: !x 1}\n", "f:1:12: m['a.b/c']: unsupported tag '!x' (remove the tag)"},
             {"a: yes\n",
              "f:1:4: warning: a: this is a text, not true or false (write \"yes\" if a text is "
              "meant)"},
             {"a: 123456789012345678901234567890\n",
              "f:1:4: warning: a: the number has no exact 64-bit form and is rounded (write "
              "\"123456789012345678901234567890\" if a text is meant)"},
             {"a: \x01\n",
              "f:1:4: a control character is not allowed (remove it, or write it as an escape in "
              "double quotes)"},
             {"a: 1\nb: \xff\n", "f:2:4: the text is not UTF-8 (save the file as UTF-8)"},
         }) {
        CAPTURE(row.yaml);
        CHECK(first_problem(row.yaml) == row.problem);
    }
}

TEST_CASE("reading goes on after what is no syntax error, and keeps earlier documents") {
    CHECK(read_documents("a: 1\na: 2\nb: !x 1\nb: 2\n", "f").diagnostics.size() == 3);
    const auto read = read_documents("a: 1\n---\nb: [\n", "f");
    CHECK(read.documents.size() == 1);
    CHECK(has_errors(read.diagnostics));
}

TEST_CASE("hostile texts end early") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 20; ++i) {
        bomb += fmt::format("a{}: &a{} [", i, i);
        for (int copy = 0; copy < 10; ++copy) bomb += fmt::format("*a{},", i - 1);
        bomb += "]\n";
    }
    CHECK(first_problem(bomb).contains("the aliases expand to more than 10 MiB"));
    CHECK(first_problem(std::string(100'000, '[')).contains("too deeply nested"));
    std::string dashes;
    for (int i = 0; i < 1'000; ++i) dashes += "- ";
    CHECK(first_problem(dashes).contains("too deeply nested"));
    std::string duplicates;
    for (int i = 0; i < 1'000; ++i) duplicates += "a: 1\n";
    CHECK(read_documents(duplicates, "f").diagnostics.size() <= 101);
}

namespace {

rc::Gen<std::string> texts() {
    return rc::gen::oneOf(
        rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)),
        rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("ab 1:#-'\"\n\t\\.0e{}[]&*!|>%@`~=<"))),
        rc::gen::elementOf(std::vector<std::string>{
            "",
            "yes",
            "true",
            "null",
            "~",
            "12",
            "1e3",
            "0x1f",
            "a: b",
            "a\nb",
            "a\nb\n",
            "a\n\n\n",
            "---",
            "- x",
            "é\u2028x",
            "\xF0\x9F\x98\x80",
            "2024-01-01",
            "10:30",
            ".inf",
            "<<",
            "\xEF\xBB\xBF",
            "a\n  b\n c \n"}));
}

json::Value random_value(int depth) {
    const int kind = *rc::gen::inRange(0, depth > 3 ? 6 : 9);
    switch (kind) {
        case 0:
            return nullptr;
        case 1:
            return *rc::gen::arbitrary<bool>();
        case 2:
            return *rc::gen::arbitrary<std::int64_t>();
        case 3: {
            const auto number = *rc::gen::arbitrary<double>();
            return std::isfinite(number) ? json::Value(number) : json::Value(0.5);
        }
        case 4:
        case 5:
            return json::string(*texts());
        case 6: {
            json::Array items;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                items.push_back(random_value(depth + 1));
            }
            return items;
        }
        default: {
            json::Object members;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                members[*texts()] = random_value(depth + 1);
            }
            return members;
        }
    }
}

}  // namespace

TEST_CASE("printed YAML reads back as the same value") {
    CHECK(rc::check([] {
        const json::Value value = random_value(0);
        const std::string text = json::print_yaml(value);
        RC_LOG() << text;
        const auto read = read_documents(text, "f");
        RC_ASSERT(read.diagnostics.empty());
        if (value.is_null()) return;
        RC_ASSERT(read.documents.size() == 1U);
        RC_ASSERT(json::print_canonical(read.documents[0].root) == json::print_canonical(value));
    }));
    json::Object long_key;
    long_key[std::string(3'000, 'k')] = json::Array{1, 2};
    CHECK(json::same(read_one(json::print_yaml(long_key)).root, long_key));
}

TEST_CASE("printed YAML looks as kubectl prints it") {
    const auto value = *json::parse(
        R"({"apiVersion":"v1","data":{"run":"#!/bin/sh\nexec true\n","on":"yes","empty":{}},
            "items":[{"name":"a","ports":[1,2]},[],"10.0.0.1"]})");
    CHECK(
        json::print_yaml(value) ==
        "apiVersion: v1\ndata:\n  run: |\n    #!/bin/sh\n    exec true\n  \"on\": \"yes\"\n"
        "  empty: {}\nitems:\n- name: a\n  ports:\n  - 1\n  - 2\n- []\n- 10.0.0.1\n");
}

TEST_CASE("any text is read without a fault") {
    CHECK(rc::check([](const std::string& text) {
        const auto read = read_documents(text, "f");
        for (const auto& diagnostic : read.diagnostics) RC_ASSERT(!diagnostic.message.empty());
    }));
    CHECK(rc::check([] {
        const auto text = *rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("ab: -\n\t\"'[]{},?&*!|>#%@<~1.")));
        read_documents(text, "f");
    }));
}
