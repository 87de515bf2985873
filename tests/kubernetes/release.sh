#!/usr/bin/env bash
# release.sh SERIN DEPLOY: releases on a real Kubernetes API, by `serin controller` with no more rights
# than deploy/ gives it. Needs KUBECONFIG, a user who may do anything, and no other controller of
# Rollouts. Pods are played by pods.sh.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-release-XXXXXX")
namespace=serin-release-$$
declare -A pids=()

# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

tell_more() {
  kubectl -n "$namespace" get rollout,replicaset -o wide 2>&1 | head -20 || true
  kubectl -n "$namespace" get rollout shop -o jsonpath='{.status}' || true
  printf '\n'
  tail -n 15 "$dir"/controller*.log
}

end() { # end NAME [SIGNAL]
  [[ -n ${pids[$1]:-} ]] || return 0
  kill "-${2:-TERM}" "${pids[$1]}" 2>/dev/null || true
  wait "${pids[$1]}" 2>/dev/null
}

finish() {
  local name
  for name in "${!pids[@]}"; do end "$name" || true; done
  kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

phase_is() { is rollout/shop .status.phase "$1"; }
# Replicas of the revision with this image, as asked for.
replicas_of() {
  kubectl -n "$namespace" get replicasets -o json | jq -r --arg image "$1" \
    '[.items[] | select(.spec.template.spec.containers[0].image == $image)] | .[0] | "\(.spec.replicas)/\(.status.readyReplicas // 0)"'
}
runs() { [[ $(replicas_of "$1") == "$2/$2" ]]; }

# --- The controller, as the ServiceAccount that deploy/ makes.
kubectl apply -f "$deploy/crds" >/dev/null
kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
kubectl apply -f "$deploy/namespace.yaml" -f "$deploy/rbac.yaml" >/dev/null
kubectl create namespace "$namespace" >/dev/null
# Only the cluster and the token: whoever has more rights must not lend them.
kubectl config view --raw --minify --flatten -o json | jq --arg token "$(kubectl -n serin-system create token serin-controller)" \
  '.users[0].user = {token: $token}' >"$dir/kubeconfig"
chmod 600 "$dir/kubeconfig"

start_controller() { # start_controller NAME
  local log=$dir/controller-$1.log
  KUBECONFIG='' "$serin" controller --kubeconfig "$dir/kubeconfig" --state "$dir/state-$1" --port 0 \
    --namespaces "$namespace" --lease-namespace serin-system --identity "$1" >"$log" 2>&1 &
  pids[$1]=$!
  within 30 "controller $1 does not start" grep -q ' started ' "$log"
  port=$(sed -n 's/.* started .*port=\([0-9]*\).*/\1/p' "$log" | tail -1)
}
start_controller first
within 60 "not ready" curl -fs "http://127.0.0.1:$port/readyz"
within 40 "not leading" grep -q ' leading ' "$dir/controller-first.log"

kubectl proxy --port=0 >"$dir/proxy.log" 2>&1 &
pids[proxy]=$!
within 20 "no proxy" grep -q 'Starting to serve' "$dir/proxy.log"
url=http://$(sed -n 's/.*serve on //p' "$dir/proxy.log")
"$here/pods.sh" "$url" "$namespace" >"$dir/pods.log" 2>&1 &
pids[pods]=$!

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
runs shop:v1 4 || fail "v1 has $(replicas_of shop:v1)"
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
within 20 "v2 has $(replicas_of shop:v2)" runs shop:v2 2
within 20 "v1 has $(replicas_of shop:v1)" runs shop:v1 2

# --- Killed in mid-release: another takes over where it was, and moves nothing.
before=$(generations)
end first KILL || true
start_controller second
within 60 "no successor" grep -q ' leading ' "$dir/controller-second.log"
sleep 2
after=$(generations)
[[ $before == "$after" ]] || fail "the successor changed $before to $after"
phase_is Paused || fail "the successor lost the pause"

"$serin" --server "$url" -n "$namespace" promote shop >/dev/null || fail "serin promote through a proxy"
within 90 "v2 is not promoted" phase_is Healthy
within 20 "v2 has $(replicas_of shop:v2)" runs shop:v2 4
within 20 "v1 has $(replicas_of shop:v1)" runs shop:v1 0

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
within 60 "the broken version has $(replicas_of shop:broken)" runs shop:broken 0
within 60 "v2 has $(replicas_of shop:v2)" runs shop:v2 4
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
curl -fs "http://127.0.0.1:$port/metrics" | grep -q '^serin_leader 1$' || fail "metrics"

# --- Leaving gives the lease back.
end second || fail "the controller ends with $?: $(tail -3 "$dir/controller-second.log")"
[[ -z $(kubectl -n serin-system get lease serin-controller -o jsonpath='{.spec.holderIdentity}') ]] ||
  fail "the lease is kept"
no_right_is_missing < <(cat "$dir"/controller*.log)
echo 'releases go through, are taken back and survive their controller'
