#include "node/image.h"

#include "base/json.h"
#include "node/files.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

namespace serin::node {

namespace {

bool is_folder(const std::string& path) {
    struct stat found{};
    return stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

bool leads_outside(std::string_view path) {
    while (!path.empty()) {
        const size_t end = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, end);
        if (part.empty() || part == "." || part == "..") return true;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return false;
}

Result<> read_description(const json::Value& description, const std::string& file, Image& image) {
    const json::Object* members = description.if_object();
    if (members == nullptr) return fail(ErrorKind::invalid, file + ": expected an object");
    for (const auto& member : *members) {
        if (member.key() == "command") {
            const json::Array* words = member.value().if_array();
            if (words == nullptr) {
                return fail(ErrorKind::invalid, file + ": command: expected a list of strings");
            }
            image.command.clear();
            for (const json::Value& word : *words) {
                const auto text = json::text(&word);
                if (!text) return fail(ErrorKind::invalid, file + ": command: expected strings");
                image.command.emplace_back(*text);
            }
        } else if (member.key() == "env") {
            const json::Object* variables = member.value().if_object();
            if (variables == nullptr) {
                return fail(ErrorKind::invalid, file + ": env: expected an object of strings");
            }
            for (const auto& variable : *variables) {
                const auto text = json::text(&variable.value());
                if (!text) return fail(ErrorKind::invalid, file + ": env: expected strings");
                image.env[variable.key()] = *text;
            }
        } else {
            return fail(
                ErrorKind::invalid,
                fmt::format("{}: unknown field \"{}\"", file, std::string_view(member.key())));
        }
    }
    return {};
}

}  // namespace

Result<std::string> image_folder(const std::string& images_dir, std::string_view image) {
    std::string_view name = image;
    std::string_view tag = "latest";
    if (const size_t at = image.find('@'); at != std::string_view::npos) {
        name = image.substr(0, at);
        tag = image.substr(at + 1);
    } else if (const size_t colon = image.rfind(':');
               // "registry:5000/shop" has a port and no tag.
               colon != std::string_view::npos && !image.substr(colon).contains('/')) {
        name = image.substr(0, colon);
        tag = image.substr(colon + 1);
    }
    if (name.empty() || tag.empty() || leads_outside(name) || leads_outside(tag)) {
        return fail(ErrorKind::invalid, fmt::format("\"{}\" is not an image name", image));
    }
    return fmt::format("{}/{}/{}", images_dir, name, tag);
}

Result<Image> read_image(const std::string& images_dir, std::string_view image) {
    SERIN_TRY(std::string folder, image_folder(images_dir, image));
    if (!is_folder(folder)) {
        return fail(
            ErrorKind::not_found,
            fmt::format("image \"{}\" not found: there is no folder {}", image, folder));
    }
    Image found{.folder = std::move(folder)};
    const std::string run = found.folder + "/run";
    if (access(run.c_str(), X_OK) == 0) found.command = {run};

    const std::string file = found.folder + "/image.json";
    const Result<std::string> text = read_file(file);
    if (!text) {
        if (text.error().kind == ErrorKind::not_found) return found;
        return std::unexpected(text.error());
    }
    Result<json::Value> description = json::parse(*text);
    if (!description) return std::unexpected(std::move(description).error().within(file));
    SERIN_TRY_DO(read_description(*description, file, found));
    return found;
}

}  // namespace serin::node
