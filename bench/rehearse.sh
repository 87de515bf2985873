#!/usr/bin/env bash
# The processor time of a rehearsed release and of a random story, and how many a minute that is on
# free processors and was on this machine as busy as it is.
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
runs=${RUNS:-500}

measure() { # measure NAME ARGUMENTS...
  local name=$1 times wall user system
  shift
  local TIMEFORMAT='%R %U %S'
  # What the program complains about is not one of the times.
  { times=$({ time "$build/serin" "$@" --runs "$runs" >/dev/null 2>&3; } 2>&1); } 3>&2
  read -r wall user system <<<"$times"
  awk -v name="$name" -v runs="$runs" -v wall="$wall" -v cpu="$user" -v kernel="$system" -v cores="$(nproc)" 'BEGIN {
    cpu += kernel
    printf "%-24s %5.1f ms of processor time each: %.0f a minute on %d free cores (%.0f now)\n",
      name, cpu / runs * 1000, runs / cpu * 60 * cores, cores, runs / wall * 60 }'
}

measure 'shop' rehearse -f "$here/../examples/shop/manifests" --traffic 500rps
measure 'checkout (Prometheus)' rehearse -f "$here/../tests/rehearse/manifests/checkout.yaml" --traffic 500rps
measure 'random stories (sim)' sim --soak
