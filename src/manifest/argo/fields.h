#pragma once

#include "base/diagnostic.h"
#include "base/json.h"
#include "model/plan.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin::argo {

inline constexpr std::string_view not_supported = "not supported yet";

// Reads the members of a Rollout's objects one by one; what cannot be understood becomes a
// diagnostic and counts as absent. `path` is that of the object: "spec.strategy.canary".
class Fields {
public:
    // `diagnostics` outlives the reader.
    explicit Fields(std::vector<Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

    void error(std::string path, std::string_view message, std::string suggestion = {});
    // Members of other names are not supported.
    void allow(
        const json::Object& object,
        const std::string& path,
        std::initializer_list<std::string_view> names);
    // The member as an integer of at least `least`, or `otherwise` when absent.
    int integer(
        const json::Object& object,
        std::string_view name,
        const std::string& path,
        int otherwise,
        int least = 0);
    std::optional<int> optional_integer(
        const json::Object& object, std::string_view name, const std::string& path);
    // A number or a percentage; 25 % when absent.
    Amount amount(const json::Object& object, std::string_view name, const std::string& path);

    static std::string text(const json::Object& object, std::string_view name);
    static const json::Object* object_at(const json::Object& parent, std::string_view name);

private:
    std::vector<Diagnostic>& diagnostics_;
};

}  // namespace serin::argo
