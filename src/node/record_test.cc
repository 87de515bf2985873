#include "node/record.h"

#include "node/files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <stdlib.h>

namespace serin::node {

TEST_CASE("a record is read as it was written, and nothing else is taken for one") {
    std::string folder = std::filesystem::temp_directory_path() / "serin-record-XXXXXX";
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    const std::string file = folder + "/pod.json";
    CHECK(read_record(file).error().kind == ErrorKind::not_found);

    const Instant start{std::chrono::milliseconds(1'700'000'000'123)};
    PodRecord record{
        .uid = "u",
        .ns = "n",
        .name = "p",
        .boot_id = "b",
        .ip = "127.77.0.1",
        .ports = {{80, 90}}};
    record.deletion_seen = start;
    record.containers.push_back(
        {.name = "main", .run = 2, .started = start, .backoff = Duration{5}});
    record.containers[0].process = {.pid = 7, .start_time = 12'345};
    record.containers[0].last_exit = ExitRecord{
        .code = 137, .signal = 9, .reason = "Error", .started = start, .finished = start, .run = 1};
    REQUIRE(write_record(file, record));

    const PodRecord read = read_record(file).value();
    CHECK(read.ip == "127.77.0.1");
    CHECK(read.ports == record.ports);
    CHECK(read.deletion_seen == start);
    REQUIRE(read.find("main") != nullptr);
    CHECK(read.find("main")->process == record.containers[0].process);
    CHECK(read.find("main")->backoff == Duration{5});
    CHECK(read.find("main")->last_exit->signal == 9);
    CHECK_FALSE(read.find("main")->exit);
    CHECK(read.find("other") == nullptr);

    for (const char* broken : {"", "{", "[]", "{}", R"({"version": 2})"}) {
        CAPTURE(broken);
        REQUIRE(write_file(file, broken));
        CHECK(read_record(file).error().kind == ErrorKind::invalid);
    }
    std::filesystem::remove_all(folder);
}

}  // namespace serin::node
