#pragma once

#include "base/result.h"
#include "gateway/unique_fd.h"
#include "ports/event_loop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace serin::gateway {

// A Unix socket on which whoever may write to it leaves one text a connection. What is too long,
// too slow or beyond a number of connections is dropped.
class CopyListener {
public:
    using OnText = std::function<void(std::string)>;

    // `on_text` is called on the loop, not within another call. The file at `path` is replaced;
    // only this user may write to it. `unavailable` where it cannot be made.
    static Result<std::unique_ptr<CopyListener>> listen(
        EventLoop& loop, const std::string& path, OnText on_text);
    ~CopyListener();
    CopyListener(const CopyListener&) = delete;
    CopyListener& operator=(const CopyListener&) = delete;

private:
    struct Connection;

    CopyListener(EventLoop& loop, UniqueFd socket, OnText on_text);
    void accept_all();
    void read(std::uint64_t id);
    void end_later(std::uint64_t id);

    EventLoop& loop_;
    UniqueFd socket_;
    OnText on_text_;
    EventLoop::Watch watch_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace serin::gateway
