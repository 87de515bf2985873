#include "control/rollout_index.h"

#include "manifest/argo/workload.h"

namespace serin::control {

namespace {

std::set<ObjectKey> named_by(
    const Object& rollout, const argo::Lowered& lowered, const TrafficRouter& router) {
    std::set<ObjectKey> named;
    for (const std::string& service : {lowered.stable_service, lowered.candidate_service}) {
        if (!service.empty()) named.insert({&types::service(), std::string(rollout.ns()), service});
    }
    if (lowered.route) {
        if (auto objects = router.objects(*lowered.route)) {
            named.insert(objects->begin(), objects->end());
        }
    }
    if (auto workload = argo::workload_of(rollout)) named.insert(*std::move(workload));
    return named;
}

}  // namespace

bool RolloutIndex::is_known(const Object& rollout) const {
    const auto known = rollouts_.find(rollout.key());
    return known != rollouts_.end() && known->second.uid == rollout.uid() &&
           known->second.generation == rollout.generation();
}

void RolloutIndex::see(const Object& rollout) {
    if (!is_known(rollout)) see(rollout, argo::lower(rollout));
}

void RolloutIndex::see(const Object& rollout, const argo::Lowered& lowered) {
    if (is_known(rollout)) return;
    const ObjectKey key = rollout.key();
    Known& known = rollouts_[key];
    known.uid = rollout.uid();
    known.generation = rollout.generation();
    std::set<ObjectKey> named = named_by(rollout, lowered, router_);
    if (named == known.named) return;
    unlink(key, known);
    for (const ObjectKey& one : named) naming_[one].insert(key);
    known.named = std::move(named);
}

void RolloutIndex::forget(const ObjectKey& rollout) {
    const auto known = rollouts_.find(rollout);
    if (known == rollouts_.end()) return;
    unlink(rollout, known->second);
    rollouts_.erase(known);
}

void RolloutIndex::unlink(const ObjectKey& rollout, const Known& known) {
    for (const ObjectKey& one : known.named) {
        const auto naming = naming_.find(one);
        naming->second.erase(rollout);
        if (naming->second.empty()) naming_.erase(naming);
    }
}

std::vector<ObjectKey> RolloutIndex::naming(const ObjectKey& object) const {
    const auto found = naming_.find(object);
    if (found == naming_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

}  // namespace serin::control
