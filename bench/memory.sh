#!/usr/bin/env bash
# Resident memory and processor time of `serin up` with idle rollouts (no pods: replicas 0).
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"

mkdir -p "$work/manifests"
resident() { awk '/VmRSS/ { print $2 }' "/proc/$serin_pid/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$serin_pid/stat"; }

rollout() { # rollout N
  cat <<MANIFEST
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop-$1}
spec:
  replicas: 0
  selector: {matchLabels: {app: shop-$1}}
  strategy:
    canary:
      stableService: shop-$1-stable
      canaryService: shop-$1-canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop-$1}}}
      steps: [{setWeight: 5}, {pause: {}}, {setWeight: 50}, {pause: {}}]
  template:
    metadata: {labels: {app: shop-$1}}
    spec: {containers: [{name: shop, image: "shop:v1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-$1-stable}
spec: {selector: {app: shop-$1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-$1-canary}
spec: {selector: {app: shop-$1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop-$1}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop-$1.example]
  rules: [{backendRefs: [{name: shop-$1-stable, port: 80, weight: 100}, {name: shop-$1-canary, port: 80, weight: 0}]}]
MANIFEST
}
sed "s/port: 8080/port: $(free_port)/" "$here/../examples/shop/manifests/1-gateway.yaml" |
  awk '/^---/ { exit } { print }' >"$work/manifests/gateway.yaml"
start_serin "$work/manifests"
sleep 3
empty=$(resident)
for ((n = 1; n <= ${COUNT:-100}; n++)); do rollout "$n"; done >"$work/manifests/rollouts.yaml"
until (($("$build/serin" get rollouts -o json | jq '[.items[] | select(.status.phase == "Healthy")] | length') == ${COUNT:-100})); do
  sleep 0.5
done
sleep 5
before=$(cpu)
sleep 10
after=$(cpu)
printf 'resident memory: %s KiB without rollouts, %s KiB with %s\n' "$empty" "$(resident)" "${COUNT:-100}"
awk -v b="$before" -v a="$after" 'BEGIN { printf "idle: %.2f %% of a core\n", (a - b) * 10 }'
