#include "manifest/folder.h"

#include "manifest/references.h"
#include "ports/object.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

using namespace serin;

namespace {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "manifest-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    void write(const std::string& name, std::string_view text) const {
        const auto file = std::filesystem::path(path_) / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    manifest::FolderRead read() const { return manifest::read_folders({path_}, "default"); }
    // With the folder's name cut off.
    std::string problems() const {
        std::string out;
        for (const Diagnostic& one : read().diagnostics) {
            std::string line = to_string(one) + "\n";
            for (auto at = line.find(path_); at != line.npos; at = line.find(path_)) {
                line.erase(at, path_.size() + 1);
            }
            out += line;
        }
        return out;
    }

private:
    std::string path_;
};

std::string config_map(std::string_view name) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + std::string(name) + "}\n";
}

}  // namespace

TEST_CASE("a folder is read by name, without what is hidden and without images") {
    const Folder folder;
    folder.write("b.yaml", config_map("b"));
    folder.write("a.yml", config_map("a") + "---\n" + config_map("a2"));
    folder.write(
        "below/c.json", R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}})");
    folder.write(".hidden.yaml", "bad: [");
    folder.write(".git/x.yaml", "bad: [");
    folder.write("images/shop/v1/image.json", R"({"command":["x"]})");
    folder.write("README.md", "no manifest");

    const manifest::FolderRead read = folder.read();
    CHECK(read.diagnostics.empty());
    std::string names;
    for (const Document& document : read.documents) {
        const Object object(document.root.get_object());
        CHECK(object.ns() == "default");
        names += std::string(object.name()) + " ";
    }
    CHECK(names == "a a2 b c ");
}

TEST_CASE("all files' errors are said at once") {
    const Folder folder;
    folder.write("a.yaml", "a: [1\n");
    folder.write("b.yaml", config_map("b") + "dat: {}\n");
    folder.write("c.yaml", config_map("b2") + "---\n" + config_map("b2"));
    const std::string problems = folder.problems();
    CHECK(problems.starts_with("a.yaml:"));
    CHECK(problems.ends_with(
        "b.yaml:4:1: dat: unknown field (did you mean 'data'?)\n"
        "c.yaml:7:12: metadata.name: ConfigMap 'b2' is there already, in c.yaml:3 (remove one of "
        "them)\n"));
}

TEST_CASE("a List is taken apart and its items keep their places") {
    const Folder folder;
    folder.write(
        "list.yaml",
        "apiVersion: v1\nkind: List\nitems:\n"
        "  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: a}\n"
        "  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: b}\n    dta: {}\n");
    CHECK(folder.read().documents.size() == 2);
    CHECK(folder.problems() == "list.yaml:10:5: dta: unknown field (did you mean 'data'?)\n");
}

TEST_CASE("a path that is not there is an error") {
    const auto read = manifest::read_folders({"/nonexistent/folder"}, "default");
    REQUIRE(read.diagnostics.size() == 1);
    CHECK(
        to_string(read.diagnostics.front()) ==
        "/nonexistent/folder: there is no such file or folder");
}

TEST_CASE("the example's manifests have no errors") {
    namespace fs = std::filesystem;
    fs::path at = fs::current_path();
    while (!fs::exists(at / "examples/shop/manifests") && at != at.parent_path()) {
        at = at.parent_path();
    }
    const auto read =
        manifest::read_folders({(at / "examples/shop/manifests").string()}, "default");
    CHECK(read.documents.size() >= 5);
    for (const Diagnostic& one : read.diagnostics) FAIL_CHECK(to_string(one));
    const auto nothing = [](const ObjectKey&) { return std::optional<Object>(); };
    for (const Diagnostic& one : manifest::check_references(read.documents, nothing)) {
        FAIL_CHECK(to_string(one));
    }
}
