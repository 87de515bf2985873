#include "manifest/formats.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin::manifest;

TEST_CASE("names have the syntax that DNS gives them") {
    for (const char* good : {"a", "shop", "shop-1", "1shop", "a.b-c.d"}) {
        CHECK(subdomain_problem(good) == "");
    }
    for (const char* bad : {"", "Shop", "-a", "a-", "a..b", ".a", "a_b", "a b"}) {
        CHECK(subdomain_problem(bad) != "");
    }
    CHECK(label_name_problem(std::string(63, 'a')) == "");
    CHECK(label_name_problem(std::string(64, 'a')) != "");
    CHECK(label_name_problem("a.b") != "");
    CHECK(service_name_problem("1shop") != "");
    CHECK(port_name_problem("http") == "");
    CHECK(port_name_problem("80") != "");
    CHECK(port_name_problem("a-name-too-long-for-it") != "");
}

TEST_CASE("labels have keys with a prefix and short values") {
    CHECK(label_key_problem("app") == "");
    CHECK(label_key_problem("serin.dev/in-rotation") == "");
    CHECK(label_key_problem("/x") != "");
    CHECK(label_key_problem("a/b/c") != "");
    CHECK(label_value_problem("") == "");
    CHECK(label_value_problem("v1.2_x") == "");
    CHECK(label_value_problem("-v") != "");
}

TEST_CASE("quantities, percentages and base64 are told from what looks like them") {
    for (const char* good : {"0", "500m", "0.5", "64Mi", "1G", "2e3", "1E-3", "1E", "+1", ".5"}) {
        CHECK(quantity_problem(good) == "");
    }
    for (const char* bad : {"", "lots", "1.2.3", "5mb", "m", "1e", "--1", "1 Gi"}) {
        CHECK(quantity_problem(bad) != "");
    }
    CHECK(percentage_problem("25%") == "");
    CHECK(percentage_problem("25") == "");
    CHECK(percentage_problem("-25%") != "");
    CHECK(percentage_problem("%") != "");
    CHECK(base64_problem("") == "");
    CHECK(base64_problem("aGk=") == "");
    CHECK(base64_problem("aGk") != "");
    CHECK(base64_problem("a=k=") != "");
    CHECK(base64_problem("a!k=") != "");
}
