#include "rehearse/crowd.h"

#include "metrics/budget_source.h"
#include "metrics/sequential_source.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace serin::rehearse {

namespace {

using std::chrono::seconds;

// With nobody waiting, how many seconds are drawn at once.
constexpr Duration tick_idle = seconds(5);
constexpr Duration tick_longest = seconds(1);
constexpr Duration tick_shortest{250};
constexpr double z95 = 1.6448536269514722;  // The 95th percentile of the normal distribution.
// Up to so many latencies are drawn one by one; of more, how many fall into each bin is.
constexpr std::uint64_t latencies_drawn = 20;
// Bins of the normal distribution that latencies follow on a logarithmic scale.
constexpr int bins = 28;
constexpr double first_edge = -2.4;
constexpr double bin_width = 0.2;

double below(double z) {
    return std::erfc(-z / std::numbers::sqrt2) / 2;
}

bool names_latency(const json::Value& value) {
    const std::string text = json::print(value);
    for (const char* word : {"latency", "_bucket", "_sum", "quantile"}) {
        if (text.find(word) != std::string::npos) return true;
    }
    return false;
}

bool names_examiner(const json::Value& spec) {
    const json::Array* metrics = json::array(json::find(spec, "/metrics"));
    return metrics != nullptr && std::ranges::any_of(*metrics, [](const json::Value& metric) {
               const json::Object* plugins = json::object(json::find(metric, "/provider/plugin"));
               return plugins != nullptr &&
                      (plugins->contains(metrics::SequentialSource::provider) ||
                       plugins->contains(metrics::BudgetSource::provider));
           });
}

std::int64_t latency_us(const Behaviour& behaviour, double normal) {
    const double spread = std::log(behaviour.p95_ms / behaviour.p50_ms) / z95;
    return std::llround(behaviour.p50_ms * std::exp(spread * normal) * 1000);
}

}  // namespace

Crowd::Crowd(Scene& scene, metrics::RequestWindows& windows, OutcomeSink& requests)
    : scene_(scene),
      windows_(windows),
      requests_(requests),
      chance_(scene.chance.fork(5)),
      last_(scene.loop.now()) {
    for (const Object& object : scene.subject.objects) {
        if (object.type() != &types::analysis_template() &&
            object.type() != &types::cluster_analysis_template()) {
            continue;
        }
        if (const json::Value* spec = object.find("/spec")) {
            reads_latency_ = reads_latency_ || names_latency(*spec);
            is_one_by_one_ = is_one_by_one_ || names_examiner(*spec);
        }
    }
}

void Crowd::connect(const Workload& workload, const SplitRouter& router) {
    workload_ = &workload;
    router_ = &router;
}

void Crowd::start() {
    has_started_ = true;
    last_ = scene_.loop.now();
    tick();
}

void Crowd::tick() {
    catch_up();
    if (told_) told_();
    timer_ = scene_.loop.after(tick_length(), [this] { tick(); });
}

Duration Crowd::tick_length() const {
    if (awaited_ == 0) return tick_idle;
    const double rate = scene_.settings.traffic * share_;
    if (rate <= 0) return tick_longest;
    const Duration wanted(
        static_cast<std::int64_t>(std::min(1e6, 1000 * static_cast<double>(awaited_) / rate)));
    return std::clamp(wanted, tick_shortest, tick_longest);
}

void Crowd::catch_up() {
    if (!has_started_) return;
    const Instant now = scene_.loop.now();
    if (now == last_) return find_shares();
    find_shares();
    const Duration passed = now - last_;
    const Instant at = last_ + passed / 2;
    last_ = now;
    const double mean = scene_.settings.traffic * std::chrono::duration<double>(passed).count();
    if (!is_served_) {
        lost_ += chance_.poisson(mean);
        return;
    }
    serve(Version::stable, mean * (1 - share_), at);
    serve(Version::candidate, mean * share_, at);
    deliver_one_by_one(now - passed, passed);
    if (share_ > 0) under_traffic_ += passed;
}

std::string Crowd::service(Version version) const {
    const argo::Lowered& lowered = scene_.subject.lowered;
    std::string name =
        version == Version::stable ? lowered.stable_service : lowered.candidate_service;
    return name.empty() ? scene_.subject.name() : name;
}

std::string Crowd::revision(Version version) const {
    return version == Version::stable ? scene_.old_revision : candidate_;
}

// The share of requests that selectors and the split send to new revisions.
double Crowd::split_share() const {
    const argo::Lowered& lowered = scene_.subject.lowered;
    const std::string stable = workload_->selected_by(lowered.stable_service);
    if (lowered.route) {
        const Split& split = router_->in_force();
        const double weight =
            split.total > 0 ? static_cast<double>(split.candidate) / split.total : 0;
        double share = 0;
        if (scene_.is_new(workload_->selected_by(lowered.candidate_service))) share += weight;
        if (scene_.is_new(stable)) share += 1 - weight;
        return share;
    }
    if (scene_.subject.is_blue_green && !stable.empty()) return scene_.is_new(stable) ? 1 : 0;
    return -1;
}

void Crowd::find_shares() {
    int old_ready = 0;
    int new_ready = 0;
    for (const auto& [revision, count] : workload_->ready()) {
        (scene_.is_new(revision) ? new_ready : old_ready) += count;
        if (scene_.is_new(revision)) candidate_ = revision;
    }
    is_served_ = old_ready + new_ready > 0;
    if (!is_served_) {
        share_ = 0;
        return;
    }
    share_ = split_share();
    if (share_ < 0) share_ = static_cast<double>(new_ready) / (old_ready + new_ready);
    // A gateway sends nothing to where nobody is, while anybody is elsewhere.
    if (new_ready == 0) share_ = 0;
    if (old_ready == 0) share_ = 1;
}

double Crowd::error_share(Version version) {
    if (version == Version::stable) return scene_.settings.stable.error_share;
    double share = scene_.settings.candidate.error_share;
    if (const Fault* overload = scene_.current(Fault::Kind::overload);
        overload && share_ * 100 >= overload->weight - 1e-9) {
        share = std::max(share, overload->share);
    }
    if (const Fault* leak = scene_.current(Fault::Kind::leak);
        leak && under_traffic_ > leak->time) {
        const double minutes =
            std::chrono::duration<double, std::ratio<60>>(under_traffic_ - leak->time).count();
        share += leak->share * minutes;
    }
    return std::min(share, 1.0);
}

void Crowd::serve(Version version, double mean, Instant at) {
    if (mean <= 0) return;
    const std::uint64_t requests = chance_.poisson(mean);
    if (requests == 0) return;
    const std::uint64_t failed = chance_.binomial(requests, error_share(version));
    served_[index(version)].requests += requests;
    served_[index(version)].failed += failed;
    deliver(version, requests - failed, false, at);
    deliver(version, failed, true, at);
}

void Crowd::deliver(Version version, std::uint64_t count, bool is_failure, Instant at) {
    if (count == 0) return;
    auto& first = first_seen_[index(version)][is_failure ? 1 : 0];
    if (!first) first = at;
    const Behaviour& behaviour =
        version == Version::stable ? scene_.settings.stable : scene_.settings.candidate;
    if (is_one_by_one_) {
        ended_.insert(ended_.end(), count, Ended{.version = version, .is_failure = is_failure});
        return;
    }
    const std::string ns = scene_.subject.ns();
    const std::string route = scene_.subject.route();
    const std::string service_name = service(version);
    const std::string revision_name = revision(version);
    RequestOutcome outcome{
        .at = at,
        .latency_us = static_cast<std::int64_t>(behaviour.p50_ms * 1000),
        .ns = ns,
        .route = route,
        .service = service_name,
        .revision = revision_name,
        .status = is_failure ? 500 : 200};
    if (!reads_latency_) {
        return windows_.take_alike(outcome, static_cast<std::uint32_t>(count));
    }
    if (count < latencies_drawn) {
        for (std::uint64_t i = 0; i < count; ++i) {
            outcome.latency_us = latency_us(behaviour, chance_.normal());
            windows_.take_alike(outcome, 1);
        }
        return;
    }
    std::uint64_t left = count;
    double above = 1;  // The part of the distribution that is not yet drawn.
    for (int bin = 0; bin < bins && left > 0; ++bin) {
        const double edge = first_edge + bin_width * (bin + 1);
        const double share = bin + 1 == bins ? above : above - (1 - below(edge));
        const std::uint64_t inside = chance_.binomial(left, std::clamp(share / above, 0.0, 1.0));
        left -= inside;
        above -= share;
        outcome.latency_us = latency_us(behaviour, edge - bin_width * chance_.uniform());
        windows_.take_alike(outcome, static_cast<std::uint32_t>(inside));
    }
}

// What is judged request by request must not come sorted by how it ended.
void Crowd::deliver_one_by_one(Instant from, Duration passed) {
    if (ended_.empty()) return;
    const std::string ns = scene_.subject.ns();
    const std::string route = scene_.subject.route();
    const std::array services = {service(Version::stable), service(Version::candidate)};
    const std::array revisions = {revision(Version::stable), revision(Version::candidate)};
    std::vector<RequestOutcome> outcomes;
    outcomes.reserve(ended_.size());
    const auto total = static_cast<double>(ended_.size());
    for (std::size_t i = 0; i < ended_.size(); ++i) {
        const double left = total - static_cast<double>(i);
        const auto pick = i + static_cast<std::size_t>(left * chance_.uniform());
        std::swap(ended_[i], ended_[std::min(pick, ended_.size() - 1)]);
        const Ended& one = ended_[i];
        const Behaviour& behaviour =
            one.version == Version::stable ? scene_.settings.stable : scene_.settings.candidate;
        const double share = (static_cast<double>(i) + 0.5) / total;
        outcomes.push_back(
            {.at = from + Duration(std::llround(static_cast<double>(passed.count()) * share)),
             .latency_us = latency_us(behaviour, chance_.normal()),
             .ns = ns,
             .route = route,
             .service = services[index(one.version)],
             .revision = revisions[index(one.version)],
             .status = one.is_failure ? 500 : 200});
    }
    ended_.clear();
    requests_.take(outcomes);
}

}  // namespace serin::rehearse
