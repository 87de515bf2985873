#include "node/image.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdlib.h>

namespace serin::node {

TEST_CASE("an image's name is a place below the images folder and nowhere else") {
    CHECK(image_folder("/i", "shop:v1").value() == "/i/shop/v1");
    CHECK(image_folder("/i", "shop").value() == "/i/shop/latest");
    CHECK(image_folder("/i", "team/shop:v1").value() == "/i/team/shop/v1");
    CHECK(image_folder("/i", "host:5000/shop").value() == "/i/host:5000/shop/latest");
    CHECK(image_folder("/i", "shop@sha256:ab").value() == "/i/shop/sha256:ab");
    for (const char* bad : {"", ":v1", "shop:", "../shop:v1", "/etc:v1", "a/../../b", "shop:.."}) {
        CAPTURE(bad);
        CHECK_FALSE(image_folder("/i", bad));
    }
}

TEST_CASE("a release folder says what to run, and what is wrong with it") {
    std::string folder = std::filesystem::temp_directory_path() / "serin-image-XXXXXX";
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    const auto missing = read_image(folder, "shop:v1");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == ErrorKind::not_found);
    CHECK(missing.error().message.contains("there is no folder " + folder + "/shop/v1"));

    const std::string place = folder + "/shop/v1";
    std::filesystem::create_directories(place);
    CHECK(read_image(folder, "shop:v1")->command.empty());
    std::ofstream(place + "/run") << "#!/bin/sh\n";
    std::filesystem::permissions(place + "/run", std::filesystem::perms::owner_all);
    CHECK(read_image(folder, "shop:v1")->command == std::vector<std::string>{place + "/run"});

    const auto described = [&](const char* text) {
        std::ofstream(place + "/image.json") << text;
        return read_image(folder, "shop:v1");
    };
    const auto good = described(R"({"command": ["./shop", "-x"], "env": {"A": "1"}})");
    REQUIRE(good);
    CHECK(good->command == std::vector<std::string>{"./shop", "-x"});
    CHECK(good->env.at("A") == "1");
    for (const char* bad :
         {"{", "[]", R"({"comand": []})", R"({"command": "x"})", R"({"env": {"A": 1}})"}) {
        CAPTURE(bad);
        const auto refused = described(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::invalid);
        CHECK(refused.error().message.contains("image.json"));
    }
    std::filesystem::remove_all(folder);
}

}  // namespace serin::node
