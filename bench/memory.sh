#!/usr/bin/env bash
# Resident memory and processor time of `serin up` with idle rollouts (no pods: replicas 0).
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"
# shellcheck source=bench/idle_rollout.sh
. "$here/idle_rollout.sh"

mkdir -p "$work/manifests"
resident() { awk '/VmRSS/ { print $2 }' "/proc/$serin_pid/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$serin_pid/stat"; }

sed "s/port: 8080/port: $(free_port)/" "$here/../examples/shop/manifests/1-gateway.yaml" |
  awk '/^---/ { exit } { print }' >"$work/manifests/gateway.yaml"
start_serin "$work/manifests"
sleep 3
empty=$(resident)
for ((n = 1; n <= ${COUNT:-100}; n++)); do idle_rollout "$n"; done >"$work/manifests/rollouts.yaml"
until (($("$build/serin" get rollouts -o json | jq '[.items[] | select(.status.phase == "Healthy")] | length') == ${COUNT:-100})); do
  sleep 0.5
done
sleep 5
before=$(cpu)
sleep 10
after=$(cpu)
printf 'resident memory: %s KiB without rollouts, %s KiB with %s\n' "$empty" "$(resident)" "${COUNT:-100}"
awk -v b="$before" -v a="$after" 'BEGIN { printf "idle: %.2f %% of a core\n", (a - b) * 10 }'
