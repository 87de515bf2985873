#include "manifest/argo/pod_metadata.h"

#include "manifest/argo/hash.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

namespace {

json::Value pod_template(const std::string& affinity = "") {
    return *json::parse(
        R"({"metadata": {"labels": {"app": "shop"}}, "spec": {)" + affinity +
        R"("containers": [{"name": "shop"}]}})");
}

Object group(json::Value of) {
    Object object(types::replica_set(), "default", "shop-a");
    object.put("/spec/template", std::move(of));
    object.put("/spec/template/metadata/labels/rollouts-pod-template-hash", "a");
    return object;
}

}  // namespace

TEST_CASE("a template is the same without what its role added") {
    Object set = group(pod_template());
    set.put("/spec/template/metadata/labels/role", "canary");
    set.put("/spec/template/metadata/annotations/why", "new");
    CHECK_FALSE(argo::is_same_template(argo::plain_template(set), pod_template()));
    const argo::PodMetadata added{.labels = {{"role", "canary"}}, .annotations = {{"why", "new"}}};
    set.set_annotation("rollout.argoproj.io/ephemeral-metadata", json::print(argo::to_json(added)));
    CHECK(argo::added_metadata(set) == added);
    CHECK(argo::is_same_template(argo::plain_template(set), pod_template()));
}

TEST_CASE("a template is the same without the wish to stay away from stable pods") {
    for (const char* wish :
         {R"({"requiredDuringSchedulingIgnoredDuringExecution": {}})",
          R"({"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 7}})"}) {
        CAPTURE(wish);
        json::Value changed = pod_template();
        argo::add_anti_affinity(json::parse(wish)->as_object(), "s", changed);
        CHECK(json::print(changed).contains("kubernetes.io/hostname"));
        CHECK(argo::is_same_template(argo::plain_template(group(changed)), pod_template()));
    }
    // What a person wrote stays.
    const std::string own = R"("affinity": {"podAntiAffinity":
        {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},)";
    json::Value changed = pod_template(own);
    argo::add_anti_affinity(
        json::parse(R"({"requiredDuringSchedulingIgnoredDuringExecution": {}})")->as_object(),
        "s",
        changed);
    const json::Array* terms = json::array(json::find(
        changed, "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution"));
    CHECK(terms->size() == 2);
    CHECK(argo::is_same_template(argo::plain_template(group(changed)), pod_template(own)));
}
