#pragma once

#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace serin::node {

// A release folder: what an image is on a node without containers.
struct Image {
    std::string folder;                // Absolute if the images folder is.
    std::vector<std::string> command;  // From image.json, or the executable `run`; may be empty.
    std::map<std::string, std::string> env;
};

// Where `image: name:tag` lies: <images_dir>/<name>/<tag>; without a tag, "latest". `invalid` for a
// name that would lead out of the folder.
Result<std::string> image_folder(const std::string& images_dir, std::string_view image);

// `not_found` names the missing folder; `invalid` says what is wrong with image.json.
Result<Image> read_image(const std::string& images_dir, std::string_view image);

}  // namespace serin::node
