#include "manifest/admission.h"

#include "base/document.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace serin;

namespace {

Object read(std::string_view text) {
    return Object(read_documents(text, "f").documents.front().root.get_object());
}

std::string review(Object& object, const Object* old = nullptr) {
    std::string out;
    for (const Diagnostic& one : manifest::ManifestAdmission().review(object, old)) {
        out += to_string(one) + "\n";
    }
    return out;
}

constexpr std::string_view service = R"(
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{port: 80}]}
)";

constexpr std::string_view replica_set = R"(
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a, tier: x}}, spec: {containers: [{name: a, image: b}]}}
)";

}  // namespace

TEST_CASE("what is left out gets its default, once") {
    Object object = read(service);
    CHECK(review(object) == "");
    CHECK(object.text("/spec/type") == "ClusterIP");
    CHECK(object.text("/spec/ports/0/protocol") == "TCP");
    CHECK(object.integer("/spec/ports/0/targetPort") == 80);

    const Object once = object;
    Object again = read(service);
    CHECK(review(again, &once) == "");
    CHECK(again.document() == once.document());
    CHECK(review(object, &once) == "");
    CHECK(object.document() == once.document());
}

TEST_CASE("a Secret's stringData becomes data") {
    Object object = read(R"(
apiVersion: v1
kind: Secret
metadata: {name: a}
data: {kept: aGk=, replaced: aGk=}
stringData: {replaced: "hi!", empty: "", two: "ab"}
)");
    CHECK(review(object) == "");
    CHECK(!object.find("/stringData"));
    CHECK(object.text("/data/kept") == "aGk=");
    CHECK(object.text("/data/replaced") == "aGkh");
    CHECK(object.text("/data/two") == "YWI=");
    CHECK(object.text("/data/empty", "none") == "");
    CHECK(object.text("/type") == "Opaque");
}

TEST_CASE("a template is left as it is written") {
    Object object = read(replica_set);
    const json::Value before = *object.find("/spec/template");
    CHECK(review(object) == "");
    CHECK(object.integer("/spec/replicas") == 1);
    CHECK(*object.find("/spec/template") == before);
}

TEST_CASE("an object with errors is refused and left as it was") {
    Object object = read("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: 1}}");
    const Object before = object;
    CHECK(review(object).find("spec.port: unknown field") != std::string::npos);
    CHECK(object.document() == before.document());
}

TEST_CASE("selectors may not change") {
    Object old = read(replica_set);
    CHECK(review(old) == "");
    Object object = old;
    object.put("/spec/selector/matchLabels", json::Object{{"tier", "x"}});
    CHECK(
        review(object, &old) ==
        "spec.selector: field is immutable (delete the object and create it again to change "
        "it)\n");
}

TEST_CASE("an immutable ConfigMap keeps its data") {
    const Object old = read(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, immutable: true, data: {a: x}}");
    Object object = old;
    CHECK(review(object, &old) == "");
    object.put("/data/a", "y");
    CHECK(review(object, &old) == "data: field is immutable when `immutable` is set\n");
}

TEST_CASE("status and metadata of an object that would be refused today can be written") {
    const Object old =
        read("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {former: 1}}");
    Object object = old;
    object.put("/status/conditions", json::Array());
    object.set_label("a", "b");
    CHECK(review(object, &old) == "");
    object.set_label("a", "-");
    CHECK(review(object, &old).find("metadata.labels.a") != std::string::npos);
}

TEST_CASE("routers that one machine does not have are refused, and so are their objects") {
    Object rollout = read(R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: a}
spec:
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: b}]}}
  strategy:
    canary: {stableService: s, canaryService: c, trafficRouting: {nginx: {stableIngress: web}}}
)");
    CHECK(review(rollout).contains(
        "spec.strategy.canary.trafficRouting.nginx: there is no such controller on one machine"));
    Object ingress = read(
        "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: "
        "[]}}");
    CHECK(review(ingress).contains("Ingress is not served on one machine"));
}
