#pragma once

#include "ports/metric_source.h"
#include "ports/object_store.h"
#include "ports/plugin_runner.h"

namespace serin::control {

// Metrics measured by programs that people register as plugins. The configuration is what the
// template has under `provider.plugin`: {"acme/errors": {...}}.
class PluginSource : public MetricSource {
public:
    static constexpr std::string_view provider = "plugin";

    // Both outlive the source.
    PluginSource(const ObjectStore& store, PluginRunner& runner) : store_(store), runner_(runner) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    const ObjectStore& store_;
    PluginRunner& runner_;
};

}  // namespace serin::control
