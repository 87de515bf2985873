#include "sim/plugins.h"

#include <chrono>
#include <utility>

namespace serin::sim {

namespace {

class Pending : public PluginRunner::Call {
public:
    EventLoop::Watch watch;
};

}  // namespace

std::unique_ptr<PluginRunner::Call> Plugins::call(PluginCall call, Done done) {
    const Happening* slow = stage_.current(What::plugin_slow);
    if (slow) stage_.reach(What::plugin_slow);
    const Duration most = slow ? Duration(std::chrono::seconds(slow->number)) : Duration(500);
    const Duration taken = random_.duration(Duration(1), most);
    auto pending = std::make_unique<Pending>();
    if (taken >= call.deadline) {
        pending->watch = stage_.loop.after(call.deadline, [done = std::move(done)] {
            done(fail(ErrorKind::unavailable, "the plugin did not answer in time"));
        });
        return pending;
    }
    pending->watch = stage_.loop.after(
        taken, [this, call = std::move(call), done = std::move(done)] { done(answer(call)); });
    return pending;
}

json::Object Plugins::answer(const PluginCall& call) {
    const Happening* errs = stage_.current(What::plugin_errors);
    const bool is_ill = errs && random_.chance(errs->number);
    if (is_ill) stage_.reach(What::plugin_errors);
    if (call.plugin == RouterPlugin::plugin) {
        return is_ill ? json::Object{{"error", "ill"}} : router_.answer(call.request);
    }
    if (is_ill) return {{"phase", "Error"}, {"message", "ill"}};
    if (stage_.current(What::plugin_fails)) {
        stage_.reach(What::plugin_fails);
        return {{"phase", "Failed"}, {"message", "no good"}};
    }
    if (random_.chance(300)) return {{"phase", "Running"}, {"requeueAfter", "15s"}};
    return {{"phase", "Successful"}};
}

}  // namespace serin::sim
