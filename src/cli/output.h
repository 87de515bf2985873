#pragma once

#include "base/json.h"
#include "base/result.h"

#include <string>

namespace serin::cli {

enum class Format { text, json, yaml, name, wide };

// "", "json", "yaml", "name" or "wide"; anything else is `invalid`.
Result<Format> read_format(const std::string& text);

// Prints a document to standard output as JSON or YAML. REQUIRES: format is json or yaml.
void print_document(const json::Value& value, Format format);

}  // namespace serin::cli
