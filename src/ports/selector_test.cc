#include "ports/selector.h"

#include <doctest/doctest.h>

namespace serin {

TEST_CASE("both written forms of a selector match the same labels") {
    const auto text = LabelSelector::parse("app=shop, tier in (a, b), !legacy, x!=y").value();
    const auto object =
        LabelSelector::read(json::parse(R"({"matchLabels":{"app":"shop"},"matchExpressions":[
            {"key":"tier","operator":"In","values":["a","b"]},
            {"key":"legacy","operator":"DoesNotExist"},
            {"key":"x","operator":"NotIn","values":["y"]}]})")
                                .value())
            .value();
    CHECK(text.to_string() == "app=shop,tier in (a,b),!legacy,x!=y");
    CHECK(object.to_string() == text.to_string());
    for (const auto& selector : {text, object}) {
        CHECK(selector.matches({{"app", "shop"}, {"tier", "b"}}));
        CHECK_FALSE(selector.matches({{"app", "shop"}}));
        CHECK_FALSE(selector.matches({{"app", "shop"}, {"tier", "b"}, {"legacy", ""}}));
        CHECK_FALSE(selector.matches({{"app", "shop"}, {"tier", "b"}, {"x", "y"}}));
    }
}

TEST_CASE("a malformed selector is refused, an empty one matches everything") {
    for (const char* text : {"=a", "a in b", "a foo (b)", "a,,b", "a b=c"}) {
        CAPTURE(text);
        CHECK_FALSE(LabelSelector::parse(text));
    }
    CHECK(LabelSelector::parse("").value().matches({}));
}

}  // namespace serin
