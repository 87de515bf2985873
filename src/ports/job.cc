#include "ports/job.h"

namespace serin {

std::optional<JobEnd> end_of(const Object& job) {
    const json::Array* conditions = json::array(job.find("/status/conditions"));
    if (conditions == nullptr) return std::nullopt;
    for (const json::Value& condition : *conditions) {
        const auto text = [&](std::string_view pointer) {
            return std::string(json::text(json::find(condition, pointer)).value_or(""));
        };
        const std::string type = text("/type");
        if (text("/status") != "True" || (type != "Complete" && type != "Failed")) continue;
        return JobEnd{
            .is_complete = type == "Complete",
            .reason = text("/reason"),
            .message = text("/message")};
    }
    return std::nullopt;
}

}  // namespace serin
