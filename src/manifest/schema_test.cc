#include "manifest/schema.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace serin;

namespace {

// From wherever the test was started inside the repository.
std::string read_page() {
    namespace fs = std::filesystem;
    const fs::path page = "docs/reference/manifests.md";
    for (fs::path at = fs::current_path();; at = at.parent_path()) {
        if (fs::exists(at / page)) {
            std::ifstream in(at / page);
            return {std::istreambuf_iterator<char>(in), {}};
        }
        if (at == at.parent_path()) return {};
    }
}

std::string section_of(const std::string& page, const std::string& name) {
    const auto start = page.find("\n## " + name + "\n");
    if (start == page.npos) return {};
    return page.substr(start, page.find("\n## ", start + 1) - start);
}

}  // namespace

TEST_CASE("every kind that is served has a table with its envelope") {
    for (const ResourceType& type : resource_types()) {
        const manifest::Record& record = manifest::schema_of(type);
        for (const char* field : {"apiVersion", "kind", "metadata"}) {
            CAPTURE(record.name);
            CHECK(record.find(field) != nullptr);
        }
        CHECK((record.find("status") != nullptr) == type.has_status);
    }
}

TEST_CASE("a choice is between fields that the table has") {
    for (const auto& [name, record] : manifest::schema_records()) {
        CAPTURE(name);
        for (const std::string& choice : record.choices) CHECK(record.find(choice) != nullptr);
    }
}

TEST_CASE("the reference page has every field of every table") {
    const std::string page = read_page();
    REQUIRE(!page.empty());
    for (const auto& [name, record] : manifest::schema_records()) {
        CAPTURE(name);
        const std::string section = section_of(page, name);
        CHECK(!section.empty());
        for (const manifest::Field& field : record.fields) {
            CAPTURE(field.name);
            CHECK(section.find("| `" + field.name + "` |") != std::string::npos);
        }
    }
}
