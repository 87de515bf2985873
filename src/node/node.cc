#include "node/node.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace serin::node {

namespace {

// Processes get folders of their own to work in, where a relative path would mean another place.
NodeSettings with_absolute_paths(NodeSettings settings) {
    std::error_code error;
    for (std::string* path : {&settings.state_dir, &settings.images_dir}) {
        const auto absolute = std::filesystem::absolute(*path, error);
        if (!error) *path = absolute.lexically_normal();
        if (path->size() > 1 && path->ends_with('/')) path->pop_back();
    }
    return settings;
}

}  // namespace

Node::Node(EventLoop& loop, ObjectStore& store, HttpClient& http, NodeSettings settings)
    : settings_(with_absolute_paths(std::move(settings))),
      events_(store, loop, "serin-node"),
      replica_sets_(store, loop, events_),
      jobs_(store, loop, events_),
      pods_(loop, store, http, events_, settings_) {}

const PodUsage* Node::usage(std::string_view ns, std::string_view pod) const {
    const auto& all = usage();
    const auto found = std::ranges::find_if(
        all, [&](const PodUsage& one) { return one.ns == ns && one.pod == pod; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace serin::node
