#include "gateway/copy_orders.h"

#include "base/log.h"
#include "gateway/copies.h"

#include <algorithm>
#include <utility>

namespace serin::gateway {

namespace {

constexpr Duration forget_after{3'000};

std::vector<CopyTarget> targets_of(const std::map<std::string, Endpoint>& endpoints) {
    std::vector<CopyTarget> targets;
    for (const auto& [server, endpoint] : endpoints)
        targets.push_back(
            {.pod = endpoint.pod, .address = endpoint.address, .port = endpoint.port});
    return targets;
}

}  // namespace

struct CopyOrders::Entry {
    std::uint64_t number = 0;
    CopyWish wish;
    std::function<void(RequestCopy)> on_copy;  // Empty: the order has ended.
    std::map<std::string, SampledPods> rules;
};

class CopyOrders::Held : public RequestCopies::Order {
public:
    Held(CopyOrders& orders, std::shared_ptr<Entry> entry)
        : orders_(orders), is_alive_(orders.is_alive_), entry_(std::move(entry)) {}
    ~Held() override {
        entry_->on_copy = nullptr;
        if (*is_alive_) orders_.forget_later();
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    std::size_t rules() const override { return entry_->rules.size(); }
    std::string trouble() const override { return *is_alive_ ? orders_.trouble_ : ""; }

private:
    CopyOrders& orders_;
    std::shared_ptr<bool> is_alive_;  // Of the orders.
    std::shared_ptr<Entry> entry_;
};

CopyOrders::CopyOrders(EventLoop& loop, std::string state_dir, std::function<void()> on_change)
    : loop_(loop), state_dir_(std::move(state_dir)), on_change_(std::move(on_change)) {}

CopyOrders::~CopyOrders() {
    *is_alive_ = false;
}

std::unique_ptr<RequestCopies::Order> CopyOrders::order(
    CopyWish wish, std::function<void(RequestCopy)> on_copy) {
    if (!listener_) listen();
    auto entry = std::make_shared<Entry>(
        Entry{.number = next_number_++, .wish = std::move(wish), .on_copy = std::move(on_copy)});
    entries_.push_back(entry);
    changed();
    return std::make_unique<Held>(*this, std::move(entry));
}

void CopyOrders::listen() {
    auto listener = CopyListener::listen(
        loop_, copies_socket(state_dir_), [this](const std::string& text) { deliver(text); });
    trouble_ = listener ? "" : listener.error().message;
    if (listener) {
        listener_ = *std::move(listener);
    } else {
        log::warning("copies_not_received", {{"error", trouble_}});
    }
}

std::vector<NumberedWish> CopyOrders::wishes() const {
    std::vector<NumberedWish> wishes;
    for (const auto& entry : entries_) wishes.push_back({entry->number, entry->wish});
    return wishes;
}

void CopyOrders::follow(const RoutingTable& table) {
    for (const auto& entry : entries_) {
        const auto found = table.sampled.find(entry->number);
        if (found == table.sampled.end()) {
            entry->rules.clear();
        } else {
            entry->rules = found->second;
        }
    }
}

void CopyOrders::deliver(const std::string& text) {
    const auto copy = read_copy(text);
    if (!copy) return;
    // Who gets a copy may end its order.
    const auto entries = entries_;
    for (const auto& entry : entries) {
        const auto rule = entry->rules.find(copy->rule);
        if (rule == entry->rules.end() || !entry->on_copy) continue;
        const auto& methods = entry->wish.methods;
        if (std::ranges::find(methods, copy->request.method) == methods.end()) continue;
        RequestCopy request = copy->request;
        request.route = copy->rule.substr(0, copy->rule.rfind('/'));
        request.candidate = targets_of(rule->second.candidate);
        request.stable = targets_of(rule->second.stable);
        const auto on_copy = entry->on_copy;
        on_copy(std::move(request));
    }
}

// A new structure of the data plane is best made when nothing else happens: the end of a comparison
// is often the beginning of an abort.
void CopyOrders::forget_later() {
    timer_ = loop_.after(forget_after, [this] {
        std::erase_if(entries_, [](const auto& entry) { return !entry->on_copy; });
        on_change_();
    });
}

void CopyOrders::changed() {
    loop_.post([this, alive = is_alive_] {
        if (*alive) on_change_();
    });
}

}  // namespace serin::gateway
