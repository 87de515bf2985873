#!/usr/bin/env bash
# A clean release build of everything, without ccache.
set -euo pipefail
root=$(readlink -f "$(dirname "$0")/..")
work=$(mktemp -d -t serin-build-XXXXXX)
trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1
cmake -S "$root" --preset release -B "$work" >/dev/null
start=$(date +%s)
cmake --build "$work" >/dev/null
printf 'clean release build: %s s on %s cores\n' "$(($(date +%s) - start))" "$(nproc)"
