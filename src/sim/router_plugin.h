#pragma once

#include "base/json.h"
#include "ports/traffic.h"
#include "sim/stage.h"
#include "traffic/http_route.h"

#include <map>
#include <string>

namespace serin::sim {

// A router plugin that moves the HTTPRoute of the story, as a program beside Serin: it does what it
// is told when it answers, and says yes once the data plane does it.
class RouterPlugin {
public:
    static constexpr std::string_view plugin = "acme/edge";

    explicit RouterPlugin(Stage& stage) : stage_(stage), routes_(stage.store) {}

    json::Object answer(const json::Object& question);

private:
    RouteTarget target_of(const json::Object& question) const;
    Result<> take_routes(const json::Object& question);
    json::Object verify(const RouteTarget& target, const json::Object& question) const;

    Stage& stage_;
    traffic::HttpRouteRouter routes_;
    std::map<std::string, SideRouteShape> told_;  // Side routes, by name.
};

}  // namespace serin::sim
