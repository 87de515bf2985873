#pragma once

#include "ports/object.h"

namespace serin::types {

// serin.dev/v1alpha1 GatewayReport: what one gateway of a cluster has in force; see
// gateway/peer_reports.h. None of resource_types(): one machine has one gateway.
const ResourceType& gateway_report();

}  // namespace serin::types
