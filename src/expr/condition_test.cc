#include "expr/condition.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

using namespace serin;

namespace {

constexpr Instant t0{};

std::string run(std::string_view source, std::string_view result = "null") {
    const auto condition = expr::compile(source);
    if (!condition) return condition.error().message;
    const expr::Value measured = expr::from_json(*json::parse(result));
    const auto value = expr::evaluate(*condition, measured, t0);
    return value ? expr::go_text(*value) : value.error().message;
}

std::string verdict(std::string_view source, std::string_view result) {
    const auto condition = expr::compile(source);
    REQUIRE(condition);
    const auto value = expr::evaluate_condition(*condition, *json::parse(result), t0);
    if (!value) return value.error().message;
    return *value ? "true" : "false";
}

struct Row {
    std::string_view source;
    std::string_view value;
};

void check(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
        CAPTURE(row.source);
        CHECK(run(row.source) == row.value);
    }
}

}  // namespace

TEST_CASE("literals") {
    check({
        {"0x1F + 0b11 + 0o17 + 1_000", "1049"},
        {".5", "0.5"},
        {"1e3", "1000"},
        {"010", "10"},
        {R"('x' + "y" + `\n`)", "xy\\n"},
        {R"("\u00e9\x41\101\t")", "éAA\t"},
        {"[1, 2.5, nil, 'a',]", "[1 2.5 <nil> a]"},
        {"{a: 1, 'b': [2], 3: true}", "map[3:true a:1 b:[2]]"},
        {"{('a' + 'b'): 2}.ab", "2"},
        {"1 /* one */ + 2 // three", "3"},
    });
}

TEST_CASE("operators bind as in expr-lang") {
    check({
        {"1 + 2 * 3", "7"},
        {"2 ** 3 ** 2", "512"},
        {"-2 ** 2", "-4"},
        {"7 / 2", "3.5"},
        {"4 / 2 == 2", "true"},
        {"-7 % 4", "-3"},
        {"1 / 0", "+Inf"},
        {"true or false and false", "true"},
        {"not true or true", "true"},
        {"1 < 2 < 3", "true"},
        {"1 < 3 < 2", "false"},
        {"1..3 == [1, 2, 3]", "true"},
        {"2 + 3 in [5]", "true"},
        {"3 not in [1, 2]", "true"},
        {"'a' in {a: 1}", "true"},
        {"1 == 1.0", "true"},
        {"[1, 2] == [1.0, 2]", "true"},
        {"nil == nil", "true"},
        {"'foobar' matches '^foo' and 'foobar' not matches '^bar'", "true"},
        {"'foobar' contains 'oba' && 'foobar' startsWith 'foo' && 'foobar' endsWith 'bar'", "true"},
        {"nil ?? nil ?? 3", "3"},
        {"false ? 1 : true ? 2 : 3", "2"},
        {"if 1 > 2 { 1 } else { 2 }", "2"},
        {"let x = 5; let y = x + 1; x * y", "30"},
        {"9223372036854775807 + 1", "-9223372036854775808"},
        {"{a: 1}?.x?.y.z", "<nil>"},
        {"[1, 2, 3][-1]", "3"},
        {"[1, 2, 3][1:]", "[2 3]"},
        {"[1, 2, 3][-2:10]", "[2 3]"},
        {"'hello'[1:3]", "el"},
        {"{a: 1}.b", "<nil>"},
    });
}

TEST_CASE("closures") {
    check({
        {"all([1, 2], # > 0) and any([1, 2], # > 1) and none([1], # > 1) and one([1, 2], # > 1)",
         "true"},
        {"map([1, 2], # * 2)", "[2 4]"},
        {"map(['a', 'b'], #index)", "[0 1]"},
        {"map([1, 2], {let x = #; x + 1})", "[2 3]"},
        {"filter([{a: 1}, {a: 2}], .a > 1)[0].a", "2"},
        {"map([1, 2], map([3], # * 2))", "[[6] [6]]"},
        {"find([1, 2, 3], # > 1)", "2"},
        {"findIndex([1, 2], # > 5)", "<nil>"},
        {"findLast([1, 2, 3], # < 3)", "2"},
        {"findLastIndex([1, 2, 3], # < 3)", "1"},
        {"count([1, 2, 3], # > 1) + count([true, false])", "3"},
        {"sum([1, 2, 3], # * 2)", "12"},
        {"sum([])", "0"},
        {"groupBy([1, 2, 3], # % 2)[1]", "[1 3]"},
        {"sortBy([3, 1, 2], -#)", "[3 2 1]"},
        {"sortBy([{a: 2}, {a: 1}], .a, 'desc')", "[map[a:2] map[a:1]]"},
        {"reduce([1, 2, 3], #acc + #)", "6"},
        {"reduce([1, 2, 3], #acc + #, 10)", "16"},
        {"[1, 2, 3] | map(# + 1) | filter(# > 2) | sum()", "7"},
    });
}

TEST_CASE("functions") {
    check({
        {"len('héllo') + len([1]) + len({a: 1})", "7"},
        {"type(1) + type(1.5) + type('') + type(nil) + type([]) + type({})",
         "intfloatstringnilarraymap"},
        {"[abs(-5), ceil(1.2), floor(1.8), round(-1.5), int(3.9), int('42'), float('1.5')]",
         "[5 2 1 -2 3 42 1.5]"},
        {"string(1000000.0) + string([1, nil])", "1e+06[1 <nil>]"},
        {"trim('  a ') + trim('xax', 'x') + trimPrefix('foobar', 'foo') + upper('a')", "aabarA"},
        {"split('a,b,c', ',', 2)", "[a b,c]"},
        {"splitAfter('a,b', ',')", "[a, b]"},
        {"split('aé', '')", "[a é]"},
        {"replace('foo', 'o', '0', 1) + replace('ab', '', '-')", "f0o-a-b-"},
        {"repeat('ab', 2) + join(['a', 'b'], ',')", "ababa,b"},
        {"[indexOf('abab', 'b'), lastIndexOf('abab', 'b'), indexOf('a', 'z')]", "[1 3 -1]"},
        {"[max([1, [5]], 3), min(1.5, 2), mean([1, 2]), mean([]), median([3, 1, 2])]",
         "[5 1.5 1.5 0 2]"},
        {"[first([1]), last([1, 2]), first([]), get([1], 5), get({a: 1}, 'a')]",
         "[1 2 <nil> <nil> 1]"},
        {"take([1, 2, 3], 2)", "[1 2]"},
        {"[keys({a: 1}), values({a: 1}), toPairs({a: 1})]", "[[a] [1] [[a 1]]]"},
        {"fromPairs([['a', 1]]).a", "1"},
        {"[reverse([1, 2]), uniq([1, 1.0, 2]), concat([1], [2]), flatten([1, [2, [3]]])]",
         "[[2 1] [1 2] [1 2] [1 2 3]]"},
        {"sort([3, 1, 2], 'desc')", "[3 2 1]"},
        {"fromJSON('{\"a\": [1]}').a", "[1]"},
        {"fromBase64(toBase64('hello'))", "hello"},
        {"duration('90s') > duration('1m') and duration('1h').Minutes() == 60", "true"},
        {"date('2024-03-01') - date('2024-02-28') == duration('48h')", "true"},
        {"now().Unix()", "0"},
        {"[bitand(12, 10), bitor(12, 10), bitxor(12, 10), bitnot(5), bitshl(1, 4), bitshr(-16, 2)]",
         "[8 14 6 -6 16 -4]"},
        {"asInt('42') + asInt(3.9)", "45"},
        {"asFloat('2.5') + asFloat(2)", "4.5"},
        {"isInf(1 / 0) and isNaN(0 / 0)", "true"},
    });
}

TEST_CASE("what can never work is refused with its place") {
    check({
        {"1 +", "unexpected token EOF (1:4)"},
        {"result[", "unexpected token EOF (1:8)"},
        {"1 > \n foo", "unknown name foo (2:2)"},
        {"foo(1)", "unknown name foo (1:1)"},
        {"1 + 'a'", "invalid operation: + (mismatched types int and string) (1:3)"},
        {"'a' == 1", "invalid operation: == (mismatched types string and int) (1:5)"},
        {"1.5 % 2", "invalid operation: % (mismatched types float and int) (1:5)"},
        {"1 ? 2 : 3", "non-bool expression (type int) used as condition (1:3)"},
        {"len()", "not enough arguments to call len (1:1)"},
        {"len(1, 2)", "too many arguments to call len (1:1)"},
        {"'a' matches '['", "error parsing regexp: missing ]: [ (1:13)"},
        {"nil ?? 1 + 2",
         "operator (+) and coalesce expressions (\?\?) cannot be mixed, wrap either in parentheses "
         "(1:10)"},
        {"\"abc", "literal not terminated (1:1)"},
        {"/* a", "unclosed comment (1:1)"},
        {"1 @ 2", "unrecognized character '@' (1:3)"},
        {"9223372036854775808", "invalid integer literal: 9223372036854775808 (1:1)"},
        {"let len = 1; len", "cannot redeclare len (1:5)"},
        {"all(1, # > 0)", "builtin all takes only array (got int) (1:1)"},
        {"map([1], {1; 2)", "unexpected token Bracket(\")\") (1:15)"},
        {"#", "unexpected token Operator(\"#\") (1:1)"},
        {"map([1], #foo)", "unknown pointer #foo (1:10)"},
    });
    const auto problem = expr::find_problem("result[0] >= foo");
    REQUIRE(problem);
    CHECK(problem->offset == 13);
    CHECK(problem->excerpt == "result[0] >= foo\n.............^");
    CHECK(!expr::find_problem("result[0] >= 1"));
}

TEST_CASE("what fails with the values is told") {
    CHECK(run("result[5]", "[1]") == "index out of range: 5 (array length is 1)");
    CHECK(run("result[-2]", "[1]") == "index out of range: -1 (array length is 1)");
    CHECK(run("result.a + 1", R"({"a": "x"})") == "invalid operation: string + int");
    CHECK(run("result.a < 1", R"({"a": "x"})") == "invalid operation: string < int");
    CHECK(run("result.a.b", R"({"a": null})") == "cannot fetch b from <nil>");
    CHECK(run("result.a % 2", R"({"a": 4})") == "invalid operation: float64 % int");
    CHECK(run("1 % (len(result))", "[]") == "integer divide by zero");
    CHECK(run("result.a and true", R"({"a": 1})") == "and takes a bool, but got float64");
    CHECK(run("asInt(result)", "\"x\"") == "asInt(\"x\"): the text is no integer");
    CHECK(run("reduce(result, #acc + #)", "[]") == "reduce of empty array with no initial value");
}

TEST_CASE("a measurement is judged as Argo does") {
    CHECK(verdict("result[0] >= 0.95", "[0.99]") == "true");
    CHECK(verdict("result[0] >= 0.95", "[0.9]") == "false");
    CHECK(verdict("result < 5", "4") == "true");
    CHECK(verdict("result.ok && result.count == 3", R"({"ok": true, "count": 3})") == "true");
    CHECK(verdict("result == 'healthy'", "\"healthy\"") == "true");
    CHECK(verdict("result", "1") == "expected bool, but got float64");
    CHECK(verdict("len(result) == 0 || result[0] > 1", "[]") == "true");
    CHECK(verdict("all(result, # < 5)", "[1, 2]") == "true");
    CHECK(verdict("isNil(result)", "null") == "true");
    CHECK(verdict("isNil(1)", "[]") == "false");
    CHECK(verdict("default(result, 0) == 0", "null") == "true");
    CHECK(verdict("default(1, 0) == 7", "7") == "true");

    const std::string_view no_data =
        "metric result is nil or empty: no data returned from the metric provider";
    CHECK(verdict("result[0] > 1", "[]") == no_data);
    CHECK(verdict("result[0] > 1", "null") == no_data);
    CHECK(verdict("result > 1", "null") == no_data);
    CHECK(verdict("len(result)", "[]") == no_data);

    // A condition over one kind of measurement is an error over another, even where nothing looks.
    CHECK(verdict("result > 1", "[2]") == "invalid operation: > (mismatched types array and int)");
    CHECK(
        verdict("result == 5", "\"5\"") ==
        "invalid operation: == (mismatched types string and int)");
}

TEST_CASE("comparisons with NaN are false") {
    const auto nan = json::Value(json::Array{std::nan("")});
    for (const auto* source :
         {"result[0] > 1", "result[0] <= 1", "result[0] == result[0]", "1 > result[0]"}) {
        CAPTURE(source);
        CHECK(*expr::evaluate_condition(*expr::compile(source), nan, t0) == false);
    }
    CHECK(*expr::evaluate_condition(*expr::compile("isNaN(result[0])"), nan, t0));
}

TEST_CASE("a condition tells whether it needs data") {
    CHECK(expr::compile("result[0] > 1")->assumes_data());
    CHECK(!expr::compile("len(result) == 0 || result[0] > 1")->assumes_data());
    CHECK(!expr::compile("all(result, # > 1)")->assumes_data());
    CHECK(!expr::compile("1 == 1")->reads_result());
}

TEST_CASE("hostile conditions fail and do nothing else") {
    check({
        {"1..1000000000", "memory budget exceeded"},
        {"len(map(1..9000, map(1..9000, #)))", "the condition takes too much work"},
        {"all(1..9000, all(1..9000, # > 0))", "the condition takes too much work"},
        {"let a = 1..9000; all(a, all(a, # > 0))", "the condition takes too much work"},
        {"repeat('x', 100000000)", "memory budget exceeded"},
        {"reduce(1..100, [#acc, #acc])", "memory budget exceeded"},
        {"reduce(1..9000, [#acc])", "the value is nested too deeply"},
        {"reduce(1..40, #acc + #acc, 'x')", "memory budget exceeded"},
        {"let s = repeat('a', 100000); count(1..9000, s matches '(a*)*b')  > 0",
         "the condition takes too much work"},
        {"uniq(1..90000) == []", "the condition takes too much work"},
    });
    CHECK(run(std::string(100'000, '(')) == "the condition is longer than 32 KiB (1:1)");
    CHECK(run(std::string(20'000, '(')).contains("the condition is nested too deeply"));
    CHECK(run(std::string(20'000, '-') + "1").contains("the condition is nested too deeply"));
    std::string sum = "1";
    std::string power = "1";
    std::string comparisons = "1";
    for (int i = 0; i < 5'000; ++i) sum += "+1";
    for (int i = 0; i < 5'000; ++i) power += "**1";
    for (int i = 0; i < 60; ++i) comparisons = "(" + comparisons + " < 2 < 3 ? 1 : 0)";
    CHECK(run(sum).contains("the condition is nested too deeply"));
    CHECK(run(power).contains("the condition is nested too deeply"));
    CHECK(run(comparisons) == "1");
}

TEST_CASE("any text compiles and evaluates to a value or an error") {
    const std::vector<std::string> words{
        "result",  "[",      "]",      "(",    ")",      "{",     "}",    ",",    ".",
        "?.",      "??",     "?",      ":",    ";",      "..",    "#",    "#acc", "|",
        "+",       "-",      "*",      "/",    "%",      "**",    "==",   "<",    ">=",
        "in",      "not",    "and",    "or",   "let",    "x",     "=",    "if",   "else",
        "matches", "map",    "filter", "sum",  "reduce", "len",   "sort", "keys", "string",
        "repeat",  "split",  "1",      "2.5",  "'a'",    "nil",   "true", "a",    "max",
        "toJSON",  "sortBy", "date",   "uniq", "get",    "[1, 2]"};
    CHECK(rc::check([&] {
        const auto picked =
            *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(words));
        std::string source;
        for (const std::string& word : picked) source += word + " ";
        for (const auto* result : {"null", "[1, 2]", "3", R"({"a": ["x"]})"}) run(source, result);
    }));
    CHECK(rc::check([](const std::string& source) { run(source); }));
    // Calls of every shape.
    CHECK(rc::check([&] {
        const std::vector<std::string> names{
            "abs",      "ceil",       "int",      "float",   "asInt",     "isNaN",   "max",
            "mean",     "median",     "bitnot",   "trim",    "upper",     "len",     "first",
            "last",     "keys",       "values",   "toPairs", "fromPairs", "reverse", "uniq",
            "concat",   "flatten",    "sort",     "type",    "string",    "toJSON",  "fromJSON",
            "toBase64", "fromBase64", "duration", "date",    "join",      "sum",     "count",
            "get",      "take",       "split",    "repeat",  "indexOf",   "bitshl",  "replace"};
        const std::vector<std::string> values{
            "result",
            "1",
            "-1",
            "2.5",
            "'a'",
            "''",
            "nil",
            "true",
            "[]",
            "[1, 'a', nil]",
            "{a: 1}",
            "[[1, 2]]",
            "duration('1s')",
            "now()",
            "0 / 0",
            "9223372036854775807",
            "1e300"};
        std::string source = *rc::gen::elementOf(names) + "(";
        for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
            source += *rc::gen::elementOf(values) + ", ";
        }
        run(source + ")", "[1, {\"a\": null}]");
    }));
}
