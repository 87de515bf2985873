#include "metrics/split_guard.h"

#include "base/json.h"
#include "judge/packed.h"
#include "statistics/confidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace serin::metrics {

namespace {

// A request that began under the former share has ended by then, as a rule.
constexpr Duration settling{10'000};
// Looks at which the share has to stay in force before what was counted counts.
constexpr std::size_t looks_waiting = 3;
// Before that, nothing passes.
constexpr std::uint32_t looks_min = 5;
const double ln_certain = std::log(1000.0);
// A deviation that no comparison would notice is none.
constexpr double deviation_min = 0.05;
constexpr double tolerated_silence = 0.8;

double ln_beta(double a, double b) {
    return statistics::ln_gamma(a) + statistics::ln_gamma(b) - statistics::ln_gamma(a + b);
}

}  // namespace

void SplitGuard::pass_time(Instant now, std::optional<double> share) {
    const Counts counted = std::exchange(fresh_, {});
    has_looked_ = has_looked_ || share || counted.canary + counted.stable > 0;
    const bool is_split = share && *share > 0 && *share < 1;
    if (share != share_) {
        share_ = share;
        settled_at_ = now + settling;
        segment_ = {};
        waiting_.clear();
        return;
    }
    if (!is_split || now < settled_at_) return;
    waiting_.push_back(counted);
    if (waiting_.size() <= looks_waiting) return;
    commit(waiting_.front());
    waiting_.pop_front();
}

// The mixture over other splits is a Beta distribution around the one in force, after Lindon and
// Malek; each share begins with a new one, and their evidence multiplies.
void SplitGuard::commit(const Counts& counts) {
    if (counts.canary + counts.stable == 0) return;
    const double share = *share_;
    const auto canary = static_cast<double>(counts.canary);
    const auto stable = static_cast<double>(counts.stable);
    const double a = 2 * share + static_cast<double>(segment_.canary);
    const double b = 2 * (1 - share) + static_cast<double>(segment_.stable);
    ln_mismatch_ += ln_beta(a + canary, b + stable) - ln_beta(a, b) - canary * std::log(share) -
                    stable * std::log1p(-share);
    ln_mismatch_peak_ = std::max(ln_mismatch_peak_, ln_mismatch_);
    silence_.add(counts.canary, counts.stable, share, tolerated_silence);
    segment_.canary += counts.canary;
    segment_.stable += counts.stable;
    total_.canary += counts.canary;
    total_.stable += counts.stable;
    expected_ += (canary + stable) * share;
    ++looks_;
}

void SplitGuard::begin_stage() {
    waiting_.clear();
    fresh_ = {};
    segment_ = {};
    total_ = {};
    expected_ = 0;
    looks_ = 0;
    ln_mismatch_ = 0;
    ln_mismatch_peak_ = 0;
    silence_ = {};
}

template <class A>
void SplitGuard::walk(A& archive, auto& guard) {
    archive.field(guard.total_.canary);
    archive.field(guard.total_.stable);
    archive.field(guard.expected_);
    archive.field(guard.looks_);
    archive.field(guard.ln_mismatch_);
    archive.field(guard.ln_mismatch_peak_);
    for (auto& wealth : guard.silence_.ln_wealth) archive.field(wealth);
    archive.field(guard.silence_.ln_peak);
}

std::string SplitGuard::memory() const {
    judge::Packer archive;
    walk(archive, *this);
    return archive.text();
}

Result<> SplitGuard::recall(std::string_view memory) {
    judge::Unpacker archive(memory);
    SplitGuard read;
    walk(archive, read);
    if (!archive.is_complete()) return fail(ErrorKind::invalid, "not what is known of a split");
    *this = std::move(read);
    return {};
}

bool SplitGuard::is_unsure() const {
    if (!has_looked_) return true;
    return share_ && *share_ > 0 && *share_ < 1 && looks_ < looks_min;
}

SplitGuard::Trouble SplitGuard::trouble() const {
    // A canary that answers again is not silent any more.
    if (silence_.ln_value() >= ln_certain) return Trouble::silent;
    const auto total = static_cast<double>(total_.canary + total_.stable);
    const double smaller = std::min(expected_, total - expected_);
    const double deviation = std::abs(static_cast<double>(total_.canary) - expected_);
    const bool is_relevant = deviation >= deviation_min * smaller;
    return ln_mismatch_peak_ >= ln_certain && is_relevant ? Trouble::mismatch : Trouble::none;
}

std::string SplitGuard::describe() const {
    const Trouble of = trouble();
    if (of == Trouble::none) return "";
    const auto total = total_.canary + total_.stable;
    const std::string numbers = fmt::format(
        "{} of {} answers of both arms are the canary's, {:.0f} would be by the split in force",
        total_.canary,
        total,
        expected_);
    return of == Trouble::silent
               ? fmt::format("the canary does not answer all requests that it is sent: {}", numbers)
               : fmt::format(
                     "requests are not split as the weights say: {}; the arms cannot be compared",
                     numbers);
}

std::optional<double> share_in_force(
    const Object& route, std::string_view candidate_service, std::string_view stable_service) {
    const json::Array* parents = json::array(route.find("/status/parents"));
    if (parents == nullptr || candidate_service == stable_service) return std::nullopt;
    std::optional<double> share;
    for (const json::Value& parent : *parents) {
        const json::Array* conditions = json::array(json::find(parent, "/conditions"));
        for (std::size_t i = 0; conditions != nullptr && i < conditions->size(); ++i) {
            const json::Value& condition = (*conditions)[i];
            const auto text = [&](const char* field) {
                return json::text(json::find(condition, field)).value_or("");
            };
            if (text("/type") != "serin.dev/InForce") continue;
            const auto observed = json::integer(json::find(condition, "/observedGeneration"));
            if (text("/status") != "True" || observed != route.generation()) return std::nullopt;
            const auto message = json::parse(text("/message"));
            const json::Array* rules = message ? json::array(&*message) : nullptr;
            if (rules == nullptr) return std::nullopt;
            for (const json::Value& rule : *rules) {
                const json::Object* weights = json::object(&rule);
                if (weights == nullptr) return std::nullopt;
                const auto weight = [&](std::string_view service) {
                    return json::number(weights->if_contains(service)).value_or(0);
                };
                const double canary = weight(candidate_service);
                const double both = canary + weight(stable_service);
                if (both <= 0) continue;  // A rule of others.
                const double here = canary / both;
                if (share && *share != here) return std::nullopt;
                share = here;
            }
        }
    }
    return share;
}

}  // namespace serin::metrics
