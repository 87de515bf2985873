#!/usr/bin/env bash
# rights.sh SERIN DEPLOY: what no other test does with the rights of deploy/ alone, on a real Kubernetes API: a
# workload that a Rollout refers to, labels of running pods, experiments with Services, Jobs, Secrets, and the
# removal of what has had its time. Needs what played.sh needs.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-rights-XXXXXX")
namespace=serin-rights-$$

# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
start_controller
play_pods
kubectl -n "$namespace" create secret generic token --from-literal=token=open >/dev/null
kubectl -n "$namespace" apply -f - >/dev/null <<Y
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: asks}
spec:
  args: [{name: token, valueFrom: {secretKeyRef: {name: token, key: token}}}]
  metrics:
  - name: version
    successCondition: result == "1"
    provider: {web: {url: "$url/version", jsonPath: "{\$.major}", headers: [{key: x-token, value: "{{args.token}}"}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:v1", ports: [{containerPort: 8080}]}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 2
  revisionHistoryLimit: 0
  analysis: {successfulRunHistoryLimit: 0}
  selector: {matchLabels: {app: shop}}
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: shop, scaleDown: onsuccess}
  strategy:
    canary:
      canaryMetadata: {labels: {side: canary}}
      stableMetadata: {labels: {side: stable}}
      steps:
      - setWeight: 50
      - experiment:
          templates: [{name: arm, specRef: canary, replicas: 1, service: {name: arm}}]
          analyses: [{name: asks, templateName: asks, requiredForCompletion: true}]
      - pause: {}
Y
kubectl -n "$namespace" get services -o name --watch >"$dir/services" &
pids[services]=$!
none() { [[ -z $(kubectl -n "$namespace" get "$@" -o name) ]]; }
some() { ! none "$@"; }

# --- The first version replaces the Deployment's pods.
within 60 "v1 is not there" is rollout/shop .status.phase Healthy
within 30 "the Deployment keeps its pods" is deployment/shop .spec.replicas 0
first=$(field rollout/shop .status.stableRS)
kubectl -n "$namespace" set image deployment/shop shop=shop:v2 >/dev/null

# --- An experiment with a Service and an analysis with a Secret; then pods change sides.
within 90 "v2 does not pause" is rollout/shop .status.currentStepIndex 2
grep -qx service/arm "$dir/services" || fail "the experiment had no Service"
within 60 "the experiment stays" none experiments
within 60 "the Service of the experiment stays" none service arm --ignore-not-found
within 30 "no pod of the canary is called so" some pods -l side=canary
"$serin" --server "$url" -n "$namespace" promote shop >/dev/null || fail "promote"
within 90 "v2 is not promoted" is rollout/shop .status.phase Healthy
within 30 "pods of v2 are still called canary" none pods -l side=canary
within 60 "the first revision stays" none replicasets -l "rollouts-pod-template-hash=$first"

# --- One that is aborted ends its experiment.
kubectl -n "$namespace" patch rollout shop --type merge -p '{"spec": {"strategy": {"canary": {"steps": [{"experiment":
  {"templates": [{"name": "arm", "specRef": "canary", "replicas": 1, "service": {"name": "arm"}}]}}]}}}}' >/dev/null
kubectl -n "$namespace" set image deployment/shop shop=shop:v3 >/dev/null
within 60 "the experiment of v3 has no Service" some service arm --ignore-not-found
"$serin" --server "$url" -n "$namespace" abort shop >/dev/null || fail "abort"
within 60 "v3 is not aborted" is rollout/shop .status.phase Degraded
within 60 "the Service of the experiment of v3 stays" none service arm --ignore-not-found

# --- Jobs are made, and removed with the measurement; runs go after their time.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: AnalysisRun
metadata: {name: by-job}
spec:
  ttlStrategy: {secondsAfterCompletion: 1}
  metrics:
  - name: job
    provider: {job: {spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: check, image: "check:v1"}]}}}}}
Y
within 60 "no Job" some jobs
kubectl -n "$namespace" patch analysisrun by-job --type merge -p '{"spec": {"terminate": true}}' >/dev/null
within 60 "the Job stays" none jobs
within 60 "the run stays" none analysisrun by-job --ignore-not-found

no_right_was_missing
echo 'the shipped rights are enough for workloads, experiments, Jobs and Secrets'
