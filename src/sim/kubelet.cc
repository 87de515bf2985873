#include "sim/kubelet.h"

#include <algorithm>
#include <utility>

namespace serin::sim {

namespace {

using std::chrono::seconds;

constexpr Duration start_usual = seconds(2);
constexpr Duration report_usual{200};
constexpr Duration flaky_period = seconds(25);

}  // namespace

std::vector<Trigger> Kubelet::triggers() const {
    return {on_change_of(types::replica_set())};
}

Result<CallAgain> Kubelet::reconcile(const ObjectKey& key) {
    const auto set = stage_.store.get(key);
    if (!set || set->is_being_deleted()) {
        groups_.erase(key.name);
        return std::nullopt;
    }
    Group& group = groups_[key.name];
    group.desired = static_cast<int>(set->integer("/spec/replicas"));
    group.image = image_of(*set);
    group.ready_for = seconds(set->integer("/spec/minReadySeconds"));
    start_and_stop(group);
    turn_pods(group);
    SERIN_TRY(const bool is_reported, report(*set, group));
    Instant next = next_turn(group);
    if (!is_reported) next = std::min(next, *group.report_at);
    if (next == Instant::max()) return std::nullopt;
    return next - stage_.loop.now();
}

Duration Kubelet::start_delay() {
    if (const Happening* stuck = stage_.current(What::pods_stuck)) {
        stage_.reach(What::pods_stuck);
        const Instant end = stage_.start + stuck->at + stuck->lasting;
        return end - stage_.loop.now() + random_.duration(Duration(50), start_usual);
    }
    const Happening* slow = stage_.current(What::pods_slow);
    if (slow) stage_.reach(What::pods_slow);
    return random_.duration(Duration(50), slow ? seconds(slow->number) : start_usual);
}

void Kubelet::start_and_stop(Group& group) {
    const auto desired = static_cast<std::size_t>(group.desired);
    while (group.pods.size() < desired) {
        const bool is_bad = stage_.is_image(What::bad_image, group.image);
        if (is_bad) stage_.reach(What::bad_image);
        const Duration delay = start_delay();
        group.pods.push_back({.ready_at = is_bad ? Instant::max() : stage_.loop.now() + delay});
    }
    // The least useful go first.
    std::ranges::stable_sort(group.pods, [](const Pod& left, const Pod& right) {
        return std::pair(left.is_ready, left.was_ready) >
               std::pair(right.is_ready, right.was_ready);
    });
    if (group.pods.size() > desired) group.pods.resize(desired);
}

void Kubelet::turn_pods(Group& group) {
    const Instant now = stage_.loop.now();
    for (Pod& pod : group.pods) {
        if (!pod.is_ready && now >= pod.ready_at) {
            pod.is_ready = true;
            pod.was_ready = true;
            if (stage_.is_image(What::flaky_image, group.image)) {
                stage_.reach(What::flaky_image);
                pod.unready_at = now + random_.duration(seconds(1), flaky_period);
            }
        }
        const Happening* oom = stage_.current(What::pods_oom);
        if (pod.is_ready && oom && pod.unready_at == Instant::max()) {
            stage_.reach(What::pods_oom);
            pod.unready_at = now + random_.duration(seconds(1), seconds(oom->number));
        }
        if (pod.is_ready && now >= pod.unready_at) {
            pod = {.ready_at = now + random_.duration(seconds(1), flaky_period), .was_ready = true};
        }
    }
}

Instant Kubelet::next_turn(const Group& group) const {
    const Instant now = stage_.loop.now();
    Instant next = Instant::max();
    for (const Pod& pod : group.pods) {
        next = std::min(next, pod.is_ready ? pod.unready_at : pod.ready_at);
        if (pod.is_ready && pod.ready_at + group.ready_for > now) {
            next = std::min(next, pod.ready_at + group.ready_for);
        }
    }
    return next;
}

// Returns false while the report has to wait: nobody knows at once.
Result<bool> Kubelet::report(const Object& set, const Group& group) {
    const Instant now = stage_.loop.now();
    std::int64_t ready = 0;
    std::int64_t available = 0;
    for (const Pod& pod : group.pods) {
        if (!pod.is_ready) continue;
        ++ready;
        if (pod.ready_at + group.ready_for <= now) ++available;
    }
    const json::Object status{
        {"replicas", static_cast<std::int64_t>(group.pods.size())},
        {"readyReplicas", ready},
        {"availableReplicas", available},
        {"observedGeneration", set.generation()}};
    const json::Object* present = json::object(set.find("/status"));
    Group& reported = groups_[std::string(set.name())];
    if (present && json::same(*present, status)) {
        reported.report_at.reset();
        return true;
    }
    if (!reported.report_at) {
        reported.report_at = now + random_.duration(Duration(1), report_usual);
    }
    if (now < *reported.report_at) return false;
    reported.report_at.reset();
    const Quiet quiet(stage_);
    Object changed = set;
    changed.put("/status", json::Object(status));
    SERIN_TRY_DO(stage_.store.update(std::move(changed), Part::status));
    return true;
}

void Kubelet::evict(int count) {
    for (auto& [name, group] : groups_) {
        for (Pod& pod : group.pods) {
            if (count == 0) break;
            if (!pod.is_ready) continue;
            stage_.reach(What::evict);
            pod = {.ready_at = stage_.loop.now() + start_delay(), .was_ready = true};
            --count;
        }
        request_(stage_.key(types::replica_set(), name));
    }
}

void Kubelet::look_at_all() {
    for (const auto& [name, group] : groups_) {
        request_(stage_.key(types::replica_set(), name));
    }
}

Kubelet::Pods Kubelet::pods_of(const std::string& group) const {
    const auto found = groups_.find(group);
    if (found == groups_.end()) return {};
    Pods pods{.desired = found->second.desired};
    for (const Pod& pod : found->second.pods) {
        if (pod.is_ready) ++pods.ready;
        if (pod.is_ready || pod.was_ready) ++pods.able;
    }
    return pods;
}

int Kubelet::image_in(const std::string& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? 0 : found->second.image;
}

Kubelet::Pods Kubelet::pods_with(const std::string& prefix) const {
    Pods all;
    for (const auto& [name, group] : groups_) {
        if (!name.starts_with(prefix)) continue;
        const Pods pods = pods_of(name);
        all.desired += pods.desired;
        all.ready += pods.ready;
        all.able += pods.able;
    }
    return all;
}

}  // namespace serin::sim
