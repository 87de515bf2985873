#!/usr/bin/env bash
# shop_pods.sh URL NAMESPACE SHOP: plays the kubelets of a cluster that has none. Every pod of the
# namespace is a process SHOP with the environment of its first container, on port 8080 of an address
# of its own on loopback, and is ready once it says so. A pod that is gone serves for two seconds more, as
# with a preStop hook that sleeps, and is then told to end. URL is a `kubectl proxy`. Runs until it is killed.
set -euo pipefail
url=$1 namespace=$2 shop=$3
pods=$url/api/v1/namespaces/$namespace/pods
declare -A pids=() # By the pod's name.
serial=0

# Everything ends with us, and all at once.
trap 'kill "${pids[@]}" 2>/dev/null; exit 0' TERM INT

start() { # start NAME VARIABLE...: its address goes into `address`
  local name=$1
  shift
  address=127.88.$((++serial / 250)).$((serial % 250 + 1))
  env "$@" HOST="$address" PORT=8080 POD_NAME="$name" "$shop" >/dev/null 2>&1 &
  pids[$name]=$!
}

say_ready() { # say_ready NAME ADDRESS
  local now
  now=$(date -u +%FT%TZ)
  jq -nc --arg address "$2" --arg now "$now" '{status: {phase: "Running", startTime: $now, podIP: $address,
    podIPs: [{ip: $address}], conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"] | map({type: .,
      status: "True", lastTransitionTime: $now})}}' |
    curl -fsS -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' --data @- \
      "$pods/$1/status" >/dev/null
}

declare -A waiting=() # Addresses of those that are not ready yet.
while sleep 0.2; do
  list=$(curl -fsS "$pods" 2>/dev/null) || continue
  declare -A present=()
  while IFS=$'\t' read -r name variables; do
    present[$name]=1
    [[ -n ${pids[$name]:-} ]] && continue
    IFS=$'\x1f' read -ra environment <<<"$variables"
    start "$name" "${environment[@]}"
    waiting[$name]=$address
  done < <(jq -r '.items[] | select(.metadata.deletionTimestamp == null) | [.metadata.name,
    ([.spec.containers[0].env[]? | "\(.name)=\(.value)"] | join("\u001f"))] | @tsv' <<<"$list")
  for name in "${!waiting[@]}"; do
    curl -fs "http://${waiting[$name]}:8080/ready" >/dev/null || continue
    say_ready "$name" "${waiting[$name]}" && unset "waiting[$name]"
  done
  for name in "${!pids[@]}"; do
    [[ -n ${present[$name]:-} ]] && continue
    (sleep 2; kill "${pids[$name]}" 2>/dev/null) &
    unset "pids[$name]" "waiting[$name]"
  done
  unset present
done
