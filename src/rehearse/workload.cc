#include "rehearse/workload.h"

#include <algorithm>
#include <utility>

namespace serin::rehearse {

namespace {

using std::chrono::seconds;

}  // namespace

Workload::Workload(Scene& scene, std::function<void()> on_change)
    : scene_(scene), chance_(scene.chance.fork(3)), on_change_(std::move(on_change)) {}

std::vector<Trigger> Workload::triggers() const {
    return {on_change_of(types::replica_set()), on_change_of(types::service())};
}

Result<CallAgain> Workload::reconcile(const ObjectKey& key) {
    const auto object = scene_.store.get(key);
    if (key.type == &types::service()) {
        std::string selected;
        if (object) selected = object->text(hash_pointer);
        if (selected_[key.name] != selected) {
            on_change_();
            selected_[key.name] = std::move(selected);
        }
        return std::nullopt;
    }
    if (!object || object->is_being_deleted()) {
        on_change_();
        groups_.erase(key.name);
        return std::nullopt;
    }
    Group& group = groups_[key.name];
    group.revision = object->label("rollouts-pod-template-hash").value_or("");
    const json::Object* owner = object->controller();
    group.is_released = owner != nullptr && json::text(owner->if_contains("kind")) == "Rollout";
    group.ready_for = seconds(object->integer("/spec/minReadySeconds"));
    on_change_();
    resize(
        group,
        static_cast<std::size_t>(std::max<std::int64_t>(object->integer("/spec/replicas", 1), 0)));
    turn_pods(group);
    SERIN_TRY_DO(report(*object, group));
    const Instant next = next_turn(group);
    if (next == Instant::max()) return std::nullopt;
    return std::max(next - scene_.loop.now(), Duration(1));
}

Workload::Pod Workload::new_pod(const Group& group) {
    const Instant now = scene_.loop.now();
    // The old version serves already when the rehearsal begins.
    if (scene_.old_revision.empty()) return {.ready_at = now};
    Duration most = scene_.settings.pod_start;
    if (scene_.is_new(group.revision)) {
        if (scene_.current(Fault::Kind::pods_never_ready)) return {.ready_at = Instant::max()};
        if (const Fault* slow = scene_.current(Fault::Kind::pods_slow)) most = slow->time;
    }
    return {.ready_at = now + chance_.duration(most / 2, std::max(most, Duration(1)))};
}

void Workload::resize(Group& group, std::size_t desired) {
    while (group.pods.size() < desired) group.pods.push_back(new_pod(group));
    // The least useful go first.
    if (group.pods.size() > desired) {
        std::ranges::stable_sort(group.pods, [](const Pod& left, const Pod& right) {
            return left.is_ready > right.is_ready;
        });
        group.pods.resize(desired);
    }
}

void Workload::turn_pods(Group& group) {
    const Instant now = scene_.loop.now();
    const Fault* crash =
        scene_.is_new(group.revision) ? scene_.current(Fault::Kind::pods_crash) : nullptr;
    for (Pod& pod : group.pods) {
        if (pod.is_ready && now >= pod.crash_at) pod = new_pod(group);
        if (!pod.is_ready && now >= pod.ready_at) {
            pod.is_ready = true;
            if (crash) {
                const double after = chance_.exponential(static_cast<double>(crash->time.count()));
                pod.crash_at = now + Duration(1 + static_cast<std::int64_t>(after));
            }
        }
    }
}

Instant Workload::next_turn(const Group& group) const {
    const Instant now = scene_.loop.now();
    Instant next = Instant::max();
    for (const Pod& pod : group.pods) {
        next = std::min(next, pod.is_ready ? pod.crash_at : pod.ready_at);
        if (pod.is_ready && pod.ready_at + group.ready_for > now) {
            next = std::min(next, pod.ready_at + group.ready_for);
        }
    }
    return next;
}

Result<> Workload::report(const Object& set, const Group& group) {
    const Instant now = scene_.loop.now();
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
    if (present && json::same(*present, status)) return {};
    Object changed = set;
    changed.put("/status", json::Object(status));
    SERIN_TRY_DO(scene_.store.update(std::move(changed), Part::status));
    return {};
}

std::map<std::string, int> Workload::ready() const {
    std::map<std::string, int> counts;
    for (const auto& [name, group] : groups_) {
        if (!group.is_released) continue;
        counts[group.revision] +=
            static_cast<int>(std::ranges::count_if(group.pods, &Pod::is_ready));
    }
    return counts;
}

std::string Workload::selected_by(const std::string& service) const {
    const auto found = selected_.find(service);
    return found == selected_.end() ? "" : found->second;
}

int Workload::pods() const {
    std::size_t count = 0;
    for (const auto& [name, group] : groups_) count += group.pods.size();
    return static_cast<int>(count);
}

}  // namespace serin::rehearse
