#include "control/followed_types.h"

#include "manifest/argo/plugins.h"
#include "ports/job.h"
#include "ports/routing_types.h"

#include <string>

namespace serin::control {

std::vector<ListQuery> followed_types() {
    std::vector<ListQuery> followed;
    for (const ResourceType* type :
         {&types::rollout(),
          &types::analysis_run(),
          &types::analysis_template(),
          &types::cluster_analysis_template(),
          &types::experiment(),
          &types::replica_set(),
          &types::deployment(),
          &types::pod(),
          &types::service(),
          &types::http_route(),
          &types::job(),
          find_type("", "podtemplates")}) {
        followed.push_back({.type = type});
    }
    for (const ResourceType& type : routing_types()) followed.push_back({.type = &type});
    // Of all ConfigMaps, only that of the plugins concerns every release.
    followed.push_back(
        {.type = &types::config_map(),
         .fields =
             LabelSelector::equal_to({{"metadata.name", std::string(argo::plugin_config_name)}})});
    return followed;
}

}  // namespace serin::control
