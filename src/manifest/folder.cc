#include "manifest/folder.h"

#include "manifest/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace serin::manifest {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t file_size_max = 32U << 20U;
constexpr std::string_view images_folder = "images";

Diagnostic about_file(const std::string& file, std::string message) {
    return {.file = file, .message = std::move(message)};
}

std::string standard_input() {
    std::string text;
    std::array<char, 64UZ * 1024> piece{};
    while (const std::size_t length = std::fread(piece.data(), 1, piece.size(), stdin)) {
        text.append(piece.data(), length);
    }
    return text;
}

class Loader {
public:
    explicit Loader(std::string_view ns) : ns_(ns) {}

    void add_path(const std::string& path) {
        if (path == "-") {
            return add_text(standard_input(), "standard input");
        }
        std::error_code failure;
        const fs::file_status status = fs::status(path, failure);
        if (!fs::exists(status)) {
            problem(
                path,
                failure && failure != std::errc::no_such_file_or_directory
                    ? "cannot be read: " + failure.message()
                    : "there is no such file or folder");
        } else if (fs::is_directory(status)) {
            add_folder(path);
        } else {
            add_file(path);
        }
    }

    void add_text(std::string_view text, std::string_view file) {
        DocumentsRead read = read_documents(text, file);
        std::ranges::move(read.diagnostics, std::back_inserter(out_.diagnostics));
        for (Document& document : read.documents) expand(std::move(document));
    }

    FolderRead take() && { return std::move(out_); }

private:
    void problem(const std::string& file, std::string message) {
        out_.diagnostics.push_back(about_file(file, std::move(message)));
    }

    void add_folder(const std::string& folder) {
        std::vector<fs::path> files;
        std::error_code failure;
        fs::recursive_directory_iterator at(folder, failure);
        for (const fs::recursive_directory_iterator end; !failure && at != end;
             at.increment(failure)) {
            const std::string name = at->path().filename().string();
            std::error_code unknown;
            const bool is_folder = at->is_directory(unknown);
            if (name.starts_with('.') || (is_folder && at.depth() == 0 && name == images_folder)) {
                if (is_folder) at.disable_recursion_pending();
                continue;
            }
            const std::string extension = at->path().extension().string();
            const bool is_manifest =
                extension == ".yaml" || extension == ".yml" || extension == ".json";
            if (is_manifest && !is_folder) files.push_back(at->path());
        }
        if (failure) problem(folder, "cannot be read: " + failure.message());
        std::ranges::sort(files);
        for (const fs::path& file : files) add_file(file.string());
    }

    void add_file(const std::string& file) {
        std::error_code failure;
        const std::uintmax_t size = fs::file_size(file, failure);
        if (!failure && size > file_size_max) {
            return problem(file, "is larger than 32 MiB");
        }
        std::ifstream in(file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (!in.is_open() || in.bad()) return problem(file, "cannot be read");
        add_text(text, file);
    }

    void expand(Document document) {
        const json::Object* root = json::object(&document.root);
        const json::Array* items = root ? json::array(root->if_contains("items")) : nullptr;
        const auto kind = root ? json::text(root->if_contains("kind")) : std::nullopt;
        if (!items || !kind || !kind->ends_with("List")) return add(std::move(document));
        for (std::size_t i = 0; i < items->size(); ++i) {
            const std::string prefix = "/items/" + std::to_string(i);
            Document item{.file = document.file, .root = (*items)[i], .marks = {}};
            for (auto mark = document.marks.lower_bound(prefix);
                 mark != document.marks.end() && mark->first.starts_with(prefix);
                 ++mark) {
                const std::string rest = mark->first.substr(prefix.size());
                if (rest.empty() || rest.front() == '/') item.marks.emplace(rest, mark->second);
            }
            add(std::move(item));
        }
    }

    void add(Document document) {
        if (auto* root = document.root.if_object()) {
            Object object(*root);
            const ResourceType* type = object.type();
            const json::Value* metadata = root->if_contains("metadata");
            if (type && type->is_namespaced && object.ns().empty() && json::object(metadata)) {
                object.put("/metadata/namespace", json::string(ns_));
                *root = std::move(object.document());
            }
        }
        std::vector<Diagnostic> found = validate(document);
        const bool is_sound = !has_errors(found);
        std::ranges::move(found, std::back_inserter(out_.diagnostics));
        if (is_sound) note_key(document);
        out_.documents.push_back(std::move(document));
    }

    void note_key(const Document& document) {
        const Object object(document.root.get_object());
        if (object.type() == nullptr) return;  // Left out.
        if (object.name().empty()) return;     // With a generateName each is another.
        const Mark mark = document.mark("/metadata/name");
        const std::string place = fmt::format("{}:{}", document.file, mark.line);
        const auto [former, is_new] = seen_.emplace(object.key(), place);
        if (is_new) return;
        out_.diagnostics.push_back(
            {.file = document.file,
             .line = mark.line,
             .column = mark.column,
             .path = "metadata.name",
             .message = fmt::format(
                 "{} '{}' is there already, in {}", object.kind(), object.name(), former->second),
             .suggestion = "remove one of them"});
    }

    std::string ns_;
    FolderRead out_;
    std::map<ObjectKey, std::string> seen_;
};

}  // namespace

FolderRead read_folders(const std::vector<std::string>& paths, std::string_view ns) {
    Loader loader(ns);
    for (const std::string& path : paths) loader.add_path(path);
    return std::move(loader).take();
}

}  // namespace serin::manifest
