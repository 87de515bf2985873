#include "kubernetes/lease.h"

#include "base/log.h"
#include "net/monotonic.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace serin::kubernetes {

namespace {

constexpr std::string_view collection = "/apis/coordination.k8s.io/v1/namespaces";

// MicroTime, as the API has it: with six digits, always.
std::string micro_time(Instant at) {
    std::string text = format_time_precise(at);
    text.pop_back();
    return text + "000Z";
}

}  // namespace

Lease::Lease(Api& api, LeaseSettings settings) : api_(api), settings_(std::move(settings)) {}

void Lease::start(std::function<void()> on_taken, std::function<void(const Error&)> on_lost) {
    on_taken_ = std::move(on_taken);
    on_lost_ = std::move(on_lost);
    timer_ = api_.loop().after(Duration(0), [this] { turn(); });
}

Result<> Lease::may_write() const {
    if (!is_held_) return fail(ErrorKind::unavailable, "this process is not the leader");
    if (net::monotonic_now() - renewed_at_ < settings_.deadline) return {};
    return fail(
        ErrorKind::unavailable,
        fmt::format(
            "leadership could not be renewed for {}: another may lead by now",
            format_duration(settings_.deadline)));
}

Result<> Lease::keep() {
    const Duration now = net::monotonic_now();
    const bool is_due =
        now - renewed_at_ >= settings_.renew_every && now - asked_at_ >= settings_.retry_every;
    if (is_held_ && is_due) turn();
    return may_write();
}

void Lease::turn() {
    const Duration asked = net::monotonic_now();
    asked_at_ = asked;
    const auto taken = take_or_renew();
    if (taken && *taken) {
        renewed_at_ = asked;
        if (!std::exchange(is_held_, true)) {
            log::info("leading", {{"lease", settings_.name}, {"identity", settings_.identity}});
            on_taken_();
        }
        timer_ = api_.loop().after(settings_.renew_every, [this] { turn(); });
        return;
    }
    if (!taken) log::warning("lease_failed", {{"error", taken.error().message}});
    if (is_held_ && taken) {
        return lost({ErrorKind::conflict, fmt::format("{} has taken the lease", holder_)});
    }
    if (is_held_) {
        if (const auto safe = may_write(); !safe) return lost(safe.error());
    }
    timer_ = api_.loop().after(settings_.retry_every, [this] { turn(); });
}

void Lease::lost(const Error& error) {
    is_held_ = false;
    timer_.reset();
    on_lost_(error);
}

std::string Lease::path() const {
    return fmt::format("{}/{}/leases/{}", collection, settings_.ns, settings_.name);
}

// An API that does not answer within the deadline is none. One that is busy has a lane for leases.
Result<json::Value> Lease::call(std::string_view method, std::string path, json::Value body) {
    return api_.call(
        {.method = method,
         .path = std::move(path),
         .body = std::move(body),
         .timeout = settings_.deadline / 2,
         .is_urgent = true});
}

// Whether it is ours now.
Result<bool> Lease::take_or_renew() {
    const std::string now = micro_time(api_.loop().now());
    if (is_held_ && !known_.is_null()) {
        const auto renewed = write(std::exchange(known_, nullptr), now);
        if (renewed || renewed.error().kind != ErrorKind::conflict) return renewed;
    }
    auto found = call("GET", path());
    if (!found && found.error().kind == ErrorKind::not_found) return create(now);
    if (!found) return std::unexpected(std::move(found).error());

    holder_ = json::text(json::find(*found, "/spec/holderIdentity")).value_or("");
    const std::string version(
        json::text(json::find(*found, "/metadata/resourceVersion")).value_or(""));
    if (version != seen_version_) {
        seen_version_ = version;
        seen_at_ = net::monotonic_now();
        seen_duration_ = Duration(
            1000 * json::integer(json::find(*found, "/spec/leaseDurationSeconds")).value_or(0));
    }
    const bool is_ours = holder_ == settings_.identity;
    const bool is_over = holder_.empty() || net::monotonic_now() - seen_at_ >= seen_duration_;
    if (!is_ours && !is_over) return false;
    return write(*std::move(found), now);
}

json::Object Lease::spec(const std::string& now, const json::Value* former) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(settings_.duration);
    const bool is_new = holder_ != settings_.identity;
    const auto* acquired = former == nullptr ? nullptr : json::find(*former, "/acquireTime");
    const std::int64_t transitions =
        former == nullptr ? 0 : json::integer(json::find(*former, "/leaseTransitions")).value_or(0);
    return {
        {"holderIdentity", json::string(settings_.identity)},
        {"leaseDurationSeconds", seconds.count()},
        {"acquireTime", is_new || acquired == nullptr ? json::string(now) : *acquired},
        {"renewTime", json::string(now)},
        {"leaseTransitions", transitions + (is_new && former != nullptr ? 1 : 0)}};
}

Result<bool> Lease::create(const std::string& now) {
    const json::Object lease{
        {"apiVersion", "coordination.k8s.io/v1"},
        {"kind", "Lease"},
        {"metadata",
         json::Object{
             {"name", json::string(settings_.name)}, {"namespace", json::string(settings_.ns)}}},
        {"spec", spec(now, nullptr)}};
    const auto made = call("POST", fmt::format("{}/{}/leases", collection, settings_.ns), lease);
    if (made) return true;
    if (made.error().kind == ErrorKind::exists) return false;  // Somebody was quicker.
    return std::unexpected(made.error());
}

Result<bool> Lease::write(json::Value lease, const std::string& now) {
    json::Object next = spec(now, json::find(lease, "/spec"));
    lease.get_object()["spec"] = std::move(next);
    auto written = call("PUT", path(), std::move(lease));
    if (written) {
        holder_ = settings_.identity;
        seen_version_ = json::text(json::find(*written, "/metadata/resourceVersion")).value_or("");
        known_ = *std::move(written);
        return true;
    }
    // The next turn looks who it was, unless it was ourselves: an answer of ours that was lost.
    if (written.error().kind == ErrorKind::conflict && !is_held_) return false;
    return std::unexpected(std::move(written).error());
}

void Lease::release() {
    timer_.reset();
    if (!is_held_ || !may_write()) return;
    is_held_ = false;
    auto found = call("GET", path());
    if (!found || json::text(json::find(*found, "/spec/holderIdentity")) != settings_.identity) {
        return;
    }
    json::Object& spec = found->get_object()["spec"].get_object();
    spec["holderIdentity"] = "";
    spec["leaseDurationSeconds"] = 1;
    const auto given = call("PUT", path(), *std::move(found));
    if (!given) log::warning("lease_failed", {{"error", given.error().message}});
}

}  // namespace serin::kubernetes
