#!/usr/bin/env bash
# routers.sh SERIN DEPLOY: releases whose traffic is split by objects of ingress controllers and meshes, on
# a real Kubernetes API, by `serin controller` with no more rights than deploy/ gives it. The kinds of
# Istio come while the controller runs. Needs what release.sh needs.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-routers-XXXXXX")
namespace=serin-routers-$$
declare -A pids=()

# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

tell_more() {
  kubectl -n "$namespace" get rollout,ingress -o wide 2>&1 | head -20 || true
  kubectl -n "$namespace" get rollouts -o jsonpath='{.items[*].status.message}' || true
  printf '\n'
  tail -n 15 "$dir/controller.log"
}

finish() {
  local name
  for name in "${!pids[@]}"; do
    kill "${pids[$name]}" 2>/dev/null || true
    wait "${pids[$name]}" 2>/dev/null || true
  done
  kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  kubectl delete -f "$dir/crds.yaml" --wait=false >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

rollout() { # rollout NAME ROUTING: with services of its own.
  kubectl -n "$namespace" apply -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: $1-stable}
spec: {selector: {app: $1}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: $1-canary}
spec: {selector: {app: $1}, ports: [{port: 80}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: $1}
spec:
  replicas: 2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      containers: [{name: shop, image: "shop:v1", ports: [{containerPort: 8080}]}]
  strategy:
    canary:
      stableService: $1-stable
      canaryService: $1-canary
      steps: [{setWeight: 20}, {pause: {}}]
      trafficRouting: $2
Y
}

kubectl apply -f "$deploy/crds" >/dev/null
kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
kubectl apply -f "$deploy/namespace.yaml" -f "$deploy/rbac.yaml" >/dev/null
kubectl create namespace "$namespace" >/dev/null
kubectl config view --raw --minify --flatten -o json | jq --arg token "$(kubectl -n serin-system create token serin-controller)" \
  '.users[0].user = {token: $token}' >"$dir/kubeconfig"
chmod 600 "$dir/kubeconfig"
KUBECONFIG='' "$serin" controller --kubeconfig "$dir/kubeconfig" --state "$dir/state" --port 0 \
  --namespaces "$namespace" --lease-namespace serin-system >"$dir/controller.log" 2>&1 &
pids[controller]=$!
within 60 "not leading" grep -q ' leading ' "$dir/controller.log"
kubectl proxy --port=0 >"$dir/proxy.log" 2>&1 &
pids[proxy]=$!
within 20 "no proxy" grep -q 'Starting to serve' "$dir/proxy.log"
"$here/pods.sh" "http://$(sed -n 's/.*serve on //p' "$dir/proxy.log")" "$namespace" >"$dir/pods.log" 2>&1 &
pids[pods]=$!

# --- nginx: the canary's Ingress is made, and put back.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: edge-stable, port: {number: 80}}}}]}
Y
rollout edge '{nginx: {stableIngress: web}}'
within 60 "v1 is not there" is rollout/edge .status.phase Healthy
weight='.metadata.annotations.nginx\.ingress\.kubernetes\.io/canary-weight'
within 20 "no Ingress of the canary" is ingress/edge-web-canary "$weight" 0
set_image edge shop:v2
within 60 "v2 does not pause" is rollout/edge .status.phase Paused
is ingress/edge-web-canary "$weight" 20 || fail "the weight is $(field ingress/edge-web-canary "$weight")"
kubectl -n "$namespace" annotate --overwrite ingress edge-web-canary nginx.ingress.kubernetes.io/canary-weight=90 >/dev/null
within 20 "the weight is not put back" is ingress/edge-web-canary "$weight" 20
kubectl -n "$namespace" delete ingress edge-web-canary >/dev/null
within 20 "the Ingress is not made again" is ingress/edge-web-canary "$weight" 20

# --- Istio: first the kinds are missing, then they are not.
rollout mesh '{istio: {virtualService: {name: web}, destinationRule: {name: web, canarySubsetName: canary, stableSubsetName: stable}}}'
within 30 "the missing kind is not told" \
  sh -c "kubectl -n $namespace get rollout mesh -o jsonpath='{.status.message}' | grep -q 'install virtualservices.networking.istio.io v1alpha3'"
{
  definition networking.istio.io v1alpha3 VirtualService virtualservices
  definition networking.istio.io v1alpha3 DestinationRule destinationrules
} >"$dir/crds.yaml"
kubectl apply -f "$dir/crds.yaml" >/dev/null
kubectl wait --for condition=established --timeout=60s -f "$dir/crds.yaml" >/dev/null
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [mesh]
  http:
  - route:
    - {destination: {host: mesh, subset: stable}, weight: 100}
    - {destination: {host: mesh, subset: canary}, weight: 0}
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: web}
spec:
  host: mesh
  subsets: [{name: stable, labels: {app: mesh}}, {name: canary, labels: {app: mesh}}]
Y
within 90 "Istio's kinds are not found" is rollout/mesh .status.phase Healthy
set_image mesh shop:v2
within 60 "v2 does not pause" is rollout/mesh .status.phase Paused
is virtualservice/web '.spec.http[0].route[1].weight' 20 || fail "the VirtualService has another weight"
is destinationrule/web '.spec.subsets[1].labels.rollouts-pod-template-hash' "$(field rollout/mesh .status.currentPodHash)" ||
  fail "the subset leads to another revision"
kubectl -n "$namespace" patch rollout mesh --subresource status --type merge -p '{"status": {"promoteFull": true}}' >/dev/null
within 90 "v2 is not promoted" is rollout/mesh .status.phase Healthy
is virtualservice/web '.spec.http[0].route[1].weight' 0 || fail "a weight is left"
is destinationrule/web '.spec.subsets[0].labels.rollouts-pod-template-hash' "$(field rollout/mesh .status.stableRS)" ||
  fail "stable's subset leads to another revision"
printf 'releases by nginx and Istio\n'
