#include "ports/object.h"

#include <doctest/doctest.h>

#include <utility>

namespace serin {

namespace {

Object shop() {
    Object object(types::rollout(), "default", "shop");
    object.set_label("app", "shop");
    object.put("/spec/replicas", 3);
    return object;
}

}  // namespace

TEST_CASE("copies share a document until one is changed") {
    Object first = shop();
    Object second = first;
    const Object third = first;
    CHECK(&std::as_const(first).document() == &third.document());

    second.put("/spec/replicas", 4);
    CHECK(first.integer("/spec/replicas") == 3);
    CHECK(second.integer("/spec/replicas") == 4);
    first.document()["status"] = "changed";
    first.erase("/metadata/labels");
    CHECK(third.find("/status") == nullptr);
    CHECK(third.label("app") == "shop");
    CHECK(third.integer("/spec/replicas") == 3);
}

TEST_CASE("what was looked up stays while a copy has it") {
    Object changed = shop();
    const Object kept = changed;
    const std::string_view name = changed.name();
    changed.put("/metadata/name", "other");
    CHECK(name == "shop");
    CHECK(name.data() == kept.name().data());
}

TEST_CASE("erasing nothing changes nothing") {
    Object object = shop();
    const Object copy = object;
    CHECK_FALSE(object.erase("/spec/template"));
    CHECK(&std::as_const(object).document() == &copy.document());
}

TEST_CASE("an empty object has an empty envelope") {
    Object object;
    const Object copy = object;
    CHECK(object.is_empty());
    CHECK(object.name().empty());
    CHECK(object.type() == nullptr);
    CHECK(object.controller() == nullptr);
    CHECK_FALSE(object.is_being_deleted());
    object.put("/kind", "Pod");
    CHECK(copy.is_empty());
    CHECK(object.kind() == "Pod");
}

TEST_CASE("a kind is known by its version") {
    Object object = shop();
    CHECK(object.type() == &types::rollout());
    for (const char* version :
         {"argoproj.io",
          "argoproj.io/",
          "argoproj.io/v1",
          "v1alpha1",
          "argoproj.iov1alpha1",
          "argoproj.io/v1alpha1/x",
          ""}) {
        CAPTURE(version);
        CHECK(find_kind(version, "Rollout") == nullptr);
    }
    CHECK(find_kind("v1", "Pod") == &types::pod());
    CHECK(find_kind("/v1", "Pod") == nullptr);
}

}  // namespace serin
