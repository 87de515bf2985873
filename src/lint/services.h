#pragma once

#include "lint/sources.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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

// Found without looking at all of the manifests each time: there may be thousands of releases.
class ServiceIndex {
public:
    // `sources` outlives the index.
    explicit ServiceIndex(const Sources& sources);

    bool has_pods(std::string_view ns) const;
    // Whether a Service with the selector leads to any pods of the manifests.
    bool leads_to_pods(std::string_view ns, const Labels& selector) const;
    // The Services that the Rollout names, and those that select its pods.
    std::set<std::string> names_of(const Source& rollout) const;
    // The HTTPRoutes that lead to the Service / to one of names_of(rollout).
    std::vector<const Source*> routes_to(std::string_view ns, const std::string& service) const;
    std::vector<const Source*> routes_of(const Source& rollout) const;

private:
    using Place = std::pair<std::string, std::string>;  // Namespace, and a name or "key=value".
    struct Selecting {
        std::string name;
        Labels selector;
    };

    std::map<Place, std::vector<Labels>> pods_;  // By each label; by "" all.
    std::map<Place, std::vector<Selecting>>
        services_;  // By one label of the selector; "": by none.
    std::map<Place, std::vector<const Source*>> routes_;  // By Service.
};

}  // namespace serin::lint
