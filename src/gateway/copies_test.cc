#include "gateway/copies.h"

#include <doctest/doctest.h>

namespace serin::gateway {

TEST_CASE("a copy is read as it was written, whatever its bytes") {
    const std::string text =
        "16:default/shop/0/x,3:GET,8:/a?b=1,2,0:,4:host,4:shop,1:x,3:a,b,1:y,2:\r\n,0:,";
    const auto copy = read_copy(text);
    REQUIRE(copy);
    CHECK(copy->rule == "default/shop/0/x");
    CHECK(copy->request.method == "GET");
    CHECK(copy->request.target == "/a?b=1,2");
    REQUIRE(copy->request.headers.size() == 3);
    CHECK(copy->request.headers[1].second == "a,b");
    CHECK(copy->request.headers[2].second == "\r\n");
}

TEST_CASE("half a copy is none") {
    const std::string whole = "1:r,3:GET,1:/,0:,4:host,4:shop,0:,";
    REQUIRE(read_copy(whole));
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(read_copy(whole.substr(0, size)).has_value());
    for (const std::string_view bad :
         {"-1:r,3:GET,1:/,0:,0:,",
          "1;r,3:GET,1:/,0:,0:,",
          "99999999999999999999:r,",
          "18446744073709551615:r,3:GET,1:/,0:,0:,"})
        CHECK_FALSE(read_copy(bad).has_value());
}

}  // namespace serin::gateway
