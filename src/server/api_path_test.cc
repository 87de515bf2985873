#include "server/api_path.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace serin::server {

namespace {

std::string read(std::string_view path) {
    const auto found = parse_api_path(path);
    if (!found) return "none";
    return fmt::format(
        "{} ns={} name={} sub={}", found->type->plural, found->ns, found->name, found->subresource);
}

}  // namespace

TEST_CASE("paths name collections, objects and subresources") {
    CHECK(read("/api/v1/pods") == "pods ns= name= sub=");
    CHECK(read("/api/v1/namespaces/a/pods") == "pods ns=a name= sub=");
    CHECK(read("/api/v1/namespaces/a/pods/x/log") == "pods ns=a name=x sub=log");
    CHECK(read("/api/v1/namespaces") == "namespaces ns= name= sub=");
    CHECK(read("/api/v1/namespaces/a") == "namespaces ns= name=a sub=");
    CHECK(read("/api/v1/namespaces/a/status") == "namespaces ns= name=a sub=status");
    CHECK(
        read("/apis/argoproj.io/v1alpha1/namespaces/a/rollouts/x/status") ==
        "rollouts ns=a name=x sub=status");
    CHECK(
        read("/apis/gateway.networking.k8s.io/v1/gatewayclasses/serin") ==
        "gatewayclasses ns= name=serin sub=");
}

TEST_CASE("paths that name nothing of ours are refused") {
    for (const char* path :
         {"",
          "/",
          "/api",
          "/apis",
          "/apis/apps",
          "/apis/apps/v1",
          "/apis/apps/v2/deployments",
          "/api/v1/rollouts",
          "/api/v1/namespaces/a/nothing",
          "/api/v1/namespaces/a/pods/x/log/more",
          "/api/v1/pods/x",
          "/apis/gateway.networking.k8s.io/v1/namespaces/a/gatewayclasses/x",
          "/version"}) {
        CAPTURE(path);
        CHECK(read(path) == "none");
    }
}

}  // namespace serin::server
