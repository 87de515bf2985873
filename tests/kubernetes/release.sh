#!/usr/bin/env bash
# release.sh SERIN DEPLOY: releases on a real Kubernetes API, by `serin controller` with no more rights
# than deploy/ gives it. Needs KUBECONFIG, a user who may do anything, and no other controller of
# Rollouts. Pods are played by pods.sh.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-release-XXXXXX")
namespace=serin-release-$$
# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
phase_is() { is rollout/shop .status.phase "$1"; }

# --- The controller, as the ServiceAccount that deploy/ makes.
run_controller controller-first
within 20 "it leads and is not ready" curl -fs "$controller/readyz"
play_pods

# --- The first version is there at once, the second waits half way.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers: [{name: shop, image: "shop:v1", ports: [{containerPort: 8080}]}]
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      steps: [{setWeight: 50}, {pause: {}}, {setWeight: 75}, {pause: {duration: 1}}]
Y
within 60 "v1 is not there" phase_is Healthy
runs shop shop:v1 4 || fail "v1 has $(replicas_of shop shop:v1)"
[[ $(kubectl -n "$namespace" get rollout shop -o jsonpath='{.status.replicas}') == 4 ]] || fail "status.replicas"

# --- From here to the end of the second version all that changes is noted, and all writes are counted.
for what in "argoproj.io/v1alpha1/namespaces/$namespace/rollouts" "apps/v1/namespaces/$namespace/replicasets"; do
  curl -sN "$url/apis/$what?watch=true" >"$dir/changes-${what##*/}" &
  pids[${what##*/}]=$!
  within 20 "no watch" test -s "$dir/changes-${what##*/}"
done
written() { # The API server's own count. Kubernetes' parts do not speak JSON, everybody here does.
  kubectl get --raw /metrics | awk -v what="[{,]resource=\"$1\"" '/^apiserver_request_total/ && /code="200"/ && $0 ~ what &&
    /contentType="application\/json/ && /verb="(PUT|PATCH|APPLY)"/ { sum += $NF } END { printf "%d", sum }'
}
rollouts_before=$(written rollouts) sets_before=$(written replicasets)

set_image shop shop:v2
within 60 "v2 does not pause" phase_is Paused
within 20 "v2 has $(replicas_of shop shop:v2)" runs shop shop:v2 2
within 20 "v1 has $(replicas_of shop shop:v1)" runs shop shop:v1 2

# --- Killed in mid-release: another takes over where it was, and moves nothing.
before=$(generations)
end controller-first KILL || true
run_controller controller-second
sleep 2
after=$(generations)
[[ $before == "$after" ]] || fail "the successor changed $before to $after"
phase_is Paused || fail "the successor lost the pause"

"$serin" --server "$url" -n "$namespace" promote shop >/dev/null || fail "serin promote through a proxy"
within 90 "v2 is not promoted" phase_is Healthy
within 20 "v2 has $(replicas_of shop shop:v2)" runs shop shop:v2 4
within 20 "v1 has $(replicas_of shop shop:v1)" runs shop shop:v1 0

# --- Each write has changed something: what changes nothing, the API server does not tell.
sleep 1
writes=$(($(written rollouts) - rollouts_before))
changes=$(jq -s 'map(select(.type == "MODIFIED")) | length' "$dir/changes-rollouts")
((writes > 0 && writes == changes)) || fail "$writes writes for $changes changes of the Rollout"
# What a ReplicaSet's status says is written by Kubernetes.
writes=$(($(written replicasets) - sets_before))
changes=$(jq -s 'group_by(.object.metadata.name) | map(map(.object.metadata | [.generation, .annotations, .labels]) |
  [range(1; length) as $i | select(.[$i] != .[$i - 1])] | length) | add' "$dir/changes-replicasets")
((writes > 0 && writes == changes)) || fail "$writes writes for $changes changes of ReplicaSets"

# --- One that never becomes ready is taken back by a person.
set_image shop shop:broken
within 60 "the broken version gets no pods" is rollout/shop .status.updatedReplicas 1
ln -s "$serin" "$dir/kubectl-serin"
PATH=$dir:$PATH kubectl serin -n "$namespace" abort shop >/dev/null || fail "kubectl serin abort"
within 60 "the abort does not end" phase_is Degraded
within 60 "the broken version has $(replicas_of shop shop:broken)" runs shop shop:broken 0
within 60 "v2 has $(replicas_of shop shop:v2)" runs shop shop:v2 4
set_image shop shop:v2
within 60 "going back is not Healthy" phase_is Healthy
kubectl -n "$namespace" get events -o json | jq -e '[.items[].reason] | index("RolloutAborted")' >/dev/null ||
  fail "no event tells of the abort"

# A cluster fills in defaults: what it made of a template must not look like another version.
versions=$(kubectl -n "$namespace" get replicasets -o json | jq '.items | length')
[[ $versions == 3 ]] || fail "$versions ReplicaSets for 3 versions"

# --- At rest nothing is asked and nothing is written, but the lease.
end pods || true
sleep 3
first=$(requests '^$')
sleep 10
second=$(requests '^$')
((first > 0)) || fail "nothing is counted"
((second - first == 0)) || fail "$((second - first)) requests in 10 s at rest"
curl -fs "$controller/metrics" | grep -q '^serin_leader 1$' || fail "metrics"

# --- Leaving gives the lease back.
end controller-second || fail "the controller ends with $?: $(tail -3 "$dir/controller-second.log")"
[[ -z $(kubectl -n serin-system get lease serin-controller -o jsonpath='{.spec.holderIdentity}') ]] ||
  fail "the lease is kept"
no_right_was_missing
echo 'releases go through, are taken back and survive their controller'
