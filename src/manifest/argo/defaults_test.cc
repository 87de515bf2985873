#include "manifest/argo/defaults.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

namespace {

bool is_same(const std::string& left, const std::string& right) {
    const auto one = json::parse(left);
    const auto other = json::parse(right);
    REQUIRE(one);
    REQUIRE(other);
    const bool same = argo::is_same_when_stored(*one, *other);
    CHECK(argo::is_same_when_stored(*other, *one) == same);
    return same;
}

std::string with_container(const std::string& members) {
    return R"({"spec": {"containers": [{"name": "shop", )" + members + "}]}}";
}

}  // namespace

TEST_CASE("what Kubernetes fills in makes no other template") {
    const char* written = R"({"metadata": {"labels": {"app": "shop"}}, "spec": {
        "serviceAccountName": "shop", "initContainers": [{"name": "init", "image": "init"}],
        "containers": [{"name": "shop", "image": "registry:5000/shop:v1", "args": [],
            "env": [{"name": "EMPTY", "value": ""},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "ports": [{"containerPort": 8080}],
            "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}},
            "readinessProbe": {"httpGet": {"port": 8080}}}],
        "volumes": [{"name": "tmp"}, {"name": "keys", "secret": {"secretName": "keys"}}]}})";
    const char* stored = R"({"metadata": {"creationTimestamp": null, "labels":
        {"app": "shop", "rollouts-pod-template-hash": "687d76d795"}}, "spec": {
        "serviceAccountName": "shop", "serviceAccount": "shop", "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always", "schedulerName": "default-scheduler", "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "initContainers": [{"name": "init", "image": "init", "imagePullPolicy": "Always",
            "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File"}],
        "containers": [{"name": "shop", "image": "registry:5000/shop:v1",
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "EMPTY"}, {"name": "IP", "valueFrom":
                {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
            "readinessProbe": {"failureThreshold": 3, "httpGet": {"path": "/", "port": 8080,
                "scheme": "HTTP"}, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
        "volumes": [{"name": "tmp", "emptyDir": {}},
                    {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 420}}]}})";
    CHECK(is_same(written, stored));
}

TEST_CASE("what differs once it is stored is another template") {
    const std::string plain = with_container(R"("image": "shop:v1")");
    CHECK(is_same(plain, with_container(R"("image": "shop:v1", "tty": false)")));
    for (const char* other :
         {R"("image": "shop:v2")",
          R"("image": "shop:v1", "imagePullPolicy": "Always")",
          R"("image": "shop:v1", "resources": {"limits": {"cpu": "1"}})",
          R"("image": "shop:v1", "env": [{"name": "A"}])",
          R"("image": "shop:v1", "readinessProbe": {"httpGet": {"port": 80}})",
          R"("image": "shop:v1", "securityContext": {"privileged": false})",
          R"("image": "shop:v1", "newField": {})"}) {
        CAPTURE(other);
        CHECK_FALSE(is_same(plain, with_container(other)));
    }
    CHECK_FALSE(is_same(plain, R"({"spec": {"containers": [{"name": "shop", "image": "shop:v1"}],
        "terminationGracePeriodSeconds": 0}})"));
    CHECK_FALSE(is_same(
        with_container(R"("readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 5})"),
        with_container(R"("readinessProbe": {"tcpSocket": {"port": 80}})")));
}

TEST_CASE("the policy of pulling an image follows its tag") {
    const auto policy = [](const std::string& image, const std::string& wanted) {
        return is_same(
            with_container("\"image\": \"" + image + "\""),
            with_container("\"image\": \"" + image + R"(", "imagePullPolicy": ")" + wanted + "\""));
    };
    CHECK(policy("shop", "Always"));
    CHECK(policy("shop:latest", "Always"));
    CHECK(policy("registry:5000/shop", "Always"));
    CHECK(policy("shop:v1", "IfNotPresent"));
    CHECK(policy("shop@sha256:0123", "IfNotPresent"));
    CHECK_FALSE(policy("shop:v1", "Always"));
}

TEST_CASE("quantities are numbers, however they are written") {
    const auto cpu = [](const std::string& value) {
        return with_container(R"("resources": {"limits": {"cpu": )" + value + "}}");
    };
    CHECK(is_same(cpu("1"), cpu(R"("1000m")")));
    CHECK(is_same(cpu(R"("0.1")"), cpu(R"("100m")")));
    CHECK(is_same(cpu(R"("1.5Gi")"), cpu(R"("1536Mi")")));
    CHECK(is_same(cpu(R"("1G")"), cpu(R"("1000M")")));
    CHECK(is_same(cpu("0"), cpu(R"("0m")")));
    CHECK_FALSE(is_same(cpu(R"("1G")"), cpu(R"("1Gi")")));
    CHECK_FALSE(is_same(cpu(R"("1")"), cpu(R"("1m")")));
    CHECK_FALSE(is_same(cpu(R"("one")"), cpu(R"("two")")));
}
