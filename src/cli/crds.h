#pragma once

#include <string>
#include <vector>

namespace serin::cli {

// Prints the CustomResourceDefinitions of these kinds, of all when none is named, as YAML documents
// for `kubectl apply -f -`.
int run_crds(const std::vector<std::string>& kinds);

}  // namespace serin::cli
