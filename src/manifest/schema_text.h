#pragma once

#include <string_view>

// The schema's tables as text; schema.cc reads them. A table:
//
//   record Strategy exactly-one(blueGreen canary)
//     blueGreen   BlueGreen
//     canary      Canary
//
// After a field's name `!` says that it is required and `~` that it has no effect on one machine.
// Types: any object text filled subdomain label-name service-name port-name key labels annotations
// bool int int(0..100) number int-or-text int-or-percent quantity duration templated-duration time
// base64 enum(A B), [T] a list, [T]+ with at least one item, [T]@name with `name` telling items
// apart, {T} a map of texts to T, or the name of a record. A record may be `open`.

namespace serin::manifest {

std::string_view schema_meta_text();
std::string_view schema_core_text();
std::string_view schema_pod_text();
std::string_view schema_rollout_text();
std::string_view schema_analysis_text();
std::string_view schema_gateway_text();

}  // namespace serin::manifest
