#!/usr/bin/env bash
# scale.sh SERIN DEPLOY: autoscalers beside releases on a real Kubernetes API: Kubernetes' own
# HorizontalPodAutoscaler (which needs no metrics to keep to its bounds), `kubectl scale`, and whoever
# changes resources. A scale event moves no weight and starts nothing again.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-scale-XXXXXX")
namespace=serin-scale-$$

# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
start_controller
play_pods

# The subresource, as autoscalers read it.
scale_of() { kubectl get --raw "/apis/argoproj.io/v1alpha1/namespaces/$namespace/rollouts/$1/scale" | jq -c '[.spec.replicas, .status.replicas, .status.selector]'; }
scale_is() { [[ $(scale_of "$1") == "$2" ]]; }
condition_is() { [[ $(kubectl -n "$namespace" get --raw "/apis/autoscaling/$autoscaling/namespaces/$namespace/horizontalpodautoscalers/$1" |
  jq -r --arg type "$2" '.status.conditions[]? | select(.type == $type) | "\(.status) \(.reason)"') == "$3" ]]; }
# Where the release is, and everything that would show that it began anew.
stand() {
  kubectl -n "$namespace" get rollout "$1" -o json | jq -c '[.status.phase, .status.currentStepIndex, .status.currentPodHash,
    .status.stableRS, .status.pauseConditions, .status.canary, .metadata.annotations["rollout.argoproj.io/revision"]]'
  kubectl -n "$namespace" get analysisruns -l "app=$1" -o json | jq -c '[.items[] | [.metadata.uid, .status.phase]] | sort'
}
autoscaling=v2
kubectl api-versions | grep -qx autoscaling/v2 || autoscaling=v2beta2

# --- A canary behind a router, with an analysis beside its steps.
apply_services shop shop-stable shop-canary
kubectl -n "$namespace" apply -f - >/dev/null <<Y
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop-stable, port: {number: 80}}}}]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: forever}
spec:
  metrics:
  - {name: version, interval: 2s, successCondition: result == "1", provider: {web: {url: "$url/version", jsonPath: "{\$.major}"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 10
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:v1"}]}
  strategy:
    canary:
      stableService: shop-stable
      canaryService: shop-canary
      analysis: {templates: [{templateName: forever}]}
      trafficRouting: {nginx: {stableIngress: web}}
      steps: [{setWeight: 20}, {pause: {}}, {setWeight: 50}, {pause: {}}]
Y
within 60 'v1 is not there' is rollout/shop .status.phase Healthy
within 30 "the scale of v1 is $(scale_of shop)" scale_is shop '[10,10,"app=shop"]'
set_image shop shop:v2
within 60 'v2 does not pause' is rollout/shop .status.phase Paused
within 30 'v2 has no 2 replicas' runs shop shop:v2 2
within 30 'the run does not begin' test -n "$(kubectl -n "$namespace" get analysisruns -o name)"
# All pods, those of both sides, are what an autoscaler divides the load by.
within 30 "the scale is $(scale_of shop)" scale_is shop '[10,12,"app=shop"]'
canary=$(kubectl -n "$namespace" get ingress -o name | grep canary)
before=$(stand shop)
version=$(field "$canary" .metadata.resourceVersion)

unmoved() { # unmoved WHAT
  sleep 2
  [[ $(field "$canary" .metadata.resourceVersion) == "$version" ]] || fail "$1: the split was written"
  [[ $(stand shop) == "$before" ]] || fail "$1: from $before to $(stand shop)"
}

# As kubectl and as an autoscaler: by the subresource.
kubectl -n "$namespace" scale rollout shop --replicas=20 >/dev/null
within 60 "stable is $(replicas_of shop shop:v1)" runs shop shop:v1 20
within 60 "the canary is $(replicas_of shop shop:v2)" runs shop shop:v2 4
within 30 "the scale is $(scale_of shop)" scale_is shop '[20,24,"app=shop"]'
unmoved 'kubectl scale up'
kubectl -n "$namespace" scale rollout shop --current-replicas=20 --replicas=5 >/dev/null
within 60 "stable is $(replicas_of shop shop:v1)" runs shop shop:v1 5
within 60 "the canary is $(replicas_of shop shop:v2)" runs shop shop:v2 1
unmoved 'kubectl scale down'

# Kubernetes' own autoscaler finds pods by the selector, lacks metrics, and keeps to its bounds.
kubectl -n "$namespace" autoscale rollout shop --min=8 --max=12 --cpu-percent=80 >/dev/null
within 60 'the autoscaler does not raise to its minimum' is rollout/shop .spec.replicas 8
within 60 "stable is $(replicas_of shop shop:v1)" runs shop shop:v1 8
within 60 "the canary is $(replicas_of shop shop:v2)" runs shop shop:v2 2
within 60 'the autoscaler cannot scale' condition_is shop AbleToScale 'True SucceededGetScale'
within 60 'the autoscaler does not ask for metrics of the pods' condition_is shop ScalingActive 'False FailedGetResourceMetric'
unmoved 'the autoscaler raises'
kubectl -n "$namespace" patch hpa shop --type merge -p '{"spec": {"minReplicas": 2, "maxReplicas": 4}}' >/dev/null
within 60 'the autoscaler does not lower to its maximum' is rollout/shop .spec.replicas 4
within 60 "stable is $(replicas_of shop shop:v1)" runs shop shop:v1 4
unmoved 'the autoscaler lowers'

# The release goes on from its step, at the size of now.
"$serin" --server "$url" -n "$namespace" promote shop >/dev/null || fail "serin promote"
within 60 'the second pause does not come' is rollout/shop .status.currentStepIndex 3
within 60 "the canary is $(replicas_of shop shop:v2)" runs shop shop:v2 2
[[ $(kubectl -n "$namespace" get "$canary" -o json | jq -r '.metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"]') == 50 ]] ||
  fail "the split of the next step"

# --- Whoever writes other resources into the template starts a release, as with any other line of it.
kubectl -n "$namespace" patch rollout shop --type json -p '[{"op": "add", "path": "/spec/template/spec/containers/0/resources",
  "value": {"requests": {"memory": "64Mi"}}}]' >/dev/null
within 60 'no third revision' is rollout/shop '.metadata.annotations.rollout\.argoproj\.io/revision' 3
within 60 'the third revision does not begin at the first step' is rollout/shop .status.currentStepIndex 1
runs shop shop:v1 4 || fail "stable has $(replicas_of shop shop:v1)"
kubectl -n "$namespace" delete hpa shop >/dev/null

# --- Blue-green: what is active is what is scaled and counted.
apply_till
within 60 'the till is not there' is rollout/till .status.phase Healthy
active=$(field rollout/till .status.stableRS)
set_image till till:v2
within 60 'no preview' is rollout/till .status.phase Paused
within 60 "the scale is $(scale_of till)" scale_is till "[2,2,\"app=till,rollouts-pod-template-hash=$active\"]"
before=$(stand till)
kubectl -n "$namespace" scale rollout till --replicas=4 >/dev/null
within 60 "the active side is $(replicas_of till till:v1)" runs till till:v1 4
within 60 "the preview is $(replicas_of till till:v2)" runs till till:v2 4
within 60 "the scale is $(scale_of till)" scale_is till "[4,4,\"app=till,rollouts-pod-template-hash=$active\"]"
[[ $(stand till) == "$before" ]] || fail "scaled blue-green: from $before to $(stand till)"
is service/till '.spec.selector.rollouts-pod-template-hash' "$active" || fail "the Service was moved"
"$serin" --server "$url" -n "$namespace" promote till >/dev/null || fail "serin promote till"
within 60 'no switch' is rollout/till .status.phase Healthy
promoted=$(field rollout/till .status.stableRS)
within 60 "the scale is $(scale_of till)" scale_is till "[4,4,\"app=till,rollouts-pod-template-hash=$promoted\"]"

no_right_was_missing
echo 'autoscalers scale, and nothing else'
