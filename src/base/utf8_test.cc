#include "base/utf8.h"

#include "base/json.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;

TEST_CASE("text stays as it is, and only bytes that are none are replaced") {
    const std::string fine = "z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x90\xA6";
    CHECK(repair_utf8(fine) == fine);
    CHECK(repair_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
    CHECK(repair_utf8("cut \xE2\x82") == "cut \xEF\xBF\xBD\xEF\xBF\xBD");
    for (const char* bad :
         {"\xC0\xAF",
          "\xE0\x80\xAF",
          "\xED\xA0\x80",
          "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80",
          "\x80"}) {
        CHECK(utf8_size(bad) == 0);
    }
}

TEST_CASE("a cut goes between characters") {
    const std::string_view text =
        "ab\xE2\x82\xAC"
        "c";
    CHECK(cut_utf8(text, 6) == text);
    CHECK(cut_utf8(text, 5) == "ab\xE2\x82\xAC");
    CHECK(cut_utf8(text, 4) == "ab");
    CHECK(cut_utf8(text, 3) == "ab");
    CHECK(cut_utf8(text, 2) == "ab");
    CHECK(cut_utf8(text, 0).empty());
}

TEST_CASE("whatever bytes a text has, what is printed can be read again") {
    const json::Object object{{"message\xFF", json::string("said \xE2\x82 and \xFF")}};
    for (const std::string& printed :
         {json::print(object), json::print_pretty(object), json::print_canonical(object)}) {
        const auto read = json::parse(printed);
        REQUIRE_MESSAGE(read, read.error().message);
        CHECK(
            json::text(json::find(*read, "/message\xEF\xBF\xBD")) ==
            "said \xEF\xBF\xBD\xEF\xBF\xBD and \xEF\xBF\xBD");
    }
}
