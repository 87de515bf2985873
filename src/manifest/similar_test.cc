#include "manifest/similar.h"

#include <doctest/doctest.h>

using namespace serin::manifest;

TEST_CASE("a misspelt name finds the one that was meant, and a strange one none") {
    const std::vector<std::string> names = {"setWeight", "pause", "analysis", "replicas"};
    CHECK(most_similar("setweight", names) == "setWeight");
    CHECK(most_similar("setWieght", names) == "setWeight");
    CHECK(most_similar("weight", names) == "");
    CHECK(most_similar("replica", names) == "replicas");
    CHECK(most_similar("pauze", names) == "pause");
    CHECK(most_similar("volumes", names) == "");
    CHECK(most_similar("", names) == "");
    CHECK(most_similar(std::string(10'000, 'x'), names) == "");
}
