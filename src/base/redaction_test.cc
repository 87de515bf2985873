#include "base/redaction.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

namespace {

std::string hidden(std::string text, const std::vector<std::string>& secrets) {
    return Redaction(secrets).hide(std::move(text));
}

}  // namespace

TEST_CASE("a secret is hidden wherever it stands, and the rest of the text stays") {
    CHECK(hidden("key k-0123 and k-0123.", {"k-0123"}) == "key ***** and *****.");
    CHECK(hidden("nothing to hide...", {"k-0123"}) == "nothing to hide...");
    CHECK(hidden("text", {}) == "text");
    CHECK(hidden("text", {"", " \n"}) == "text");
    CHECK(Redaction({""}).is_empty());
}

TEST_CASE("a secret that begins as another one does is hidden whole") {
    CHECK(hidden("abc abcdef", {"abc", "abcdef"}) == "***** *****");
}

TEST_CASE("a secret is hidden as URLs and JSON write it") {
    const std::string secret = "a+/b\"= c";
    CHECK(hidden("?t=a%2B%2Fb%22%3D%20c&u", {secret}) == "?t=*****&u");
    CHECK(hidden("?t=a%2b%2fb%22%3d%20c&u", {secret}) == "?t=*****&u");
    CHECK(hidden("t=a%2B%2Fb%22%3D+c", {secret}) == "t=*****");
    CHECK(hidden(R"({"t": "a+/b\"= c"})", {secret}) == R"({"t": "*****"})");
    CHECK(hidden(R"({"t": "a+\/b\"= c"})", {secret}) == R"({"t": "*****"})");
}

TEST_CASE("of a secret from a file, its lines and the last line's end do not matter") {
    CHECK(hidden("Bearer token-1", {"token-1\n"}) == "Bearer *****");
    CHECK(hidden("BEGIN abc END", {"BEGIN\nabc\nEND\n"}) == "*****");
    CHECK(hidden(R"("BEGIN\nabc\nEND")", {"BEGIN\nabc\nEND"}) == R"("*****")");
}

TEST_CASE("what an excerpt shows of a secret that it ends in is hidden too") {
    CHECK(
        hidden("no ticket for token-0123-45...", {"token-0123-4567"}) == "no ticket for *****...");
    CHECK(
        hidden("a toke... b token-0... c", {"other", "token-0123-4567"}) ==
        "a *****... b *****... c");
    // As much tells nobody anything, and words end with it.
    CHECK(hidden("for tok...", {"token-0123"}) == "for tok...");
    CHECK(hidden("...", {"token-0123"}) == "...");
}
