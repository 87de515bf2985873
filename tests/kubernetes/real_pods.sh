#!/usr/bin/env bash
# real_pods.sh SERIN SHOP LOAD DEPLOY: releases of real pods by what `kubectl apply -k deploy/` installs: two
# controllers in pods, with the rights and the limits that they are shipped with. Runs beside a node
# (run.sh --node), whose folder is in SERIN_TEST_NODE. Needs KUBECONFIG.
set -euo pipefail
serin=$1 shop=$2 load=$3 deploy=$4
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-real-pods-XXXXXX")
namespace=shop
# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

# shellcheck source=tests/kubernetes/shipped.sh
source "$here/shipped.sh"

image v1
image v2
image v3
image broken SHOP_WARM_UP_MS=3600000
install_serin "$deploy"
echo "two controllers, $(leader) leads"

as_user() { "$serin" --context admin -n "$namespace" "$@" >/dev/null || fail "serin $*"; }

# --- A canary by replicas, judged by Jobs of the cluster.
kubectl create namespace "$namespace" >/dev/null
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: answers}
spec:
  args: [{name: command}]
  metrics:
  - name: job
    provider:
      job:
        spec:
          backoffLimit: 0
          template:
            spec:
              restartPolicy: Never
              containers: [{name: check, image: "serin:0.1.0", args: ["{{args.command}}"]}]
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: shop
        image: shop:v1
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      steps:
      - setWeight: 25
      - analysis: {templates: [{templateName: answers}], args: [{name: command, value: version}]}
      - setWeight: 50
      - pause: {}
Y
serving() { # serving IMAGE COUNT: so many ready pods run the image
  [[ $(kubectl -n "$namespace" get pods -o json | jq --arg image "$1" '[.items[] | select(.metadata.deletionTimestamp == null
      and .spec.containers[0].image == $image and any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length') == "$2" ]]
}
within 90 "v1 is not there" phase shop Healthy
serving shop:v1 4 || fail "v1 does not serve"
set_image shop shop:v2
within 120 "v2 does not reach its pause" phase shop Paused
within 30 "v2 does not serve" serving shop:v2 2
[[ $(kubectl -n "$namespace" get jobs -o json | jq '[.items[] | select(.status.succeeded == 1)] | length') == 1 ]] ||
  fail "no Job of the analysis succeeded"
echo 'v2 paused at 50 %, a Job said yes'

# --- The leader dies in mid-release: nothing moves, and the other goes on.
before=$(generations)
dead=$(leader)
kubectl -n serin-system delete pod "$dead" --grace-period=0 --force >/dev/null 2>&1
took_over() { local now; now=$(leader); [[ -n $now && $now != "$dead" ]]; }
within 60 "nobody takes over from $dead" took_over
[[ $before == "$(generations)" ]] || fail "the change of leaders moved something"
phase shop Paused || fail "the pause was lost"
as_user promote shop
within 120 "v2 is not promoted" phase shop Healthy
within 30 "v2 does not serve alone" serving shop:v2 4
within 60 "v1 goes on" serving shop:v1 0
echo "$(leader) took over from $dead and promoted v2"

# --- A Job that fails takes the release back; a version that never gets ready is taken back by a person.
kubectl -n "$namespace" patch rollout shop --type json \
  -p '[{"op": "replace", "path": "/spec/strategy/canary/steps/1/analysis/args/0/value", "value": "no-such-command"}]' >/dev/null
set_image shop shop:v3
within 120 "a failed Job does not take v3 back" phase shop Degraded
within 60 "v3 goes on" serving shop:v3 0
within 60 "v2 does not serve alone" serving shop:v2 4
message=$(field rollout/shop .status.message)
[[ $message == *job* ]] || fail "the reason is not told: $message"
set_image shop shop:broken
within 60 "the broken version gets no pod" is rollout/shop .status.updatedReplicas 1
as_user abort shop
within 60 "the broken version stays" gone shop shop:broken
within 30 "v2 does not serve alone" serving shop:v2 4
set_image shop shop:v2
within 60 "going back is not Healthy" phase shop Healthy
echo 'v3 was taken back by its Job, a broken version by a person'

# --- Blue-green over Services of the cluster, under load: the switch loses nothing.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: Service
metadata: {name: blue-active}
spec: {selector: {app: blue}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: blue-preview}
spec: {selector: {app: blue}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: blue}
spec:
  replicas: 2
  selector: {matchLabels: {app: blue}}
  template:
    metadata: {labels: {app: blue}}
    spec:
      containers:
      - name: shop
        image: shop:v1
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
  strategy:
    blueGreen: {activeService: blue-active, previewService: blue-preview, scaleDownDelaySeconds: 10}
Y
within 90 "blue is not there" phase blue Healthy
url=http://$(field service/blue-active .spec.clusterIP)
answers_as() { [[ $(curl -fsS "$url/version") == "{\"version\":\"$1\"}" ]]; }
within 30 "blue-active does not answer" answers_as v1
"$load" run --url "$url" --rate 100 --log "$dir/requests.log" >"$dir/load.txt" 2>&1 &
pids[load]=$!
set_image blue shop:v2
within 90 "the switch is not made" answers_as v2

# --- The API server dies and comes back: the release ends as it would have.
"$here/cluster.sh" restart-api "$SERIN_TEST_NODE"
within 120 "the switch does not end" phase blue Healthy
within 90 "the old pods stay" gone blue shop:v1
kill "${pids[load]}"
wait "${pids[load]}" || true
unset 'pids[load]'
counts=$("$load" report --log "$dir/requests.log" --candidate v2)
jq -e '.requests_lost == 0 and .canary_failures == 0 and .requests_canary > 0 and .requests_canary < .requests_total' \
  <<<"$counts" >/dev/null || fail "requests were lost: $counts"
jq -r '"blue-green: \(.requests_total) requests, \(.requests_canary) to v2, 0 lost, over a restart of the API server"' <<<"$counts"

no_right_was_missing
echo 'releases of real pods go through, are taken back, and survive their controller and the API server'
