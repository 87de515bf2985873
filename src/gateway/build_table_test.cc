#include "gateway/build_table.h"

#include "gateway/endpoints.h"
#include "gateway/read_gateway.h"
#include "gateway/read_route.h"
#include "gateway/render.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace serin::gateway {
namespace {

Object object(std::string_view text) {
    const auto value = json::parse(text);
    REQUIRE_MESSAGE(value, text);
    return Object(value->as_object());
}

Object route(const std::string& spec, const std::string& name = "shop") {
    return object(
        R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":")" +
        name +
        R"(","namespace":"default","generation":2},"spec":{"parentRefs":[{"name":"edge"}],)" +
        spec + "}}");
}

World world() {
    World out;
    out.gateways.push_back(object(R"({"apiVersion":"gateway.networking.k8s.io/v1",
      "kind":"Gateway","metadata":{"name":"edge","namespace":"default"},
      "spec":{"gatewayClassName":"serin","listeners":[
        {"name":"http","protocol":"HTTP","port":8080,"hostname":"*.example"}]}})"));
    for (const std::string name : {"stable", "canary"}) {
        out.services.push_back(object(
            R"({"apiVersion":"v1","kind":"Service","metadata":{"name":")" + name +
            R"(","namespace":"default"},"spec":{"selector":{"app":"shop","track":")" + name +
            R"("},"ports":[{"port":80,"targetPort":"http"}]}})"));
        out.pods.push_back(object(
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"shop-)" + name +
            R"(","namespace":"default","labels":{"app":"shop","track":")" + name +
            R"(","rollouts-pod-template-hash":"h-)" + name +
            R"("},"annotations":{"serin.dev/ports":"{\"8080\":31005}"}},"spec":{"containers":[
              {"ports":[{"name":"http","containerPort":8080}]}]},"status":{"podIP":"127.77.0.2",
              "conditions":[{"type":"Ready","status":"True"}]}})"));
    }
    return out;
}

constexpr const char* split_rule =
    R"("rules":[{"backendRefs":[{"name":"stable","port":80,"weight":95},
                                {"name":"canary","port":80,"weight":5}]}])";

std::string refusal(const std::string& rules) {
    const RouteSpec spec = read_route(route(R"("rules":[)" + rules + "]"));
    return spec.problem ? spec.problem->message : "";
}

std::string config_of(const RoutingTable& table) {
    return render(table, {}, {.dir = "/run", .binds = {{"127.0.0.1:8080", "fd@5"}}})
        .files.front()
        .content;
}

}  // namespace

TEST_CASE("a route's services become backends with the ready pods' real ports") {
    World input = world();
    input.routes.push_back(route(split_rule));
    const RoutingTable table = build_table(input);
    REQUIRE(table.backends.contains("default.canary.80"));
    const auto& endpoints = table.backends.at("default.canary.80").endpoints;
    REQUIRE(endpoints.size() == 1);
    CHECK(endpoints.begin()->first == "h-canary:shop-canary");
    CHECK(endpoints.begin()->second.port == 31005);
    CHECK(table.rules.at("default/shop/0").targets[1].weight == 5);
    REQUIRE(table.frontends.at("127.0.0.1:8080").entries.size() == 1);
    CHECK(table.frontends.at("127.0.0.1:8080").entries[0].host == "*.example");
    CHECK(table.gateways[0].listeners[0].attached_routes == 1);

    SUBCASE("a pod that is not ready or is being deleted has no traffic") {
        input.pods[1].put("/metadata/deletionTimestamp", "2026-01-01T00:00:00Z");
        input.pods[0].put("/status/conditions", json::Array{});
        const RoutingTable fewer = build_table(input);
        CHECK(fewer.backends.at("default.canary.80").endpoints.empty());
        CHECK(fewer.backends.at("default.stable.80").endpoints.empty());
        CHECK(fewer.pods.at("default/h-canary:shop-canary").grace == std::chrono::seconds(30));
    }
}

TEST_CASE("hostile and unsupported texts are refused, never passed on") {
    CHECK(refusal(R"({"matches":[{"path":{"value":"/a\nb"}}]})").contains("control characters"));
    CHECK(refusal(R"({"matches":[{"path":{"value":"a"}}]})").contains("begin with '/'"));
    CHECK(refusal(R"({"matches":[{"headers":[{"name":"x) -m found } {","value":"v"}]}]})")
              .contains("not supported"));
    CHECK(refusal(R"({"matches":[{"queryParams":[{"name":"a,b","value":"v"}]}]})")
              .contains("not supported"));
    CHECK(refusal(R"({"matches":[{"method":"GET POST"}]})").contains("not a method"));
    CHECK(refusal(R"({"filters":[{"type":"RequestMirror"}]})").contains("RequestMirror"));
    CHECK(refusal(R"({"filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":
        {"set":[{"name":"a b","value":"v"}]}}]})")
              .contains("not a header name"));
    CHECK(refusal(R"({"filters":[{"type":"RequestRedirect","requestRedirect":
        {"hostname":"a b"}}]})")
              .contains("not a host name"));
    CHECK(refusal(R"({"backendRefs":[{"name":"x","weight":1000001}]})").contains("0..1000000"));
    CHECK(refusal(R"({"matches":[{"path":{"value":"/it's %[src] # fine \" \\"}}]})").empty());
    CHECK(read_route(route(R"("hostnames":["a_b.example"])")).problem);
}

TEST_CASE("precedence: host, exact, longer prefix, method, headers, parameters") {
    const auto entry = [](std::string host, PathKind kind, std::string path) {
        Entry out{.host = std::move(host)};
        out.match.path = {.kind = kind, .value = std::move(path)};
        return out;
    };
    Entry by_method = entry("", PathKind::prefix, "/");
    by_method.match.method = "GET";
    Entry by_header = entry("", PathKind::prefix, "/");
    by_header.match.headers = {{.name = "a", .value = "b"}};
    const std::vector<Entry> ordered{
        entry("a.example", PathKind::prefix, "/"),
        entry("*.sub.example", PathKind::prefix, "/"),
        entry("*.example", PathKind::exact, "/a"),
        entry("", PathKind::exact, "/a"),
        entry("", PathKind::prefix, "/aa/b"),
        entry("", PathKind::prefix, "/aa"),
        entry("", PathKind::regex, "/.*"),
        by_method,
        by_header,
        entry("", PathKind::prefix, "/")};
    for (std::size_t i = 1; i < ordered.size(); ++i) {
        CHECK_MESSAGE(compare_precedence(ordered[i - 1], ordered[i]) < 0, i);
    }
}

TEST_CASE("host names of listener and route intersect") {
    CHECK(intersect_hosts("", "a.example") == "a.example");
    CHECK(intersect_hosts("*.example", "a.b.example") == "a.b.example");
    CHECK(intersect_hosts("a.example", "*.example") == "a.example");
    CHECK_FALSE(intersect_hosts("*.example", "example"));
    CHECK_FALSE(intersect_hosts("a.example", "b.example"));
}

TEST_CASE("routes that no listener takes are told why") {
    World input = world();
    input.routes.push_back(route(R"("hostnames":["other.test"],)" + std::string(split_rule), "h"));
    input.routes.push_back(route(split_rule, "n"));
    input.routes.back().put("/metadata/namespace", "elsewhere");
    input.routes.back().put(
        "/spec/parentRefs", json::Array{json::Object{{"name", "edge"}, {"namespace", "default"}}});
    const RoutingTable table = build_table(input);
    const auto reason = [&](const std::string& ns, const std::string& name) {
        const auto& report = table.routes.at({&types::http_route(), ns, name});
        return report.parents.at(0).conditions.at(0).reason;
    };
    CHECK(reason("default", "h") == "NoMatchingListenerHostname");
    CHECK(reason("elsewhere", "n") == "NotAllowedByListeners");
    CHECK(table.rules.empty());
}

TEST_CASE("weights and pods leave the structure alone; matches do not") {
    World input = world();
    input.routes.push_back(route(split_rule));
    const auto fingerprint = [&] {
        return render(build_table(input), {}, {.dir = "/a", .binds = {{"127.0.0.1:8080", "fd@9"}}})
            .fingerprint;
    };
    const std::string first = fingerprint();
    const RouteSpec before = read_route(input.routes[0]);
    json::Value& rule = input.routes[0].document()["spec"].as_object()["rules"].as_array()[0];
    rule.as_object()["backendRefs"].as_array()[0].as_object()["weight"] = 1;
    CHECK(differ_in_weights_only(before, read_route(input.routes[0])));
    CHECK(fingerprint() == first);
    input.pods.clear();
    CHECK(fingerprint() == first);
    rule.as_object()["matches"] =
        json::Array{json::Object{{"path", json::Object{{"value", "/x"}}}}};
    CHECK_FALSE(differ_in_weights_only(before, read_route(input.routes[0])));
    CHECK(fingerprint() != first);
}

TEST_CASE("the rendered rules") {
    World input = world();
    input.routes.push_back(route(R"("rules":[{
        "matches":[{"path":{"value":"/api"},"headers":[{"name":"X-A","value":"it's"}]}],
        "filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":
          {"set":[{"name":"X-B","value":"50%"}]}}],
        "backendRefs":[{"name":"stable","port":80}]}])"));
    const std::string config = config_of(build_table(input));
    const std::string guard =
        "    http-request set-var(txn.rule) str(default/shop/0)"
        " if !{ var(txn.rule) -m found }";
    const std::string conditions =
        " { var(txn.host) -m end '.example' }"
        " { req.fhdr(x-a) -m str -- 'it'\\''s' }\n";
    CHECK(config.contains(guard + " { path -m str -- '/api' }" + conditions));
    CHECK(config.contains(guard + " { path -m beg -- '/api/' }" + conditions));
    CHECK(
        config.contains("    http-request set-header 'X-B' '50%%'"
                        " if { var(txn.rule) -m str 'default/shop/0' }\n"));
    CHECK(
        config.contains("    use_backend %[rand(1000000),"
                        "map_int(/run/maps/default_shop_0.map,serin.none)]"
                        " if { var(txn.rule) -m str 'default/shop/0' }\n"));
    CHECK(config.contains("    server h-stable:shop-stable 127.77.0.2:31005 id 1 check "));
    CHECK_FALSE(config.contains(" enabled"));
}

TEST_CASE("HAProxy takes what is rendered, whatever printable text a route holds") {
    World input = world();
    std::string printable;
    for (char c = 0x20; c < 0x7f; ++c) {
        if (c == '"' || c == '\\') printable += '\\';
        printable += c;
    }
    const std::string path = R"("path":{"value":"/)" + printable + R"("})";
    input.routes.push_back(route(
        R"("rules":[{"matches":[{)" + path + R"(},{"path":{"type":"Exact","value":"/)" + printable +
        R"("}},{"method":"GET","headers":[{"name":"x-a","value":")" + printable +
        R"("}],"queryParams":[{"name":"q","value":")" + printable +
        R"("}]}],"timeouts":{"request":"3s"},"filters":[{"type":"RequestHeaderModifier",
        "requestHeaderModifier":{"add":[{"name":"x-b","value":")" +
        printable + R"("}],"remove":["x-c"]}},{"type":"URLRewrite","urlRewrite":
        {"path":{"type":"ReplaceFullPath","replaceFullPath":"/new"}}}],
        "backendRefs":[{"name":"stable","port":80}]},
        {"matches":[{"path":{"value":"/old"}}],"filters":[{"type":"RequestRedirect",
         "requestRedirect":{"path":{"type":"ReplacePrefixMatch","replacePrefixMatch":"/"}}}]}])"));
    const RoutingTable table = build_table(input);
    REQUIRE(table.rules.size() == 2);

    char folder[] = "/tmp/serin-render-XXXXXX";
    REQUIRE(mkdtemp(folder) != nullptr);
    const std::string dir = folder;
    std::filesystem::create_directories(dir + "/maps");
    const Rendering rendering = render(
        table, {}, {.dir = dir, .binds = {{"127.0.0.1:8080", "unix@" + dir + "/test.sock"}}});
    for (const File& file : rendering.files) std::ofstream(dir + "/" + file.name) << file.content;
    const std::string command = "haproxy -c -f " + dir + "/haproxy.cfg 2>&1";
    FILE* output = popen(command.c_str(), "r");
    std::string said;
    char buffer[4096];
    while (std::fgets(buffer, sizeof(buffer), output) != nullptr) said += buffer;
    CHECK_MESSAGE(pclose(output) == 0, said);
    std::filesystem::remove_all(dir);
}

TEST_CASE("the Secrets of a Gateway are those of its own namespace that listeners name") {
    const auto keys = certificate_keys(object(R"({"apiVersion":"gateway.networking.k8s.io/v1",
      "kind":"Gateway","metadata":{"name":"edge","namespace":"shop"},"spec":{"listeners":[
        {"name":"http","port":80},
        {"name":"https","tls":{"certificateRefs":[{"name":"one"},
          {"name":"theirs","namespace":"bank"},{"name":"two","namespace":"shop"},{}]}}]}})"));
    REQUIRE(keys.size() == 2);
    CHECK(keys[0] == ObjectKey{.type = &types::secret(), .ns = "shop", .name = "one"});
    CHECK(keys[1] == ObjectKey{.type = &types::secret(), .ns = "shop", .name = "two"});
}

}  // namespace serin::gateway
