#pragma once

#include "base/diagnostic.h"

#include <yaml.h>

#include <string_view>

// libyaml's complaints in words that say what to do.

namespace serin {

// REQUIRES: the parser has just failed on `text`. The diagnostic's file is left empty.
Diagnostic explain_yaml_error(const yaml_parser_t& parser, std::string_view text);

}  // namespace serin
