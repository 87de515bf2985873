#include "rehearse/agreeable_plugins.h"

#include <chrono>
#include <utility>

namespace serin::rehearse {

std::unique_ptr<PluginRunner::Call> AgreeablePlugins::call(PluginCall /*call*/, Done done) {
    class Pending : public Call {
    public:
        EventLoop::Watch watch;
    };
    auto pending = std::make_unique<Pending>();
    pending->watch = loop_.after(std::chrono::seconds(1), [done = std::move(done)] {
        done(json::Object{{"phase", "Successful"}});
    });
    return pending;
}

}  // namespace serin::rehearse
