#include "metrics/shadow_memory.h"

#include "base/digest.h"
#include "base/log.h"

#include <fmt/format.h>

#include <utility>

namespace serin::metrics {

ShadowMemory::ShadowMemory(ObjectStore& store, const MetricQuery& query)
    : store_(store),
      key_{
          .type = &types::config_map(),
          .ns = query.ns,
          .name = fmt::format("{}-shadow-{:08x}", query.run, fnv1a32(query.metric))},
      run_{.type = &types::analysis_run(), .ns = query.ns, .name = query.run},
      run_uid_(query.run_uid) {}

void ShadowMemory::recall(judge::shadow::Judge& judge) const {
    const auto stored = store_.get(key_);
    if (!stored || stored->controller_uid() != run_uid_) return;
    const auto memory = json::parse(stored->text("/data/memory"));
    const json::Object* fields = memory ? json::object(&*memory) : nullptr;
    const auto recalled =
        fields ? judge.recall(*fields) : fail(ErrorKind::invalid, "not an object");
    if (!recalled)
        log::warning(
            "shadow_memory_dropped",
            {{"object", to_string(key_)}, {"error", recalled.error().message}});
}

Result<> ShadowMemory::keep(const judge::shadow::Judge& judge) {
    json::Object data{{"memory", json::string(json::print(judge.memory()))}};
    auto written = store_.patch(key_, PatchKind::merge, json::Object{{"data", data}});
    if (!written && written.error().kind == ErrorKind::not_found) {
        // Nobody would remove what is owned by something that is gone.
        const auto run = store_.get(run_);
        if (!run || run->uid() != run_uid_) return {};
        Object made(types::config_map(), key_.ns, key_.name);
        made.set_controller(*run);
        made.put("/data", std::move(data));
        written = store_.create(std::move(made));
    }
    if (!written) return std::unexpected(written.error());
    return {};
}

}  // namespace serin::metrics
