#include "manifest/argo/hash.h"

#include <doctest/doctest.h>

#include <vector>

namespace serin::argo {

TEST_CASE("templates are the same when they would have one id") {
    // Each line has variants of one template; no two lines are the same.
    const std::vector<std::vector<const char*>> kinds{
        {R"({})",
         R"({"metadata": null})",
         R"({"metadata": {}})",
         R"({"metadata": {"labels": null, "annotations": {}, "creationTimestamp": null}})",
         R"({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}})",
         R"({"metadata": {"labels": {"rollouts-pod-template-hash": "a"}}})",
         R"({"metadata": {"labels": {"pod-template-hash": "a"}}})"},
        {R"({"metadata": {"labels": {"app": "a"}}, "spec": {"x": 1, "y": [1, 2]}})",
         R"({"spec": {"y": [1, 2], "x": 1.0}, "metadata": {"labels": {"app": "a"}}})",
         R"({"metadata": {"labels": {"app": "a", "pod-template-hash": "7"}, "annotations": {}},
             "spec": {"x": 1, "y": [1, 2]}})"},
        {R"({"metadata": {"labels": {"app": "b"}}, "spec": {"x": 1, "y": [1, 2]}})"},
        {R"({"metadata": {"labels": {"app": "a"}}, "spec": {"x": 1, "y": [2, 1]}})"},
        {R"({"metadata": {"labels": {"app": "a"}}, "spec": {"x": 1, "y": [1, 2], "z": null}})"},
        {R"({"metadata": {"labels": {"app": "a"}, "annotations": {"n": "1"}},
             "spec": {"x": 1, "y": [1, 2]}})"},
        {R"({"metadata": {"labels": {"app": "a"}, "name": "n"}, "spec": {"x": 1, "y": [1, 2]}})"},
        {R"({"metadata": {"labels": "text"}})"},
        {R"({"metadata": "text"})"},
        {R"("text")"},
        {"null"},
    };
    for (const auto& kind : kinds) {
        for (const auto& other_kind : kinds) {
            for (const char* left : kind) {
                for (const char* right : other_kind) {
                    CAPTURE(left);
                    CAPTURE(right);
                    const auto one = json::parse(left);
                    const auto other = json::parse(right);
                    const bool is_same = &kind == &other_kind;
                    CHECK(is_same_template(*one, *other) == is_same);
                    CHECK((template_id(*one, 0) == template_id(*other, 0)) == is_same);
                }
            }
        }
    }
}

TEST_CASE("steps have the hash that Argo's controller gives them") {
    const auto hash = [](const char* text) {
        const auto steps = json::parse(text);
        REQUIRE(steps);
        CHECK_FALSE(steps_digest(&*steps).empty());
        return argo_steps_hash(&*steps);
    };
    // Argo's own tests say so.
    CHECK(hash(R"([{"pause": {}}])") == "6b9b86fbd5");
    CHECK(hash(R"([{"pause": {}}, {"pause": {}}])") == "79c9b9f6bf");
    CHECK(argo_steps_hash(nullptr) == "5ffbfbbd64");

    // The order of members is Go's, not the manifest's.
    const auto scale = hash(R"([{"setCanaryScale": {"weight": 5, "matchTrafficWeight": true}}])");
    CHECK(scale);
    CHECK(scale == hash(R"([{"setCanaryScale": {"matchTrafficWeight": true, "weight": 5}}])"));
    CHECK(hash(R"([{"pause": {"duration": 60}}])") != hash(R"([{"pause": {"duration": "60"}}])"));

    for (const char* unknown :
         {R"([{"analysis": {"templates": [{"templateName": "rate"}]}}])",
          R"([{"pause": {"until": "noon"}}])",
          R"([{"setWeight": "20"}])",
          R"([{"setHeaderRoute": {"name": "a", "match": [{"headerName": "x",
              "headerValue": {"regex": "<b>"}}]}}])"}) {
        CAPTURE(unknown);
        CHECK_FALSE(hash(unknown));
    }
}

}  // namespace serin::argo
