#pragma once

#include "gateway/copy_listener.h"
#include "gateway/model.h"
#include "ports/event_loop.h"
#include "ports/request_copies.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace serin::gateway {

// Who wants copies of requests, and the way of a copy from the data plane to them. An order that
// has ended gets no more at once; the data plane goes on to copy for some seconds. On the loop.
class CopyOrders : public RequestCopies {
public:
    // `on_change` is called, not within another call, when wishes() has changed.
    CopyOrders(EventLoop& loop, std::string state_dir, std::function<void()> on_change);
    ~CopyOrders() override;
    CopyOrders(const CopyOrders&) = delete;
    CopyOrders& operator=(const CopyOrders&) = delete;

    [[nodiscard]] std::unique_ptr<Order> order(
        CopyWish wish, std::function<void(RequestCopy)> on_copy) override;

    std::vector<NumberedWish> wishes() const;
    // What became of them in the newest table.
    void follow(const RoutingTable& table);

private:
    class Held;
    struct Entry;

    void listen();
    void deliver(const std::string& text);
    void changed();
    void forget_later();

    EventLoop& loop_;
    std::string state_dir_;
    std::function<void()> on_change_;
    std::unique_ptr<CopyListener> listener_;
    std::string trouble_;
    std::uint64_t next_number_ = 1;
    std::vector<std::shared_ptr<Entry>> entries_;
    EventLoop::Watch timer_;
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace serin::gateway
