#include "traffic/side_routes.h"

#include <doctest/doctest.h>

#include <string>

namespace serin::traffic {

namespace {

json::Array rules(const std::string& text) {
    return json::parse(text)->as_array();
}

const std::string split = R"("backendRefs": [{"name": "stable", "port": 80, "weight": 95},
    {"name": "canary", "port": 80, "weight": 5}])";

RouteTarget target(SideRouteShape shape) {
    return {
        .ns = "default",
        .stable_service = "stable",
        .candidate_service = "canary",
        .managed_routes = {"insiders", "shadow"},
        .side_routes = {std::move(shape)}};
}

SideRouteShape insiders() {
    SideRouteShape shape{.name = "insiders", .step = 2};
    RequestShape request;
    request.headers["x-group"] = {.kind = TextMatch::Kind::exact, .value = "insider"};
    request.headers["user-agent"] = {.kind = TextMatch::Kind::prefix, .value = "Tester/1.2"};
    shape.matches.push_back(request);
    return shape;
}

SideRouteShape shadow(RequestShape request, int percent = 100) {
    return {
        .name = "shadow",
        .step = 1,
        .kind = SideRouteShape::Kind::mirror,
        .matches = {std::move(request)},
        .percent = percent};
}

RequestShape path(TextMatch::Kind kind, const std::string& value) {
    RequestShape request;
    request.path = TextMatch{.kind = kind, .value = value};
    return request;
}

// The paths of the only rule made, as "Exact /a PathPrefix /b"; "-" for none.
std::string paths(const std::string& own, TextMatch::Kind kind, const std::string& value) {
    const auto shape = shadow(path(kind, value));
    const auto made = make_side_rules(
        rules(R"([{"matches": )" + own + ", " + split + "}]"), target(shape), shape);
    if (!made) return made.error().message;
    if (made->empty()) return "-";
    std::string text;
    for (const json::Value& match : *json::array(json::find((*made)[0], "/matches"))) {
        text += (text.empty() ? "" : " ") +
                std::string(*json::text(json::find(match, "/path/type"))) + " " +
                std::string(*json::text(json::find(match, "/path/value")));
    }
    return text;
}

}  // namespace

TEST_CASE("a header route has the rules' matches with the headers, and the candidate alone") {
    const json::Array own = rules(
        R"([{"matches": [{"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET"},
                         {"headers": [{"type": "Exact", "name": "a", "value": "b"}]}],
             "filters": [{"type": "URLRewrite"}], "timeouts": {"request": "5s"}, )" +
        split + R"(}, {"backendRefs": [{"name": "other"}]}, {)" + split + "}]");
    const auto made = make_side_rules(own, target(insiders()), insiders());
    REQUIRE(made);
    const std::string headers =
        R"({"type": "RegularExpression", "name": "user-agent", "value": "Tester/1\\.2.*"},
           {"type": "Exact", "name": "x-group", "value": "insider"}])";
    const std::string expected =
        R"([{"name": "insiders", "matches": [
              {"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET", "headers": [)" +
        headers + R"(}, {"headers": [{"type": "Exact", "name": "a", "value": "b"}, )" + headers +
        R"(}], "filters": [{"type": "URLRewrite"}], "timeouts": {"request": "5s"},
            "backendRefs": [{"name": "canary", "port": 80, "weight": 1}]},
            {"name": "insiders-1", "matches": [{"path": {"type": "PathPrefix", "value": "/"},
              "headers": [)" +
        headers + R"(}], "backendRefs": [{"name": "canary", "port": 80, "weight": 1}]}])";
    CHECK(json::same(json::Value(*made), *json::parse(expected)));
}

TEST_CASE("a mirror route keeps the split and copies requests to the candidate") {
    RequestShape request = path(TextMatch::Kind::prefix, "/api");
    request.method = "GET";
    const auto shape = shadow(request, 30);
    const json::Array own = rules("[{" + split + "}]");
    const auto made = make_side_rules(own, target(shape), shape);
    REQUIRE(made);
    CHECK(json::same(
        json::Value(*made),
        *json::parse(
            R"([{"name": "shadow", "matches": [
                {"path": {"type": "PathPrefix", "value": "/api"}, "method": "GET"}],
              "filters": [{"type": "RequestMirror", "requestMirror":
                {"backendRef": {"name": "canary", "port": 80}, "percent": 30}}], )" +
            split + "}]")));
}

TEST_CASE("paths of route and step are combined to what both match") {
    using enum TextMatch::Kind;
    const std::string api = R"([{"path": {"type": "PathPrefix", "value": "/api"}}])";
    CHECK(paths(api, prefix, "/api/v1") == "PathPrefix /api/v1");
    CHECK(paths(api, prefix, "/") == "PathPrefix /api");
    CHECK(paths(api, exact, "/api") == "Exact /api");
    CHECK(paths(api, exact, "/apis") == "-");
    CHECK(paths(api, prefix, "/other") == "-");
    CHECK(paths(api, regex, "/a.*").contains("cannot be combined"));
    CHECK(paths("[]", regex, "/a.*") == "RegularExpression /a.*");
    const std::string exactly = R"([{"path": {"type": "Exact", "value": "/api/x"}}])";
    CHECK(paths(exactly, prefix, "/api") == "Exact /api/x");
    CHECK(paths(exactly, exact, "/api") == "-");
}

TEST_CASE("what is written is recognised by what it says, whatever the weights are") {
    const auto shape = insiders();
    json::Array written = rules("[{" + split + R"(}, {"name": "insider-of-mine", )" + split + "}]");
    CHECK(find_side_routes(written, target(shape)).empty());
    const auto made = *make_side_rules(written, target(shape), shape);
    for (const json::Value& rule : made) written.push_back(rule);
    CHECK(find_side_routes(written, target(shape)) == std::vector{SideRoute{"insiders", 2}});
    written.back().as_object()["timeouts"] = json::Object{{"request", "1s"}};
    CHECK(find_side_routes(written, target(shape)) == std::vector{SideRoute{"insiders", -1}});
}

}  // namespace serin::traffic
