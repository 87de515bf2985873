#include "sim/users.h"

#include <span>
#include <utility>

namespace serin::sim {

namespace {

constexpr int failing_usual = 1;  // Permille.
constexpr int failing_wrong = 200;

Users::Answers find(const std::map<std::string, Users::Answers>& all, const std::string& revision) {
    const auto found = all.find(revision);
    return found == all.end() ? Users::Answers{} : found->second;
}

}  // namespace

void Users::start() {
    if (!stage_.scenario.guard) return;
    timer_ = stage_.loop.after(stage_.scenario.guard->pace, [this] { tick(); });
}

void Users::tick() {
    for (int i = 0; i < stage_.scenario.guard->batch; ++i) ask();
    start();
}

// Where the version that is drawn has no pods, the other one answers.
void Users::ask() {
    const auto& routing = plane_.in_force();
    if (!routing) return;
    const std::int64_t total = routing->stable_weight + routing->candidate_weight;
    bool is_candidate = total > 0 && random_.between(0, total - 1) >= routing->stable_weight;
    const auto group_of = [&](bool of_candidate) {
        const std::string& hash = of_candidate ? routing->candidate : routing->stable;
        return std::string(rollout_name) + "-" + hash;
    };
    if (kubelet_.pods_of(group_of(is_candidate)).ready == 0) is_candidate = !is_candidate;
    const std::string group = group_of(is_candidate);
    if (kubelet_.pods_of(group).ready == 0) return;
    const bool is_wrong = stage_.is_image(What::wrong_image, kubelet_.image_in(group));
    const bool is_failed = random_.chance(is_wrong ? failing_wrong : failing_usual);
    const std::string& hash = is_candidate ? routing->candidate : routing->stable;
    const auto count = [&](std::map<std::string, Answers>& answers) {
        ++answers[hash].requests;
        answers[hash].failed += is_failed ? 1 : 0;
    };
    count(all_);
    if (sink_ == nullptr) return;
    count(told_);
    const RequestOutcome outcome{
        .at = stage_.loop.now(),
        .latency_us = random_.between(5'000, 50'000),
        .ns = ns,
        .route = route_name,
        .service = is_candidate ? candidate_service : stable_service,
        .revision = hash,
        .pod = group,
        .method = "GET",
        .path = "/",
        .status = is_failed ? 500 : 200};
    sink_->take(std::span(&outcome, 1));
}

Users::Answers Users::told(const std::string& revision) const {
    return find(told_, revision);
}

Users::Answers Users::all(const std::string& revision) const {
    return find(all_, revision);
}

}  // namespace serin::sim
