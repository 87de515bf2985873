#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace serin {

// Which requests to copy: of the rules that name a release's stable Service.
struct CopyWish {
    std::string ns;
    std::string stable_service;
    std::string stable_revision;  // Pod-template hashes.
    std::string candidate_revision;
    std::vector<std::string> methods;
    int rate = 10;  // At most so many a second of each rule.
};

struct CopyTarget {
    std::string pod;
    std::string address;
    int port = 0;
};

// A request as it was sent to a pod while a user waits for that pod's answer. Names of headers are
// in lower case; those of the connection are among them.
struct RequestCopy {
    std::string route;  // "default/shop"
    std::string method;
    std::string target;  // Path and query.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    // Pods of both revisions that could have been sent it, ready at this moment.
    std::vector<CopyTarget> candidate;
    std::vector<CopyTarget> stable;
};

// Copies of users' requests, made by whoever carries these. No user waits for a copy; one that
// cannot be delivered at once is dropped. Used on the event loop.
class RequestCopies {
public:
    virtual ~RequestCopies() = default;

    // Destroying it ends the copies.
    class Order {
    public:
        virtual ~Order() = default;
        // How many rules have requests that are copied; a moment after the order, or after a
        // restart, it may not be known yet and is 0.
        virtual std::size_t rules() const = 0;
        // Why no request can be copied; mostly empty.
        virtual std::string trouble() const = 0;
    };

    // Calls `on_copy` on the loop, not within another call.
    [[nodiscard]] virtual std::unique_ptr<Order> order(
        CopyWish wish, std::function<void(RequestCopy)> on_copy) = 0;
};

}  // namespace serin
