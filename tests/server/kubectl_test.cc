#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"

// The real kubectl, unmodified.

namespace serin::server {

namespace {

bool has(std::string_view text, std::string_view part) {
    if (text.contains(part)) return true;
    MESSAGE(fmt::format("no '{}' in: {}", part, text));
    return false;
}

ObjectKey shop() {
    return {.type = &types::rollout(), .ns = "default", .name = "shop"};
}

}  // namespace

TEST_CASE("kubectl discovers what is served") {
    if (!has_kubectl()) return;
    World world;
    const Output resources = world.kubectl("api-resources");
    CAPTURE(resources.text);
    CHECK(resources.code == 0);
    CHECK(has(resources.text, "rollouts"));
    CHECK(has(resources.text, "argoproj.io/v1alpha1"));
    CHECK(has(resources.text, "httproutes"));
    CHECK(has(world.kubectl("version").text, "v1.32.0+serin"));
    CHECK(has(world.kubectl("api-versions").text, "gateway.networking.k8s.io/v1"));
}

TEST_CASE("kubectl applies, again, changes and deletes") {
    if (!has_kubectl()) return;
    World world;
    const Output first = world.kubectl("apply -f -", shop_rollout);
    CAPTURE(first.text);
    CHECK(first.text == "rollout.argoproj.io/shop created\n");
    CHECK(world.kubectl("apply -f -", shop_rollout).text == "rollout.argoproj.io/shop unchanged\n");
    std::string changed = shop_rollout;
    changed.replace(changed.find("shop:v1"), 7, "shop:v2");
    CHECK(world.kubectl("apply -f -", changed).text == "rollout.argoproj.io/shop configured\n");
    CHECK(world.get(shop()).text("/spec/template/spec/containers/0/image") == "shop:v2");

    const Output dry = world.kubectl("apply --dry-run=server -f -", shop_rollout);
    CHECK(dry.text == "rollout.argoproj.io/shop configured (server dry run)\n");
    CHECK(world.get(shop()).text("/spec/template/spec/containers/0/image") == "shop:v2");

    const Output diff = world.kubectl("diff -f -", shop_rollout);
    CHECK(diff.code == 1);
    CHECK(has(diff.text, "shop:v1"));

    const Output deleted = world.kubectl("delete ro shop");
    CHECK(has(deleted.text, "rollout.argoproj.io \"shop\" deleted"));
    CHECK(world.get(shop()).is_empty());
    const Output again = world.kubectl("delete rollouts shop");
    CHECK(again.code == 1);
    CHECK(again.text == "Error from server (NotFound): rollouts.argoproj.io \"shop\" not found\n");
}

TEST_CASE("kubectl applies the Kubernetes types by strategic patch") {
    if (!has_kubectl()) return;
    World world;
    const std::string service = R"(apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: http}
  - {name: admin, port: 81}
)";
    CHECK(world.kubectl("apply -f -", service).text == "service/web created\n");
    std::string changed = service;
    changed.replace(changed.find("  - {name: admin, port: 81}\n"), 28, "");
    const Output second = world.kubectl("apply -f -", changed);
    CAPTURE(second.text);
    CHECK(second.text == "service/web configured\n");
    const Object stored = world.get({.type = &types::service(), .ns = "default", .name = "web"});
    REQUIRE_FALSE(stored.is_empty());
    CHECK(stored.find("/spec/ports")->as_array().size() == 1);
    CHECK(has(world.kubectl("get svc").text, "80/TCP"));
    CHECK(has(world.kubectl("describe svc web").text, "app=web"));

    CHECK(has(world.kubectl("create configmap c --from-literal a=b").text, "configmap/c created"));
    CHECK(
        has(world.kubectl("create secret generic s --from-literal a=b").text, "secret/s created"));
    CHECK(has(world.kubectl("get cm,secret").text, "configmap/c   1 "));
    CHECK(has(world.kubectl("create namespace prod").text, "namespace/prod created"));
    CHECK(has(world.kubectl("get ns").text, "prod"));
    CHECK(has(world.kubectl("run pod1 --image shop:v1").text, "pod/pod1 created"));
    CHECK(has(world.kubectl("get pods").text, "0/1 "));
    CHECK(has(world.kubectl("delete cm --all").text, "configmap \"c\" deleted"));
}

TEST_CASE("kubectl shows objects in every form") {
    if (!has_kubectl()) return;
    World world;
    world.kubectl("apply -f -", shop_rollout);
    const Output plain = world.kubectl("get rollouts");
    CAPTURE(plain.text);
    CHECK(
        plain.text.starts_with("NAME   DESIRED   CURRENT   UP-TO-DATE   AVAILABLE   AGE\n"
                               "shop   3         0         0            0           "));
    CHECK(has(world.kubectl("get ro -o wide").text, "STEP"));
    CHECK(has(world.kubectl("get ro -o wide").text, "0/2"));
    CHECK(has(world.kubectl("get ro -o wide").text, "shop:v1"));
    CHECK(has(world.kubectl("get ro -A --show-labels").text, "app=shop"));
    CHECK(has(world.kubectl("get ro shop -o yaml").text, "kind: Rollout"));
    CHECK(has(world.kubectl("get ro -o json").text, "\"kind\": \"List\""));
    CHECK(world.kubectl("get ro -o name").text == "rollout.argoproj.io/shop\n");
    CHECK(world.kubectl("get ro -o jsonpath='{.items[0].spec.replicas}'").text == "3");
    CHECK(has(world.kubectl("get ro -l app=shop").text, "shop"));
    CHECK(has(world.kubectl("get ro -l app=other").text, "No resources found"));
    CHECK(has(world.kubectl("get all").text, "rollout.argoproj.io/shop"));
    CHECK(has(world.kubectl("describe ro shop").text, "Set Weight:  20"));
    CHECK(has(world.kubectl("get ro --field-selector metadata.name=x").text, "No resources"));
    const Output missing = world.kubectl("get ro nothing");
    CHECK(missing.code == 1);
    CHECK(
        missing.text ==
        "Error from server (NotFound): rollouts.argoproj.io \"nothing\" not found\n");
}

TEST_CASE("kubectl lists page by page") {
    if (!has_kubectl()) return;
    World world;
    for (int i = 0; i < 25; ++i) {
        world.create(fmt::format(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{}}}, data: {{}}}}", i));
    }
    const Output all = world.kubectl("get cm --chunk-size=10 -o name");
    CHECK(std::count(all.text.begin(), all.text.end(), '\n') == 25);
}

TEST_CASE("kubectl patches, labels, annotates, scales and replaces") {
    if (!has_kubectl()) return;
    World world;
    world.kubectl("apply -f -", shop_rollout);
    const Output merge =
        world.kubectl(R"(patch ro shop --type merge -p '{"spec":{"paused":true}}')");
    CAPTURE(merge.text);
    CHECK(merge.text == "rollout.argoproj.io/shop patched\n");
    CHECK(world.get(shop()).boolean("/spec/paused"));
    const Output json =
        world.kubectl(R"(patch ro shop --type json -p '[{"op":"remove","path":"/spec/paused"}]')");
    CHECK(json.text == "rollout.argoproj.io/shop patched\n");
    CHECK(world.get(shop()).find("/spec/paused") == nullptr);
    const Output strategic = world.kubectl(R"(patch ro shop -p '{"spec":{"paused":true}}')");
    CHECK(strategic.code == 1);
    CHECK(has(strategic.text, "application/merge-patch+json"));

    CHECK(has(world.kubectl("label ro shop tier=web").text, "labeled"));
    CHECK(world.get(shop()).label("tier") == "web");
    CHECK(has(world.kubectl("annotate ro shop note=x").text, "annotate"));
    CHECK(has(world.kubectl("label ro shop tier-").text, "label"));
    CHECK_FALSE(world.get(shop()).label("tier"));

    const Output scaled = world.kubectl("scale ro shop --replicas 5");
    CHECK(scaled.text == "rollout.argoproj.io/shop scaled\n");
    CHECK(world.get(shop()).integer("/spec/replicas") == 5);
    const Output wrong = world.kubectl("scale ro shop --current-replicas 4 --replicas 6");
    CHECK(wrong.code == 1);
    CHECK(has(world.kubectl("scale ro shop --current-replicas 5 --replicas 6").text, "scaled"));
    CHECK(world.get(shop()).integer("/spec/replicas") == 6);

    CHECK(has(world.kubectl("replace -f -", shop_rollout).text, "replaced"));
    CHECK(world.get(shop()).integer("/spec/replicas") == 3);
    CHECK(
        has(world.kubectl("create -f -", shop_rollout).text,
            "Error from server (AlreadyExists): error when creating \"STDIN\": "
            "rollouts.argoproj.io \"shop\" already exists"));

    // The editor replaces the number of replicas in the file it is given.
    const Output edited = world.kubectl("edit ro shop", "");
    CAPTURE(edited.text);
    const Output by_editor = run_shell(
        world.folder,
        fmt::format(
            "HOME={0} KUBECONFIG={0}/config EDITOR='sed -i s/replicas:.3/replicas:\\ 4/' "
            "timeout 60 kubectl --server {1} edit ro shop",
            world.folder,
            world.server->url()),
        "");
    CAPTURE(by_editor.text);
    CHECK(has(by_editor.text, "edited"));
    CHECK(world.get(shop()).integer("/spec/replicas") == 4);
}

TEST_CASE("kubectl tells what admission refuses and warns of") {
    if (!has_kubectl()) return;
    World world;
    world.kubectl("apply -f -", shop_rollout);
    const Output refused = world.kubectl("scale ro shop --replicas 13");
    CAPTURE(refused.text);
    CHECK(refused.code == 1);
    CHECK(has(refused.text, "spec.replicas"));
    CHECK(has(refused.text, "bad luck (use another number)"));
    const Output both =
        world.kubectl(R"(patch ro shop --type merge -p '{"spec":{"replicas":13,"weight":-1}}')");
    CHECK(has(both.text, "The Rollout \"shop\" is invalid"));
    CHECK(has(both.text, "* spec.replicas: bad luck"));
    CHECK(has(both.text, "* spec.weight: must not be negative"));
    CHECK(world.get(shop()).integer("/spec/replicas") == 3);
    const Output warned = world.kubectl("annotate ro shop deprecated=yes");
    CHECK(has(warned.text, "Warning: metadata.annotations[deprecated]: is \"old\""));
    CHECK(warned.code == 0);
}

TEST_CASE("kubectl watches") {
    if (!has_kubectl()) return;
    World world;
    world.kubectl("apply -f -", shop_rollout);
    std::thread changer([&] {
        // The watch is there when the server has a stream open.
        const auto is_watched = [&] {
            return world.ask("GET", "/metrics").body.contains("serin_http_streams 1");
        };
        while (!is_watched()) std::this_thread::yield();
        world.run([&] {
            Object object = world.store.get(shop()).value();
            object.put("/spec/replicas", 7);
            CHECK(world.store.update(object));
            CHECK(world.store.remove(shop()));
        });
    });
    const Output watched = world.kubectl("get ro -w --request-timeout=4s");
    changer.join();
    CAPTURE(watched.text);
    CHECK(has(watched.text, "shop   3 "));
    CHECK(has(watched.text, "shop   7 "));
    const Output wait = world.kubectl("wait --for=delete ro/shop --timeout=5s");
    CHECK(wait.code != -1);
}

TEST_CASE("kubectl reads logs") {
    if (!has_kubectl()) return;
    World world;
    world.create(shop_pod);
    CHECK(world.kubectl("logs p").text == "one\ntwo\n");
    CHECK(world.kubectl("logs p --tail 5 -c main --since 1h --timestamps").text == "one\ntwo\n");
    REQUIRE(world.logs.asked.size() == 2);
    CHECK(world.logs.asked[1].tail == 5);
    CHECK(world.logs.asked[1].container == "main");
    CHECK(world.logs.asked[1].since);
    CHECK(world.logs.asked[1].has_timestamps);
    std::thread writer([&] {
        const auto is_read = [&] {
            return world.ask("GET", "/metrics").body.contains("serin_http_streams 1");
        };
        while (!is_read()) std::this_thread::yield();
        world.run([&] {
            world.logs.append("three\n");
            world.logs.finish();
        });
    });
    const Output followed = world.kubectl("logs -f p");
    writer.join();
    CHECK(followed.text == "one\ntwo\nthree\n");
    CHECK(has(world.kubectl("logs q").text, "pods \"q\" not found"));
    CHECK(has(world.kubectl("describe pod p").text, "shop:v1"));
    CHECK(has(world.kubectl("get pod p -o wide").text, "NOMINATED NODE"));
}

}  // namespace serin::server
