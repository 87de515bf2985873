#pragma once

#include <string>
#include <string_view>

namespace serin::control {

// How the objects of a release are labelled and told of, where kinds of releases differ: Rollouts
// as Argo's clients know them, Deployments as kubectl does.
struct ReleaseDialect {
    std::string_view label_hash;  // Of a revision's ReplicaSet and its pods.
    // Annotations of ReplicaSets, and of the release itself.
    std::string_view annotation_revision;
    std::string_view annotation_revision_history;
    std::string_view annotation_sized_for;
    // Whether the stages of a release are Events too; sizes always are.
    bool has_news = true;
    // "Scaled up ReplicaSet shop-7d (revision 2) from 0 to 3".
    std::string (*scaled)(const std::string& group, int number, int from, int to);
};

const ReleaseDialect& rollout_dialect();
const ReleaseDialect& deployment_dialect();

}  // namespace serin::control
