#include "node/replica_sets.h"

#include "base/digest.h"
#include "base/log.h"
#include "node/pod_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace serin::node {

namespace {

// Pods that count: those that end or have ended are replaced already.
bool is_active(const Object& pod) {
    const std::string_view phase = pod.text("/status/phase");
    return !pod.is_being_deleted() && phase != "Succeeded" && phase != "Failed";
}

// Smaller is removed first. Kubernetes' order: not running, not ready, cheap to delete by
// annotation, ready most recently, restarted most often, created most recently.
auto usefulness(const Object& pod) {
    const auto cost = pod.annotation("controller.kubernetes.io/pod-deletion-cost").value_or("0");
    std::int64_t restarts = 0;
    if (const json::Array* all = json::array(pod.find("/status/containerStatuses"))) {
        for (const json::Value& one : *all) {
            restarts += json::integer(json::find(one, "/restartCount")).value_or(0);
        }
    }
    const auto ready_since = ready_time(pod).value_or(Instant::max());
    return std::tuple(
        pod.text("/status/phase") == "Running",
        is_ready(pod),
        std::strtol(std::string(cost).c_str(), nullptr, 10),
        -ready_since.time_since_epoch().count(),
        -restarts,
        -pod.created().value_or(Instant{}).time_since_epoch().count(),
        std::string(pod.name()));
}

Object pod_from_template(const Object& set, const std::string& name) {
    Object pod(types::pod(), set.ns(), name);
    for (const std::string_view part : {"labels", "annotations"}) {
        const auto* value = set.find(fmt::format("/spec/template/metadata/{}", part));
        if (value != nullptr) pod.put(fmt::format("/metadata/{}", part), *value);
    }
    if (const json::Value* spec = set.find("/spec/template/spec")) pod.put("/spec", *spec);
    pod.set_controller(set);
    return pod;
}

// The pods ready for minReadySeconds, and when the next one will be.
struct Availability {
    std::int64_t available = 0;
    CallAgain next;
};

Availability availability(const Object& set, const std::vector<Object>& pods, Instant now) {
    const std::chrono::seconds least(set.integer("/spec/minReadySeconds"));
    Availability seen;
    for (const Object& pod : pods) {
        if (!is_active(pod) || !is_ready(pod)) continue;
        const Instant due = ready_time(pod).value_or(now) + least;
        if (least.count() == 0 || due <= now) {
            ++seen.available;
        } else {
            seen.next = std::min(seen.next.value_or(Duration::max()), due - now);
        }
    }
    return seen;
}

json::Array conditions(const Object& set, const Result<>& creation, Instant now) {
    json::Array all;
    const json::Object* before = nullptr;
    if (const json::Array* old = json::array(set.find("/status/conditions"))) {
        for (const json::Value& condition : *old) {
            if (json::text(json::find(condition, "/type")) != "ReplicaFailure") {
                all.push_back(condition);
            } else {
                before = condition.if_object();
            }
        }
    }
    if (creation) return all;
    const json::Value* since =
        before == nullptr ? nullptr : before->if_contains("lastTransitionTime");
    all.push_back(json::Object{
        {"type", "ReplicaFailure"},
        {"status", "True"},
        {"lastTransitionTime", since == nullptr ? json::string(format_time(now)) : *since},
        {"reason", "FailedCreate"},
        {"message", creation.error().message}});
    return all;
}

bool has_labels_of_template(const Object& set, const Object& pod) {
    const json::Object* wanted = json::object(set.find("/spec/template/metadata/labels"));
    if (wanted == nullptr) return true;
    return std::ranges::all_of(*wanted, [&](const auto& label) {
        return pod.label(label.key()) == json::text(&label.value());
    });
}

}  // namespace

ReplicaSets::ReplicaSets(ObjectStore& store, const Clock& clock, EventRecorder& events)
    : store_(store), clock_(clock), events_(events) {}

std::vector<Trigger> ReplicaSets::triggers() const {
    return {
        on_change_of(types::replica_set()), on_change_of_owned(types::pod(), types::replica_set())};
}

Result<CallAgain> ReplicaSets::reconcile(const ObjectKey& key) {
    const Result<Object> set = store_.get(key);
    if (!set) {
        if (set.error().kind == ErrorKind::not_found) return CallAgain{};
        return std::unexpected(set.error());
    }
    SERIN_TRY(const std::vector<Object> pods, owned_pods(*set));

    std::vector<Object> active;
    std::ranges::copy_if(pods, std::back_inserter(active), is_active);
    const std::int64_t missing =
        set->integer("/spec/replicas", 1) - static_cast<std::int64_t>(active.size());

    Result<> creation;
    if (!set->is_being_deleted()) {
        if (missing > 0) creation = create_pods(*set, missing);
        if (missing < 0) SERIN_TRY_DO(remove_pods(*set, std::move(active), -missing));
    }
    // What was made or removed above comes back as an event; the status tells what is there now.
    SERIN_TRY(const std::vector<Object> present, owned_pods(*set));
    SERIN_TRY_DO(write_status(*set, present, creation));
    if (!creation) return std::unexpected(creation.error());
    return availability(*set, present, clock_.now()).next;
}

Result<std::vector<Object>> ReplicaSets::owned_pods(const Object& set) {
    const json::Value* written = set.find("/spec/selector");
    if (written == nullptr) return fail(ErrorKind::invalid, "spec.selector: required");
    SERIN_TRY(const LabelSelector selector, LabelSelector::read(*written));
    // An empty selector would adopt every pod of the namespace.
    if (selector.is_empty()) return fail(ErrorKind::invalid, "spec.selector: must not be empty");

    ListQuery query{
        .type = &types::pod(), .ns = std::string(set.ns()), .owner_uid = std::string(set.uid())};
    SERIN_TRY(ObjectList owned, store_.list(query));
    if (set.is_being_deleted()) return std::move(owned.items);

    query.labels = selector;
    query.owner_uid = "";
    SERIN_TRY(ObjectList orphans, store_.list(query));
    for (Object& pod : orphans.items) {
        if (!is_active(pod)) continue;
        pod.set_controller(set);
        SERIN_TRY(Object adopted, store_.update(std::move(pod)));
        owned.items.push_back(std::move(adopted));
    }
    return std::move(owned.items);
}

Result<> ReplicaSets::create_pods(const Object& set, std::int64_t count) {
    // The instant keeps names from coming back: a pod that is named in evidence stays the only one
    // of its name. A retry makes no pod too many, as it counts anew what is there.
    const std::string seed = fmt::format("{}/{}", set.uid(), format_time_precise(clock_.now()));
    for (std::int64_t made = 0, counter = 0; made < count; ++counter) {
        const std::string digest = sha256_hex(fmt::format("{}/{}", seed, counter));
        const std::string name =
            fmt::format("{}-{}", set.name(), safe_encode(digest.substr(0, 10)).substr(0, 5));
        const Result<Object> pod = store_.create(pod_from_template(set, name));
        if (pod) {
            ++made;
            events_.record(set, EventType::normal, "SuccessfulCreate", "Created pod: " + name);
            continue;
        }
        // Sixty-four names that are all taken is not chance.
        if (pod.error().kind == ErrorKind::exists && counter < count + 64) continue;
        events_.record(
            set, EventType::warning, "FailedCreate", "Error creating: " + pod.error().message);
        return std::unexpected(Error(pod.error()).within("create a pod"));
    }
    return {};
}

Result<> ReplicaSets::remove_pods(const Object& set, std::vector<Object> pods, std::int64_t count) {
    std::ranges::sort(pods, [](const Object& left, const Object& right) {
        return usefulness(left) < usefulness(right);
    });
    pods.resize(static_cast<size_t>(count));
    for (const Object& pod : pods) {
        const auto removed = store_.remove(pod.key(), {.uid = std::string(pod.uid())});
        if (!removed && removed.error().kind != ErrorKind::not_found) {
            return std::unexpected(removed.error());
        }
        events_.record(
            set, EventType::normal, "SuccessfulDelete", fmt::format("Deleted pod: {}", pod.name()));
    }
    return {};
}

Result<> ReplicaSets::write_status(
    const Object& set, const std::vector<Object>& pods, const Result<>& creation) {
    std::int64_t replicas = 0;
    std::int64_t labeled = 0;
    std::int64_t ready = 0;
    for (const Object& pod : pods) {
        if (!is_active(pod)) continue;
        ++replicas;
        if (has_labels_of_template(set, pod)) ++labeled;
        if (is_ready(pod)) ++ready;
    }
    const Instant now = clock_.now();
    json::Object status{
        {"replicas", replicas},
        {"fullyLabeledReplicas", labeled},
        {"readyReplicas", ready},
        {"availableReplicas", availability(set, pods, now).available},
        {"observedGeneration", set.generation()}};
    json::Array all_conditions = conditions(set, creation, now);
    if (!all_conditions.empty()) status["conditions"] = std::move(all_conditions);

    const json::Value* before = set.find("/status");
    if (before != nullptr && json::same(*before, status)) return {};
    Object changed = set;
    changed.put("/status", std::move(status));
    const Result<Object> written = store_.update(std::move(changed), Part::status);
    if (!written && written.error().kind != ErrorKind::not_found) {
        return std::unexpected(written.error());
    }
    return {};
}

}  // namespace serin::node
