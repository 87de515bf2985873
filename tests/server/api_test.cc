#include "base/document.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"
#include <filesystem>
#include <fstream>
#include <random>
#include <stdlib.h>
#include <thread>
#include <unistd.h>

// The API by raw HTTP: what kubectl does not show.

namespace serin::server {

namespace {

const std::string rollouts = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
const std::map<std::string, std::string> as_yaml = {{"Content-Type", "application/yaml"}};
const std::map<std::string, std::string> as_merge = {
    {"Content-Type", "application/merge-patch+json"}};

ObjectKey shop() {
    return {.type = &types::rollout(), .ns = "default", .name = "shop"};
}

json::Value parsed(const HttpResponse& response) {
    const auto value = json::parse(response.body);
    REQUIRE_MESSAGE(value, response.body);
    return *value;
}

std::string text(const HttpResponse& response, std::string_view pointer) {
    const json::Value body = parsed(response);
    return std::string(json::text(json::find(body, pointer)).value_or("<none>"));
}

void check_status(const HttpResponse& response, int code, std::string_view reason) {
    CAPTURE(response.body);
    CHECK(response.status == code);
    CHECK(text(response, "/kind") == "Status");
    CHECK(text(response, "/reason") == reason);
    const json::Value body = parsed(response);
    CHECK(json::integer(json::find(body, "/code")) == code);
}

std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return "";
}

// The events of a watch that ends by itself.
std::vector<json::Value> events(const HttpResponse& response) {
    std::vector<json::Value> all;
    std::string_view rest = response.body;
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        all.push_back(json::parse(rest.substr(0, end)).value());
        rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
    }
    return all;
}

std::string type_of(const json::Value& event) {
    return std::string(json::text(json::find(event, "/type")).value_or(""));
}

}  // namespace

TEST_CASE("every failure is a Status with its code, reason and details") {
    World world;
    REQUIRE(world.ask("POST", rollouts, shop_rollout, as_yaml).status == 201);

    const HttpResponse missing = world.ask("GET", rollouts + "/x");
    check_status(missing, 404, "NotFound");
    CHECK(text(missing, "/message") == "rollouts.argoproj.io \"x\" not found");
    CHECK(text(missing, "/details/name") == "x");
    CHECK(text(missing, "/details/kind") == "rollouts");
    const HttpResponse pod = world.ask("GET", "/api/v1/namespaces/default/pods/x");
    CHECK(text(pod, "/message") == "pods \"x\" not found");

    const HttpResponse twice = world.ask("POST", rollouts, shop_rollout, as_yaml);
    check_status(twice, 409, "AlreadyExists");
    CHECK(text(twice, "/message") == "rollouts.argoproj.io \"shop\" already exists");

    Object stale = world.get(shop());
    stale.put("/metadata/resourceVersion", "1");
    check_status(
        world.ask("PUT", rollouts + "/shop", json::print(stale.document())), 409, "Conflict");
    check_status(
        world.ask("PATCH", rollouts + "/shop", R"({"metadata":{"resourceVersion":"1"}})", as_merge),
        409,
        "Conflict");

    const HttpResponse refused =
        world.ask("PATCH", rollouts + "/shop", R"({"spec":{"replicas":13}})", as_merge);
    check_status(refused, 422, "Invalid");
    CHECK(
        text(refused, "/message") ==
        "Rollout.argoproj.io \"shop\" is invalid: spec.replicas: bad luck (use another number)");
    CHECK(text(refused, "/details/causes/0/field") == "spec.replicas");
    CHECK(text(refused, "/details/kind") == "Rollout");

    check_status(world.ask("GET", "/nowhere"), 404, "NotFound");
    check_status(world.ask("GET", "/apis/argoproj.io/v9/rollouts"), 404, "NotFound");
    check_status(world.ask("GET", rollouts + "/shop/nothing"), 404, "NotFound");
    check_status(world.ask("POST", rollouts + "/shop", "{}"), 405, "MethodNotAllowed");
    check_status(world.ask("POST", "/version", "{}"), 405, "MethodNotAllowed");
    check_status(
        world.ask("PATCH", rollouts + "/shop", "{}", {{"Content-Type", "text/html"}}),
        415,
        "UnsupportedMediaType");
    const HttpResponse apply = world.ask(
        "PATCH", rollouts + "/shop", "{}", {{"Content-Type", "application/apply-patch+yaml"}});
    check_status(apply, 415, "UnsupportedMediaType");
    CHECK(text(apply, "/message").contains("server-side apply is not supported"));
    check_status(
        world.ask("GET", rollouts, "", {{"Accept", "application/vnd.kubernetes.protobuf"}}),
        406,
        "NotAcceptable");
    check_status(world.ask("GET", rollouts + "?labelSelector=a%20b"), 400, "BadRequest");
    check_status(world.ask("GET", rollouts + "?limit=many"), 400, "BadRequest");
    check_status(world.ask("GET", rollouts + "?watch=1&resourceVersion=x"), 400, "BadRequest");
    check_status(
        world.ask("DELETE", rollouts + "/shop?propagationPolicy=Maybe"), 400, "BadRequest");
}

TEST_CASE("a store that is down is told with a time to retry") {
    World world;
    world.run([&] {
        world.store.set_faults({.on_write = [](const ObjectKey&) {
            return store::WriteFault{.error = {ErrorKind::unavailable, "the disk is full"}};
        }});
    });
    const HttpResponse response = world.ask("POST", rollouts, shop_rollout, as_yaml);
    check_status(response, 503, "ServiceUnavailable");
    CHECK(header(response, "retry-after") == "1");
}

TEST_CASE("a body has to fit the path, and its outer parts their types") {
    World world;
    const auto post = [&](const std::string& body) { return world.ask("POST", rollouts, body); };
    check_status(post(R"({"kind":"Pod","metadata":{"name":"a"}})"), 400, "BadRequest");
    check_status(post(R"({"metadata":{"name":"a","namespace":"other"}})"), 400, "BadRequest");
    check_status(post(R"({"apiVersion":"v1","metadata":{"name":"a"}})"), 400, "BadRequest");
    check_status(post(R"({"metadata":[]})"), 400, "BadRequest");
    check_status(post(R"([1])"), 400, "BadRequest");
    check_status(post("{"), 400, "BadRequest");
    check_status(post(""), 400, "BadRequest");
    check_status(post("{\"metadata\":{\"name\":\"\xff\xfe\"}}"), 400, "BadRequest");
    check_status(post(R"({"metadata":{"name":7}})"), 422, "Invalid");
    check_status(post(R"({"metadata":{"name":"a","labels":[]}})"), 422, "Invalid");
    check_status(post(R"({"metadata":{"name":"a","labels":{"x":1}}})"), 422, "Invalid");
    check_status(post(R"({"metadata":{"name":"a"},"spec":7})"), 422, "Invalid");
    check_status(post(R"({"metadata":{"name":"Not A Name"}})"), 422, "Invalid");
    check_status(post(R"({"metadata":{}})"), 422, "Invalid");
    check_status(
        world.ask("POST", "/apis/argoproj.io/v1alpha1/rollouts", "{}"), 405, "MethodNotAllowed");

    CHECK(post(R"({"metadata":{"name":"a"}})").status == 201);
    const HttpResponse generated = post(R"({"metadata":{"generateName":"a-"}})");
    CHECK(generated.status == 201);
    CHECK(text(generated, "/metadata/name").starts_with("a-"));
    check_status(
        world.ask("PUT", rollouts + "/a", R"({"metadata":{"name":"b"}})"), 400, "BadRequest");
    check_status(
        world.ask("PATCH", rollouts + "/a", R"({"metadata":{"labels":7}})", as_merge),
        422,
        "Invalid");
    check_status(world.ask("PATCH", rollouts + "/a", "[]", as_merge), 422, "Invalid");
}

TEST_CASE("nothing that is sent ends the server") {
    World world;
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "[";
    std::string deep_object;
    for (int i = 0; i < 50'000; ++i) deep_object += "{\"a\":";
    const std::vector<std::string> bodies = {
        deep,
        deep_object,
        R"({"metadata":{"name":"a","labels":{"":""}}})",
        R"({"metadata":null,"spec":null,"status":null})",
        std::string("\0\0\0", 3),
        R"([{"op":"add","path":"/metadata","value":7}])",
        R"([{"op":"move","from":"/metadata","path":"/metadata/name"}])",
        R"([{"op":"add","path":"/metadata/labels/x/y/z","value":7}])",
        R"([{"op":"copy","from":"","path":"/spec/all"}])",
        R"([{"op":"remove","path":""}])",
        R"({"metadata":{"annotations":{"a":{"b":1}}}})",
        R"({"spec":{"replicas":1e400}})",
        R"({"$patch":"delete"})",
    };
    std::mt19937 random(7);
    const std::vector<std::string> types = {
        "application/json",
        "application/yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/vnd.kubernetes.protobuf"};
    const std::string pods = "/api/v1/namespaces/default/pods";
    world.create(shop_pod);
    const auto send = [&](const std::string& body) {
        for (const std::string& type : types) {
            const std::map<std::string, std::string> headers = {{"Content-Type", type}};
            for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
                for (const std::string& path : {rollouts + "/none", rollouts, pods + "/p/status"}) {
                    const HttpResponse got = world.ask(method, path, body, headers);
                    CAPTURE(got.body);
                    CHECK(got.status < 500);
                }
            }
        }
    };
    for (const std::string& body : bodies) send(body);
    for (const std::string& body : bodies) {
        for (const auto& [type, path] :
             {std::pair(types[2], rollouts + "/shop"), std::pair(types[4], pods + "/p")}) {
            CHECK(world.ask("PATCH", path, body, {{"Content-Type", type}}).status < 500);
        }
    }
    for (int i = 0; i < 5; ++i) {
        std::string noise = i % 2 == 0 ? std::string("k8s\0", 4) : "";
        for (int k = 0; k < 200; ++k) noise += static_cast<char>(random() & 0xffU);
        send(noise);
    }
    CHECK(world.ask("GET", "/healthz").body == "ok");
}

TEST_CASE("a dry run changes nothing and shows what would be") {
    World world;
    const HttpResponse created = world.ask("POST", rollouts + "?dryRun=All", shop_rollout, as_yaml);
    CHECK(created.status == 201);
    CHECK(world.get(shop()).is_empty());
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    check_status(
        world.ask("POST", rollouts + "?dryRun=All", shop_rollout, as_yaml), 409, "AlreadyExists");
    const HttpResponse patched =
        world.ask("PATCH", rollouts + "/shop?dryRun=All", R"({"spec":{"replicas":9}})", as_merge);
    CHECK(patched.body.contains("\"replicas\":9"));
    CHECK(world.get(shop()).integer("/spec/replicas") == 3);
    CHECK(world.ask("DELETE", rollouts + "/shop", R"({"dryRun":["All"]})").status == 200);
    CHECK_FALSE(world.get(shop()).is_empty());
}

TEST_CASE("status and the rest are written apart") {
    World world;
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    const std::string patch = R"({"spec":{"replicas":9},"status":{"phase":"Healthy"}})";
    CHECK(world.ask("PATCH", rollouts + "/shop/status", patch, as_merge).status == 200);
    Object stored = world.get(shop());
    CHECK(stored.integer("/spec/replicas") == 3);
    CHECK(stored.text("/status/phase") == "Healthy");
    CHECK(stored.generation() == 1);

    const std::string other = R"({"spec":{"replicas":9},"status":{"phase":"Degraded"}})";
    CHECK(world.ask("PATCH", rollouts + "/shop", other, as_merge).status == 200);
    stored = world.get(shop());
    CHECK(stored.integer("/spec/replicas") == 9);
    CHECK(stored.text("/status/phase") == "Healthy");
    CHECK(stored.generation() == 2);
    check_status(world.ask("DELETE", rollouts + "/shop/status"), 405, "MethodNotAllowed");
    check_status(
        world.ask("GET", "/api/v1/namespaces/default/configmaps/x/status"), 404, "NotFound");
}

TEST_CASE("a write that another writer overtakes is made anew, unless a version was named") {
    World world;
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    int conflicts = 2;
    world.run([&] {
        world.store.set_faults({.on_write = [&](const ObjectKey&) {
            std::optional<store::WriteFault> fault;
            if (conflicts-- > 0) fault = {.error = {ErrorKind::conflict, "overtaken"}};
            return fault;
        }});
    });
    CHECK(
        world.ask("PATCH", rollouts + "/shop", R"({"spec":{"replicas":5}})", as_merge).status ==
        200);
    CHECK(world.get(shop()).integer("/spec/replicas") == 5);

    conflicts = 1;
    const Object current = world.get(shop());
    check_status(
        world.ask("PUT", rollouts + "/shop", json::print(current.document())), 409, "Conflict");
}

TEST_CASE("scale reads and writes the replicas alone") {
    World world;
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    const HttpResponse scale = world.ask("GET", rollouts + "/shop/scale");
    CHECK(text(scale, "/kind") == "Scale");
    CHECK(text(scale, "/apiVersion") == "autoscaling/v1");
    CHECK(text(scale, "/status/selector") == "app=shop");
    CHECK(world.ask("PUT", rollouts + "/shop/scale", R"({"spec":{"replicas":4}})").status == 200);
    CHECK(world.get(shop()).integer("/spec/replicas") == 4);
    check_status(
        world.ask("PUT", rollouts + "/shop/scale", R"({"spec":{"replicas":-1}})"), 422, "Invalid");
    check_status(
        world.ask(
            "PUT",
            rollouts + "/shop/scale",
            R"({"metadata":{"resourceVersion":"1"},"spec":{"replicas":5}})"),
        409,
        "Conflict");
    check_status(world.ask("GET", "/api/v1/namespaces/default/pods/p/scale"), 404, "NotFound");
}

TEST_CASE("deleting tells what is gone and what still ends") {
    World world;
    world.create(shop_pod);
    const std::string pod = "/api/v1/namespaces/default/pods/p";
    const std::string uid(world.get({.type = &types::pod(), .ns = "default", .name = "p"}).uid());
    check_status(world.ask("DELETE", pod, R"({"preconditions":{"uid":"other"}})"), 409, "Conflict");
    const HttpResponse marked = world.ask("DELETE", pod);
    CHECK(text(marked, "/kind") == "Pod");
    CHECK(text(marked, "/metadata/deletionTimestamp") != "<none>");
    const HttpResponse gone = world.ask("DELETE", pod + "?gracePeriodSeconds=0");
    CHECK(text(gone, "/status") == "Success");
    CHECK(text(gone, "/details/uid") == uid);
    check_status(world.ask("DELETE", pod), 404, "NotFound");

    world.create(shop_pod);
    CHECK(
        world.ask("POST", pod + "/eviction", R"({"deleteOptions":{"gracePeriodSeconds":0}})")
            .status == 201);
    CHECK(world.get({.type = &types::pod(), .ns = "default", .name = "p"}).is_empty());

    for (const char* name : {"a", "b"}) {
        world.create(fmt::format(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {0}, labels: {{n: {0}}}}}}}",
            name));
    }
    const std::string maps = "/api/v1/namespaces/default/configmaps";
    CHECK(world.ask("DELETE", maps + "?labelSelector=n%3Da").status == 200);
    const json::Value left = parsed(world.ask("GET", maps));
    CHECK(json::find(left, "/items")->as_array().size() == 1);
}

TEST_CASE("lists come whole, in pages, as tables and as metadata") {
    World world;
    for (int i = 0; i < 5; ++i) {
        world.create(fmt::format(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{}}}, data: {{a: b}}}}", i));
    }
    const std::string maps = "/api/v1/configmaps";
    std::string next;
    int count = 0;
    int pages = 0;
    do {
        const json::Value page = parsed(world.ask("GET", maps + "?limit=2&continue=" + next));
        count += static_cast<int>(json::find(page, "/items")->as_array().size());
        next = json::text(json::find(page, "/metadata/continue")).value_or("");
        ++pages;
    } while (!next.empty());
    CHECK(count == 5);
    CHECK(pages == 3);

    const auto form = [&](const std::string& accept, const std::string& query = "") {
        return parsed(world.ask("GET", maps + query, "", {{"Accept", accept}}));
    };
    const json::Value table = form(
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "?includeObject=None");
    CHECK(json::text(json::find(table, "/kind")) == "Table");
    CHECK(json::text(json::find(table, "/columnDefinitions/0/name")) == "Name");
    CHECK(json::text(json::find(table, "/rows/0/cells/0")) == "c0");
    CHECK(json::integer(json::find(table, "/rows/0/cells/1")) == 1);
    CHECK(json::find(table, "/rows/0/object") == nullptr);
    const json::Value old = form("application/json;as=Table;v=v1beta1;g=meta.k8s.io");
    CHECK(json::text(json::find(old, "/apiVersion")) == "meta.k8s.io/v1beta1");
    CHECK(json::text(json::find(old, "/rows/0/object/kind")) == "PartialObjectMetadata");
    const json::Value metadata =
        form("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
    CHECK(json::text(json::find(metadata, "/kind")) == "PartialObjectMetadataList");
    CHECK(json::find(metadata, "/items/0/data") == nullptr);
    // A form we do not know falls back to the next the client takes.
    const json::Value plain = form(
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
    CHECK(json::text(json::find(plain, "/kind")) == "ConfigMapList");
}

TEST_CASE("a watch begins where it is told to and misses nothing") {
    World world;
    world.ask("POST", rollouts, shop_rollout, as_yaml);
    const std::string from(world.get(shop()).resource_version());
    world.ask("PATCH", rollouts + "/shop", R"({"spec":{"replicas":5}})", as_merge);
    world.ask("DELETE", rollouts + "/shop");

    const std::string watch = rollouts + "?watch=1&timeoutSeconds=1";
    const auto missed = events(world.ask("GET", watch + "&resourceVersion=" + from));
    REQUIRE(missed.size() == 2);
    CHECK(type_of(missed[0]) == "MODIFIED");
    CHECK(json::integer(json::find(missed[0], "/object/spec/replicas")) == 5);
    CHECK(type_of(missed[1]) == "DELETED");

    world.ask("POST", rollouts, shop_rollout, as_yaml);
    const auto anew = events(world.ask(
        "GET",
        watch + "&sendInitialEvents=true&allowWatchBookmarks=true",
        "",
        {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}}));
    REQUIRE(anew.size() == 2);
    CHECK(type_of(anew[0]) == "ADDED");
    CHECK(json::text(json::find(anew[0], "/object/kind")) == "Table");
    CHECK(json::text(json::find(anew[0], "/object/rows/0/cells/0")) == "shop");
    CHECK(type_of(anew[1]) == "BOOKMARK");

    world.run([&] { world.store.forget_history(); });
    check_status(world.ask("GET", watch + "&resourceVersion=" + from), 410, "Expired");
}

TEST_CASE("a watch of more than a stream may hold begins at the reader's pace") {
    World world;
    const std::string large(100'000, 'x');
    for (int i = 0; i < 120; ++i) {
        Object object(types::config_map(), "default", fmt::format("c{:03}", i));
        object.put("/data/text", json::string(large));
        world.run([&] { CHECK(world.store.create(object)); });
    }
    const auto got = events(
        world.ask("GET", "/api/v1/configmaps?watch=1&timeoutSeconds=3&sendInitialEvents=true"));
    REQUIRE(got.size() == 121);
    CHECK(json::text(json::find(got[119], "/object/metadata/name")) == "c119");
    CHECK(type_of(got[120]) == "BOOKMARK");
}

TEST_CASE("a watch that the history outruns ends with an error event") {
    World world;
    std::thread breaker([&] {
        const auto is_watched = [&] {
            return world.ask("GET", "/metrics").body.contains("serin_http_streams 1");
        };
        while (!is_watched()) std::this_thread::yield();
        world.run([&] { world.store.forget_history(); });
    });
    const auto got = events(world.ask("GET", rollouts + "?watch=true&timeoutSeconds=20"));
    breaker.join();
    REQUIRE(got.size() == 1);
    CHECK(type_of(got[0]) == "ERROR");
    CHECK(json::integer(json::find(got[0], "/object/code")) == 410);
    CHECK(json::text(json::find(got[0], "/object/reason")) == "Expired");
    CHECK(world.ask("GET", "/metrics").body.contains("serin_http_streams 0"));
}

TEST_CASE("a long log comes whole, and a bounded one bounded") {
    World world;
    world.create(shop_pod);
    world.run([&] { world.logs.text = std::string(3'000'000, 'x'); });
    const std::string log = "/api/v1/namespaces/default/pods/p/log";
    CHECK(world.ask("GET", log).body.size() == 3'000'000);
    CHECK(world.ask("GET", log + "?limitBytes=100000").body.size() == 100'000);
    check_status(world.ask("GET", log + "?container=other"), 400, "BadRequest");
    check_status(world.ask("GET", log + "?tailLines=-1"), 400, "BadRequest");
    check_status(world.ask("GET", log + "?sinceTime=yesterday"), 400, "BadRequest");
    world.run([&] { CHECK(world.logs.open_count == 0); });
}

TEST_CASE("evidence, metrics and routes of other parts are served") {
    World world;
    world.run([&] {
        for (const char* id : {"a", "b"}) {
            CHECK(world.evidence.append(Instant{}, "rollouts.argoproj.io default/shop", id, {}));
        }
        world.server->add_route(
            {.method = "POST",
             .path = "/ofrep/v1/evaluate/flags/*",
             .handler = [](const auto& request, const auto& to) {
                 to->send({.body = request.path});
             }});
        world.server->add_metrics([](Exposition& out) {
            out.add("serin_reconciles_total", Exposition::Kind::counter, "Turns.", 3);
        });
    });
    const std::string path = "/serin/v1/evidence?release=rollouts.argoproj.io%20default/shop";
    const json::Value all = parsed(world.ask("GET", path));
    CHECK(json::find(all, "/items")->as_array().size() == 2);
    CHECK(json::text(json::find(all, "/items/1/id")) == "b");
    const json::Value later = parsed(world.ask("GET", path + "&after=1"));
    CHECK(json::find(later, "/items")->as_array().size() == 1);
    CHECK(world.ask("POST", "/ofrep/v1/evaluate/flags/x").body == "/ofrep/v1/evaluate/flags/x");

    world.create(shop_pod);
    world.ask("GET", "/nowhere");
    const std::string metrics = world.ask("GET", "/metrics").body;
    CAPTURE(metrics);
    CHECK(metrics.contains("process_resident_memory_bytes "));
    CHECK(metrics.contains("serin_objects{group=\"\",resource=\"pods\"} 1\n"));
    CHECK(metrics.contains("serin_http_requests_total{method=\"GET\",code=\"404\"} 1\n"));
    CHECK(metrics.contains("# TYPE serin_reconciles_total counter\nserin_reconciles_total 3\n"));
}

TEST_CASE("with a token everyone has to show it, but for the health checks") {
    char name[] = "/tmp/serin-token-XXXXXX";
    const int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::close(fd);
    std::ofstream(name) << "a-long-enough-secret\n";
    World world({.token_file = name});
    check_status(world.ask("GET", "/version"), 401, "Unauthorized");
    const auto with = [&](const std::string& value) {
        return world.ask("GET", "/version", "", {{"Authorization", value}}).status;
    };
    CHECK(with("Bearer a-long-enough-secret") == 200);
    CHECK(with("Bearer a-long-enough-secreT") == 401);
    CHECK(with("Bearer ") == 401);
    CHECK(with("Basic a-long-enough-secret") == 401);
    CHECK(world.ask("GET", "/readyz").status == 200);
    check_status(world.ask("GET", "/nowhere"), 401, "Unauthorized");
    ::unlink(name);
}

TEST_CASE("over TLS kubectl shows its token") {
    if (!has_kubectl()) return;
    char folder[] = "/tmp/serin-tls-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    const std::string at = folder;
    const Output made = run_shell(
        at,
        fmt::format(
            "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-days 2 -subj /CN=serin -keyout key.pem -out cert.pem",
            at),
        "");
    REQUIRE_MESSAGE(made.code == 0, made.text);
    std::ofstream(at + "/token") << "a-long-enough-secret";
    {
        World world(
            {.token_file = at + "/token",
             .is_tls = true,
             .tls = {.certificate_file = at + "/cert.pem", .key_file = at + "/key.pem"}});
        const std::string insecure = "--insecure-skip-tls-verify ";
        const Output known = world.kubectl(insecure + "--token a-long-enough-secret get pods");
        CHECK_MESSAGE(known.code == 0, known.text);
        const Output unknown = world.kubectl(insecure + "--token wrong get pods");
        CHECK(unknown.code == 1);
        CHECK_MESSAGE(unknown.text.contains("nauthorized"), unknown.text);
    }
    std::filesystem::remove_all(at);
}

}  // namespace serin::server
