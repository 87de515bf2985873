# Sourced after played.sh by tests of routers.
# shellcheck shell=bash disable=SC2154

rollout() { # rollout NAME ROUTING STEPS: with services of its own.
  apply_services "$1" "$1-stable" "$1-canary"
  kubectl -n "$namespace" apply -f - >/dev/null <<Y
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
      steps: $3
      trafficRouting: $2
Y
}
# is_at ROLLOUT STEP: it waits there.
is_at() { is "rollout/$1" .status.phase Paused && is "rollout/$1" .status.currentStepIndex "$2"; }

# is_served "PLURAL.GROUP VERSION": by this cluster
is_served() {
  local name=${1% *}
  kubectl get --raw "/apis/${name#*.}/${1#* }" 2>/dev/null | grep -q "\"${name%%.*}\""
}
# undefine FILE: of the kinds in it those that a test has made
undefine() { kubectl delete -f "$1" -l serin.dev/made-for=tests >/dev/null 2>&1 || true; }
