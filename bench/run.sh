#!/usr/bin/env bash
# Runs the measurements of docs/performance.md: all, or the one named.
#
#   run.sh BUILD_FOLDER [outcomes|judged|decisions|rehearse|judge|ab|judging|gateway|abort|memory|many|kubernetes|build]
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$(readlink -f "$1")
for name in ${2:-outcomes judged decisions rehearse judge ab judging gateway abort memory many kubernetes build}; do
  printf '\n== %s\n' "$name"
  case $name in
    outcomes) "$build/bench/outcomes_bench" --benchmark_min_time=1 ;;
    judged) "$build/bench/judged_bench" --benchmark_min_time=1 ;;
    judge) "$build/bench/judge_bench" --benchmark_min_time=1 ;;
    ab) "$build/bench/ab_bench" --benchmark_min_time=1 && "$build/bench/peeking" ;;
    judging) "$build/bench/judging" 200 && "$build/bench/goals" ;;
    decisions) "$build/bench/decisions_bench" ;;
    gateway | abort | memory | many | kubernetes | build | rehearse) "$here/$name.sh" "$build" ;;
    *) printf 'bench: no measurement is called %s\n' "$name" >&2; exit 1 ;;
  esac
done
