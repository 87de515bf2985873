#!/usr/bin/env bash
# Rehearsed releases a minute on all processors, and the processor time of one.
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")

measure() { # measure NAME RUNS ARGUMENTS...
  local name=$1 runs=$2 began ended
  shift 2
  TIMEFORMAT='%R %U %S'
  local times
  times=$({ time "$build/serin" "$@" >/dev/null; } 2>&1)
  read -r began ended _ <<<"$times"
  awk -v name="$name" -v runs="$runs" -v wall="$began" -v cpu="$ended" 'BEGIN {
    printf "%-28s %6.0f a minute, %5.1f ms of processor time each\n", name, runs / wall * 60, cpu / runs * 1000 }'
}

runs=500
measure 'shop' $runs rehearse -f "$here/../examples/shop/manifests" --traffic 500rps --runs $runs
measure 'checkout (Prometheus)' $runs rehearse -f "$here/../tests/rehearse/manifests/checkout.yaml" \
  --traffic 500rps --runs $runs
measure 'random stories (sim)' $runs sim --soak --runs $runs
