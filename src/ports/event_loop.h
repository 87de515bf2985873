#pragma once

#include "base/time.h"
#include "ports/clock.h"

#include <functional>
#include <memory>

namespace serin {

// The one thread that runs controllers, gateway and node, as those layers see it. The real loop is
// in net; the simulator's runs on virtual time.
//
// Everything is called on the loop's thread, except `post`, which any thread may call.
class EventLoop : public Clock {
public:
    // A pending timer or file watch; destroying it cancels it. It may outlive the loop.
    class Handle {
    public:
        virtual ~Handle() = default;
    };
    using Watch = std::unique_ptr<Handle>;

    // Runs `task` soon, after what is queued already, never within the call.
    virtual void post(std::function<void()> task) = 0;

    // Runs `task` once, not before `delay` has passed.
    [[nodiscard]] virtual Watch after(Duration delay, std::function<void()> task) = 0;

    // Runs `task` whenever `fd` can be read (or has hung up), until the handle is destroyed. The
    // caller keeps `fd` open for as long.
    [[nodiscard]] virtual Watch on_readable(int fd, std::function<void()> task) = 0;
};

}  // namespace serin
