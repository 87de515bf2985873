#include "store/patch.h"

#include "store/acceptance.h"

#include <doctest/doctest.h>

namespace serin::store {

namespace {

std::string merged(const char* target, const char* patch) {
    return json::print(merge_patch(parsed(target), parsed(patch)));
}

// The document after a JSON patch, or the message.
std::string patched(const char* target, const char* operations) {
    const auto result = json_patch(parsed(target), parsed(operations));
    return result ? json::print(*result) : result.error().message;
}

std::string strategic(const ResourceType& type, const char* target, const char* patch) {
    const auto result = strategic_patch(type, parsed(target), parsed(patch));
    return result ? json::print(*result) : result.error().message;
}

std::string on_pod(const char* target, const char* patch) {
    return strategic(types::pod(), target, patch);
}

}  // namespace

TEST_CASE("merge patch: the examples of RFC 7386") {
    CHECK(merged(R"({"a":"b"})", R"({"a":"c"})") == R"({"a":"c"})");
    CHECK(merged(R"({"a":"b"})", R"({"b":"c"})") == R"({"a":"b","b":"c"})");
    CHECK(merged(R"({"a":"b"})", R"({"a":null})") == "{}");
    CHECK(merged(R"({"a":"b","b":"c"})", R"({"a":null})") == R"({"b":"c"})");
    CHECK(merged(R"({"a":["b"]})", R"({"a":"c"})") == R"({"a":"c"})");
    CHECK(merged(R"({"a":"c"})", R"({"a":["b"]})") == R"({"a":["b"]})");
    CHECK(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})") == R"({"a":{"b":"d"}})");
    CHECK(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})") == R"({"a":[1]})");
    CHECK(merged(R"(["a","b"])", R"(["c","d"])") == R"(["c","d"])");
    CHECK(merged(R"({"a":"b"})", R"(["c"])") == R"(["c"])");
    CHECK(merged(R"({"a":"foo"})", "null") == "null");
    CHECK(merged(R"({"e":null})", R"({"a":1})") == R"({"e":null,"a":1})");
    CHECK(merged("[1,2]", R"({"a":"b","c":null})") == R"({"a":"b"})");
    CHECK(merged("{}", R"({"a":{"bb":{"ccc":null}}})") == R"({"a":{"bb":{}}})");
}

TEST_CASE("JSON patch: the examples of RFC 6902") {
    CHECK(
        patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])") ==
        R"({"foo":"bar","baz":"qux"})");
    CHECK(
        patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])") ==
        R"({"foo":["bar","qux","baz"]})");
    CHECK(
        patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])") ==
        R"({"foo":"bar"})");
    CHECK(
        patched(R"({"foo":["a","b","c"]})", R"([{"op":"remove","path":"/foo/1"}])") ==
        R"({"foo":["a","c"]})");
    CHECK(
        patched(R"({"baz":"qux"})", R"([{"op":"replace","path":"/baz","value":"boo"}])") ==
        R"({"baz":"boo"})");
    CHECK(
        patched(
            R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
            R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])") ==
        R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})");
    CHECK(
        patched(
            R"({"foo":["all","grass","cows","eat"]})",
            R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])") ==
        R"({"foo":["all","cows","eat","grass"]})");
    CHECK(
        patched(R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/c"}])") ==
        R"({"a":{"b":1},"c":{"b":1}})");
    CHECK(
        patched(
            R"({"baz":"qux","foo":["a",2,"c"]})",
            R"([{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}])") ==
        R"({"baz":"qux","foo":["a",2,"c"]})");
    CHECK(
        patched(R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])") ==
        R"({"/":9,"~1":10})");
    CHECK(
        patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["a"]}])") ==
        R"({"foo":["bar",["a"]]})");
    CHECK(patched(R"({"foo":1})", R"([{"op":"add","path":"","value":{"a":1}}])") == R"({"a":1})");
    CHECK(
        patched(R"({"foo":1})", R"([{"op":"replace","path":"/foo","value":null}])") ==
        R"({"foo":null})");
}

TEST_CASE("a JSON patch that does not fit names the operation and changes nothing") {
    const char* document = R"({"foo":["bar"],"a":{"b":1}})";
    for (const char* operations :
         {R"([{"op":"remove","path":"/baz"}])",
          R"([{"op":"replace","path":"/baz","value":1}])",
          R"([{"op":"add","path":"/baz/bat","value":1}])",
          R"([{"op":"add","path":"/foo/2","value":1}])",
          R"([{"op":"add","path":"/foo/01","value":1}])",
          R"([{"op":"add","path":"/foo/x","value":1}])",
          R"([{"op":"remove","path":"/foo/-"}])",
          R"([{"op":"remove","path":""}])",
          R"([{"op":"add","path":"foo","value":1}])",
          R"([{"op":"add","path":"/x"}])",
          R"([{"op":"copy","path":"/x"}])",
          R"([{"op":"move","from":"/a","path":"/a/b"}])",
          R"([{"op":"test","path":"/a/b","value":"1"}])",
          R"([{"op":"frob","path":"/a"}])",
          R"([{"path":"/a"}])",
          R"([1])"}) {
        CAPTURE(operations);
        const auto result = json_patch(parsed(document), parsed(operations));
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::invalid);
        CHECK(result.error().message.contains("operation 0"));
    }
    CHECK_FALSE(json_patch(parsed(document), parsed("{}")));
}

TEST_CASE("strategic patch merges keyed lists and replaces others") {
    CHECK(
        on_pod(
            R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]})",
            R"({"containers":[{"name":"b","image":"2"},{"name":"c"}]})") ==
        R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"},{"name":"c"}]})");
    CHECK(
        on_pod(
            R"({"containers":[{"name":"a","env":[{"name":"X","value":"1"}],"args":["1","2"]}]})",
            R"({"containers":[{"name":"a","env":[{"name":"Y","value":"2"}],"args":["3"]}]})") ==
        R"({"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}],)"
        R"("args":["3"]}]})");
    CHECK(
        on_pod(
            R"({"ports":[{"containerPort":80,"name":"x"}]})",
            R"({"ports":[{"containerPort":80,"name":"y"},{"containerPort":81}]})") ==
        R"({"ports":[{"containerPort":80,"name":"y"},{"containerPort":81}]})");
    CHECK(
        strategic(
            types::service(),
            R"({"ports":[{"port":80,"targetPort":1}]})",
            R"({"ports":[{"port":80,"targetPort":2}]})") ==
        R"({"ports":[{"port":80,"targetPort":2}]})");
    CHECK(
        on_pod(
            R"({"tolerations":[{"key":"a"}],"finalizers":["a","b"]})",
            R"({"tolerations":[{"key":"b"}],"finalizers":["c","a"]})") ==
        R"({"tolerations":[{"key":"b"}],"finalizers":["a","b","c"]})");
    CHECK(
        on_pod(
            R"({"conditions":[{"type":"Ready","status":"False"}]})",
            R"({"conditions":[{"type":"Ready","status":"True"},{"type":"X"}]})") ==
        R"({"conditions":[{"type":"Ready","status":"True"},{"type":"X"}]})");
    CHECK(on_pod(R"({"a":{"b":1,"c":2}})", R"({"a":{"b":null}})") == R"({"a":{"c":2}})");
}

TEST_CASE("strategic patch follows its directives") {
    CHECK(
        on_pod(
            R"({"containers":[{"name":"a"},{"name":"b"}]})",
            R"({"containers":[{"name":"a","$patch":"delete"}]})") ==
        R"({"containers":[{"name":"b"}]})");
    CHECK(
        on_pod(
            R"({"containers":[{"name":"a"},{"name":"b"}]})",
            R"({"containers":[{"name":"c"},{"$patch":"replace"}]})") ==
        R"({"containers":[{"name":"c"}]})");
    CHECK(on_pod(R"({"a":{"b":1}})", R"({"a":{"$patch":"replace","c":2}})") == R"({"a":{"c":2}})");
    CHECK(on_pod(R"({"a":{"b":1}})", R"({"a":{"$patch":"delete"}})") == "{}");
    CHECK(
        on_pod(R"({"a":{"b":1}})", R"({"a":{"$patch":"merge","c":2}})") ==
        R"({"a":{"b":1,"c":2}})");
    CHECK(
        on_pod(
            R"({"finalizers":["a","b","c"]})",
            R"({"$deleteFromPrimitiveList/finalizers":["b"],"finalizers":["d"]})") ==
        R"({"finalizers":["a","c","d"]})");
    CHECK(
        on_pod(
            R"({"strategy":{"type":"Recreate","x":1,"y":2}})",
            R"({"strategy":{"$retainKeys":["type","y"],"type":"RollingUpdate"}})") ==
        R"({"strategy":{"type":"RollingUpdate","y":2}})");
    CHECK(
        on_pod(
            R"({"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]})",
            R"({"$setElementOrder/containers":[{"name":"c"},{"name":"n"},{"name":"a"}],
                  "containers":[{"name":"n"}]})") ==
        R"({"containers":[{"name":"c"},{"name":"n"},{"name":"a"},{"name":"b"}]})");
    CHECK(
        on_pod(
            R"({"finalizers":["a","b"]})",
            R"({"$setElementOrder/finalizers":["b","a"],"finalizers":["b"]})") ==
        R"({"finalizers":["b","a"]})");
}

TEST_CASE("a strategic patch that does not fit is refused") {
    for (const char* patch :
         {R"({"containers":[{"image":"x"}]})",
          R"({"containers":["x"]})",
          R"({"a":{"$patch":"frob"}})",
          R"({"$frob":1})",
          R"({"$setElementOrder/containers":1})",
          R"({"$deleteFromPrimitiveList/finalizers":1})",
          R"({"$retainKeys":["a"],"b":1})",
          R"({"$retainKeys":1})",
          R"([])"}) {
        CAPTURE(patch);
        const auto result = strategic_patch(types::pod(), parsed("{}"), parsed(patch));
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::invalid);
    }
    CHECK(strategic(types::rollout(), "{}", "{}").contains("not supported"));
    CHECK(strategic(types::http_route(), "{}", "{}").contains("merge-patch+json"));
}

}  // namespace serin::store
