#!/usr/bin/env bash
# adopt.sh SERIN DEPLOY: a release that Argo's controller left half way, on a real Kubernetes API, which
# fills in what the manifest leaves out: `serin adopt --plan` sees nothing to do, `serin controller` does
# nothing, a person goes on, and `serin eject` hands back. Needs KUBECONFIG and nobody who looks after
# Rollouts. Pods are played by pods.sh.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-adopt-XXXXXX")
namespace=serin-adopt-$$
# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
tell_more() {
  cat "$dir/plan" 2>/dev/null || true
  kubectl -n "$namespace" get rollout,replicaset -o wide 2>&1 | head -20 || true
  kubectl -n "$namespace" get rollout shop -o jsonpath='{.status}' || true
  tail -n 15 "$dir"/controller.log || true
}
also_finish() { kubectl delete namespace argo-rollouts --wait=false >/dev/null 2>&1 || true; }

plan() { # plan EXPECTED-CODE
  local code=0
  "$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" adopt --plan >"$dir/plan" 2>&1 || code=$?
  [[ $code == "$1" ]] || fail "adopt --plan ends with $code"
}

prepare
kubectl create namespace argo-rollouts >/dev/null
play_pods

# --- What Argo's controller leaves: half way, by replicas, in a pause.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, annotations: {rollout.argoproj.io/revision: "2"}}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: shop:v2
          ports: [{containerPort: 8080}]
          resources: {limits: {cpu: 1000m, memory: 1024Mi}}
          readinessProbe: {httpGet: {port: 8080}}
          env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
      volumes: [{name: scratch, emptyDir: {}}]
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      steps: [{setWeight: 50}, {pause: {}}, {setWeight: 75}, {pause: {duration: 1}}]
Y
uid=$(field rollout/shop .metadata.uid)
make_set() { # make_set HASH IMAGE NUMBER
  kubectl -n "$namespace" get rollout shop -o json | jq --arg hash "$1" --arg image "$2" --arg number "$3" --arg uid "$uid" '
    {apiVersion: "apps/v1", kind: "ReplicaSet",
     metadata: {name: ("shop-" + $hash), labels: {app: "shop", "rollouts-pod-template-hash": $hash},
       annotations: {"rollout.argoproj.io/revision": $number, "rollout.argoproj.io/desired-replicas": "4"},
       ownerReferences: [{apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "shop", uid: $uid,
         controller: true, blockOwnerDeletion: true}]},
     spec: {replicas: 2, selector: {matchLabels: {app: "shop", "rollouts-pod-template-hash": $hash}},
       template: (.spec.template | .metadata.labels["rollouts-pod-template-hash"] = $hash
         | .spec.containers[0].image = $image)}}' | kubectl -n "$namespace" apply -f - >/dev/null
}
make_set 789746c88d shop:v1 1
make_set 687d76d795 shop:v2 2
for set in shop-789746c88d shop-687d76d795; do
  within 60 "no pods of $set" is "replicaset/$set" .status.availableReplicas 2
done
kubectl -n "$namespace" patch rollout shop --subresource=status --type merge -p '{"status": {
  "HPAReplicas": 4, "availableReplicas": 4, "blueGreen": {}, "canary": {}, "controllerPause": true,
  "currentPodHash": "687d76d795", "currentStepHash": "another", "currentStepIndex": 1,
  "message": "CanaryPauseStep", "phase": "Paused", "observedGeneration": "1",
  "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-03-01T11:00:00Z"}],
  "readyReplicas": 4, "replicas": 4, "selector": "app=shop", "stableRS": "789746c88d",
  "updatedReplicas": 2, "conditions": [
    {"type": "Available", "status": "True", "reason": "AvailableReason", "message": "available",
     "lastUpdateTime": "2026-03-01T11:00:00Z", "lastTransitionTime": "2026-03-01T11:00:00Z"},
    {"type": "Progressing", "status": "Unknown", "reason": "RolloutPaused", "message": "Rollout is paused",
     "lastUpdateTime": "2026-03-01T11:00:00Z", "lastTransitionTime": "2026-03-01T11:00:00Z"}]}}' >/dev/null

# --- Nothing would change, and the plan tells whom to stop first.
kubectl -n argo-rollouts create deployment argo-rollouts --image=argo:v1 --dry-run=client -o json |
  jq '.metadata.labels["app.kubernetes.io/name"] = "argo-rollouts"' | kubectl apply -f - >/dev/null
before=$(kubectl -n "$namespace" get rollout shop -o jsonpath='{.metadata.resourceVersion}')
plan 0
grep -q 'nothing changes' "$dir/plan" || fail "the plan"
grep -q 'scale deployment/argo-rollouts --replicas=0' "$dir/plan" || fail "the plan does not warn of Argo"
[[ $(field rollout/shop .metadata.resourceVersion) == "$before" ]] || fail "the plan wrote"
code=0
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" adopt >"$dir/adopt" || code=$?
[[ $code == 1 ]] || fail "adopt ends with $code: $(cat "$dir/adopt")"
grep -q '^2. Argo' "$dir/adopt" || fail "adopt: $(cat "$dir/adopt")"
kubectl -n argo-rollouts delete deployment argo-rollouts >/dev/null

# --- The controller takes over and asks the cluster for nothing.
sets=$(generations)
pods=$(kubectl -n "$namespace" get pods -o json | jq -c '[.items[].metadata.uid] | sort')
start_controller
took_over() { [[ $(field rollout/shop .status.currentStepHash) != another ]]; }
within 60 "no turn" took_over
sleep 2
[[ $(generations) == "$sets" ]] || fail "ReplicaSets changed from $sets to $(generations)"
[[ $(kubectl -n "$namespace" get pods -o json | jq -c '[.items[].metadata.uid] | sort') == "$pods" ]] || fail "other pods"
is rollout/shop .status.phase Paused || fail "the pause is lost"
is rollout/shop .status.currentStepIndex 1 || fail "another step"
is rollout/shop .status.currentPodHash 687d76d795 || fail "another revision"
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" adopt >"$dir/adopt" || fail "adopt: $(cat "$dir/adopt")"

# --- Back in mid-release: these steps Argo knows by their hash. Not while Serin leads.
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" eject --plan >"$dir/plan" || fail "eject --plan"
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" eject >"$dir/plan" && fail "ejected while Serin leads"

# --- And on to the end.
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" promote shop >/dev/null
within 90 "v2 is not promoted" is rollout/shop .status.phase Healthy
within 60 "v2 has not all replicas" is replicaset/shop-687d76d795 .status.availableReplicas 4
end controller
"$serin" --kubeconfig "$KUBECONFIG" -n "$namespace" eject >"$dir/plan" || fail "eject"
[[ -z $(field rollout/shop .status.serin) ]] || fail "status.serin is left"
is rollout/shop .status.phase Healthy || fail "eject changed the phase"
no_right_was_missing
echo 'a release of Argo goes on where it stood, and goes back'
