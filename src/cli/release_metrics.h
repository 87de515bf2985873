#pragma once

#include <string>

namespace serin {
class ObjectStore;
}
namespace serin::server {
class Exposition;
}

namespace serin::cli {

// What the releases, analyses and experiments of a store look like now: under the names that Argo
// Rollouts gives them, so that its dashboards and alerts go on, and beside them what Argo has no
// name for (serin_*). Costs one pass over these objects.
void add_release_metrics(const ObjectStore& store, server::Exposition& out);

// The same as text, made anew only after some of these objects have changed: for thousands of
// releases that takes a third of a second of a core, at every scrape.
class ReleaseMetrics {
public:
    // The store outlives it.
    explicit ReleaseMetrics(const ObjectStore& store) : store_(store) {}
    const std::string& text();

private:
    const ObjectStore& store_;
    std::string versions_;  // Of the objects that the text tells of.
    std::string text_;
};

}  // namespace serin::cli
