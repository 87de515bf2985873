#!/usr/bin/env bash
# `serin up` with very many rollouts, each with its Services and its HTTPRoute and without pods:
# how long until all are released, resident memory, processor time at rest, and of one change.
#
#   COUNT=1000 many.sh BUILD_FOLDER
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"
# shellcheck source=bench/idle_rollout.sh
. "$here/idle_rollout.sh"

count=${COUNT:-1000} start_tries=6000
mkdir -p "$work/manifests"
resident() { awk '/VmRSS/ { printf "%.1f", $2 / 1000 }' "/proc/$serin_pid/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$serin_pid/stat"; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a - b }'; }
api() { # api PATH [CURL WORDS]...
  local path=$1
  shift
  curl -sSf --max-time 60 -o "$work/answer" "$@" "$(jq -r .url "$SERIN_STATE/server.json")$path"
  cat "$work/answer"
}
turns() { api /metrics | awk '/^serin_controller_turns_total/ { sum += $2 } /^serin_controller_queue/ { queued += $2 }
  END { print sum + 0, queued + 0 }'; }

taken() { turns | cut -d' ' -f1; }

settle() { # until nothing is queued and no turn was taken for three looks; says when the last was
  local now before='' quiet=0 last
  last=$(date +%s.%N)
  while ((quiet < 3)); do
    sleep 1
    now=$(turns)
    if [[ $now == "$before" && $now == *' 0' ]]; then quiet=$((quiet + 1)); else quiet=0 last=$(date +%s.%N); fi
    before=$now
  done
  settled=$last
}

sed "s/port: 8080/port: $(free_port)/" "$here/../examples/shop/manifests/1-gateway.yaml" |
  awk '/^---/ { exit } { print }' >"$work/manifests/gateway.yaml"
template=$(idle_rollout @)
for ((n = 1; n <= count; n++)); do printf '%s\n' "${template//@/$n}"; done >"$work/manifests/rollouts.yaml"

began=$(date +%s.%N)
start_serin "$work/manifests"
settle
printf '%s rollouts are released after %s s, %s s of processor time; resident memory %s MB\n' \
  "$count" "$(less "$settled" "$began")" "$(cpu)" "$(resident)"
healthy=$("$build/serin" get rollouts -o json | jq '[.items[] | select(.status.phase == "Healthy")] | length')
((healthy == count)) || { printf 'only %s are Healthy\n' "$healthy" >&2; exit 1; }

settle
before=$(cpu) looks=$(taken)
sleep 30
printf 'at rest: %s %% of a core, %s turns in 30 s\n' \
  "$(awk -v b="$before" -v a="$(cpu)" 'BEGIN { printf "%.2f", (a - b) / 30 * 100 }')" \
  "$(($(taken) - looks))"

change() { # change NAME WORDS...: and what it costs until everything rests
  local name=$1 before began turns_before
  shift
  turns_before=$(taken)
  before=$(cpu)
  began=$(date +%s.%N)
  "$@" >/dev/null
  settle
  printf '%s: %s s, %s s of processor time, %s turns\n' "$name" "$(less "$settled" "$began")" \
    "$(less "$(cpu)" "$before")" "$(($(taken) - turns_before))"
}
change 'a new version of one' "$build/serin" set image shop-1 shop=shop:v2
change 'a label of one Service' api /api/v1/namespaces/default/services/shop-1-stable -X PATCH \
  -H 'Content-Type: application/merge-patch+json' -d '{"metadata": {"labels": {"touched": "yes"}}}'
