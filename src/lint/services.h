#pragma once

#include "lint/sources.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

// Which Services and routes are a release's.

namespace serin::lint {

using Labels = std::map<std::string, std::string, std::less<>>;

Labels read_labels(const manifest::Part& part);
std::string to_text(const Labels& labels);
// Whether a Service with the selector leads to pods with the labels, the revision's hash aside.
bool selects(const Labels& selector, const Labels& labels);

// Where the Rollout names its Services, with and without pingPong; some are not given.
std::vector<manifest::Part> services_of(const Source& rollout);
// The names of those, and of the Services that select its pods.
std::set<std::string> service_names(const Sources& sources, const Source& rollout);
// The HTTPRoutes that lead to one of them.
std::vector<const Source*> routes_of(const Sources& sources, const Source& rollout);

}  // namespace serin::lint
