#include "lint/promql.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <chrono>
#include <string>

using namespace serin::lint::promql;
using namespace std::chrono_literals;

namespace {

// An expression with its structure in brackets.
std::string shape(const Expr& expr) {
    std::string out;
    switch (expr.kind) {
        case ExprKind::number:
            return "#";
        case ExprKind::text:
            return "'" + expr.name + "'";
        case ExprKind::selector:
            out = expr.name + (expr.has_range ? "[]" : "");
            return out;
        case ExprKind::minus:
            return "-(" + shape(expr.children.front()) + ")";
        case ExprKind::binary:
            return "(" + shape(expr.children.front()) + " " + expr.name + " " +
                   shape(expr.children.back()) + ")";
        case ExprKind::call:
        case ExprKind::aggregation:
            out = expr.name;
            break;
    }
    if (expr.is_grouped) {
        out += expr.is_without ? " without" : " by";
        for (const std::string& label : expr.labels) out += " " + label;
    }
    out += "(";
    for (const Expr& child : expr.children) {
        if (!out.ends_with('(')) out += ", ";
        out += shape(child);
    }
    return out + ")";
}

std::string shape(const std::string& query) {
    const auto parsed = parse(query);
    return parsed ? shape(*parsed) : "?";
}

}  // namespace

TEST_CASE("calls, aggregations and operators are seen as Prometheus sees them") {
    CHECK(
        shape("sum(rate(a_total{code!~\"5..\"}[5m])) / sum(rate(a_total[5m]))") ==
        "(sum(rate(a_total[])) / sum(rate(a_total[])))");
    CHECK(shape("sum by (le, pod) (x)") == "sum by le pod(x)");
    CHECK(shape("sum(x) without (pod)") == "sum without pod(x)");
    CHECK(
        shape("histogram_quantile(0.95, sum(rate(b_bucket[1m])) by (le))") ==
        "histogram_quantile(#, sum by le(rate(b_bucket[])))");
    CHECK(shape("1 - a / b * 2") == "(# - ((a / b) * #))");
    CHECK(shape("a or b and c > 1") == "(a or (b and (c > #)))");
    CHECK(shape("2 ^ 3 ^ 2") == "(# ^ (# ^ #))");
    CHECK(shape("-a + b") == "(-(a) + b)");
    CHECK(shape("a / on(pod) group_left(x) b") == "(a / b)");
    CHECK(shape("a > bool 1 # a comment") == "(a > #)");
    CHECK(shape("max_over_time(rate(x[1m])[1h:5m])") == "max_over_time(rate(x[]))");
    CHECK(shape("x offset 5m - x @ start()") == "(x - x)");
    CHECK(shape("topk(3, x)") == "topk(#, x)");
    CHECK(shape("{__name__=\"up\"}") == "");
}

TEST_CASE("a template's tags stand for names, durations and texts") {
    CHECK(shape("rate({{args.metric}}[{{ args.window }}])") == "rate({{args.metric}}[])");
    CHECK(
        shape("http_{{args.kind}}_total > {{args.limit}}") ==
        "(http_{{args.kind}}_total > {{args.limit}})");
    const auto selector = parse("up{service=\"{{args.service-name}}\",code=~'5..'}");
    REQUIRE(selector);
    REQUIRE(selector->matchers.size() == 2);
    CHECK(selector->matchers[0].value == "{{args.service-name}}");
    CHECK(selector->matchers[1].op == "=~");
}

TEST_CASE("ranges are read where they are known") {
    CHECK(parse("x[5m]")->range == 5min);
    CHECK(parse("x[1d]")->range == 24h);
    CHECK(parse("x[1h30m:1m]")->range == 90min);
    CHECK_FALSE(parse("x[{{args.w}}]")->range);
    CHECK(parse("x[{{args.w}}]")->has_range);
}

TEST_CASE("what is not understood is not read") {
    for (const char* query :
         {"",
          "(",
          ")",
          "sum(",
          "a b",
          "a{",
          "a{b}",
          "x[5m",
          "'open",
          "{{",
          "a ~ b",
          "SELECT a FROM b;",
          "sum by le (x)"}) {
        CAPTURE(query);
        CHECK_FALSE(parse(query));
    }
    CHECK_FALSE(parse(std::string(100'000, '(')));
    CHECK_FALSE(parse(std::string(10'000, '-') + "1"));
}

TEST_CASE("no text makes it crash") {
    CHECK(rc::check("random texts", [] {
        const auto pieces =
            *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                "sum",
                "(",
                ")",
                "{",
                "}",
                "[",
                "]",
                "by",
                "rate",
                "x",
                "5m",
                "\"a\"",
                "=",
                "=~",
                ",",
                "/",
                "-",
                "{{args.a}}",
                "1e",
                "0x",
                "'",
                "offset",
                "@",
                "or",
                "^",
                "#",
                "\n",
                ".",
                "\\"));
        std::string query;
        for (const std::string& piece : pieces) query += piece;
        (void)parse(query);
    }));
}
