#!/usr/bin/env bash
# The main job, told on the terminal: a shop at v1 under load; v2 is healthy and gets promoted; v3
# answers 20 % of its requests with errors, v3-slow is 40 % slower, and both are taken back.
#
#   run.sh BUILD_FOLDER [--json]
#
# What it prints is counted by the load generator's own log of every request. With --json the story
# goes to standard error and standard output has one JSON object.
set -euo pipefail

build=$(readlink -f "$1")
form=${2:-}
here=$(dirname "$(readlink -f "$0")")
rate=${DEMO_RATE:-300}
serin=$build/serin load=$build/examples/bin/load
work=$(mktemp -d -t serin-demo-XXXXXX)
export SERIN_STATE=$work/state
unset SERIN_SERVER SERIN_TOKEN_FILE

exec 3>&1
[[ $form == --json ]] && exec 1>&2
bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
tell() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }

up_pid='' load_pid=''
clean_up() {
  local status=$?
  trap - EXIT INT TERM
  set +e # Everything is to be tried, whatever fails on the way.
  [[ -n $load_pid ]] && kill "$load_pid" 2>/dev/null && wait "$load_pid" 2>/dev/null
  [[ -n $up_pid ]] && kill "$up_pid" 2>/dev/null && wait "$up_pid" 2>/dev/null
  "$serin" down >/dev/null 2>&1
  if ((status != 0)) && [[ -f $work/serin.log ]]; then
    printf '\nThe demo failed; the last lines of the server are:\n' >&2
    tail -n 20 "$work/serin.log" >&2
  fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT INT TERM

is_free() { ! (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

make_image() { # make_image TAG [NAME VALUE]...: a release folder, as a build would leave it
  local tag=$1 image=$work/images/shop/$1
  shift
  mkdir -p "$image"
  cp "$build/examples/bin/shop" "$image/shop"
  jq -n --arg version "$tag" '{command: ["./shop"], env: ({SHOP_VERSION: $version}
    + ($ARGS.positional | [range(0; length; 2) as $i | {(.[$i]): .[$i + 1]}] | add // {}))}' \
    --args "$@" >"$image/image.json"
}

prepare() {
  make_image v1
  make_image v2
  make_image v3 SHOP_ERROR_PERCENT 20
  make_image v3-slow SHOP_LATENCY_FACTOR 1.4
  cp -r "$here/../shop/manifests" "$work/manifests"
  port=8080
  until is_free "$port"; do port=$((port + 1)); done
  sed -i "s/port: 8080$/port: $port/" "$work/manifests/1-gateway.yaml"
}

start() {
  "$serin" up -f "$work/manifests" --images "$work/images" --port 0 >"$work/serin.log" 2>&1 &
  up_pid=$!
  for ((i = 0; i < 300; i++)); do
    [[ -f $SERIN_STATE/server.json ]] && "$serin" get rollouts >/dev/null 2>&1 && break
    kill -0 "$up_pid" 2>/dev/null || { cat "$work/serin.log" >&2; exit 1; }
    sleep 0.1
  done
  "$serin" status shop --timeout 60s | sed 's/^/  /'
  "$load" run --url "http://127.0.0.1:$port" --rate "$rate" --log "$work/requests.log" \
    2>"$work/load.err" &
  load_pid=$!
  sleep 2
}

# follow PID: tells each step of the rollout until the process has ended.
follow() {
  local line='' last=''
  while kill -0 "$1" 2>/dev/null; do
    line=$("$serin" get rollout shop -o json | jq -r '.spec.strategy.canary.steps as $steps
      | .status | "\(.phase): step \(.currentStepIndex) of \($steps | length)"
      + (if .currentStepIndex < ($steps | length) then " (\($steps[.currentStepIndex] | keys[0]))" else "" end)
      + (if .phase == "Healthy" then ", the new version is the stable one"
         else ", the new version has \(.canary.weights.canary.weight // 0) % of the requests" end)')
    [[ $line == "$last" ]] || say "$line"
    last=$line
    sleep 0.2
  done
}

# scene NAME TAG TITLE: releases the image and tells what the request log says about it.
scene() {
  local name=$1 tag=$2 title=$3 from outcome reason counts steps first_entry
  tell "$title"
  first_entry=$(last_evidence)
  from=$(date +%s%3N)
  say "\$ serin set image shop shop=shop:$tag"
  "$serin" set image shop "shop=shop:$tag" >/dev/null
  outcome=promoted
  "$serin" status shop --timeout 5m >/dev/null 2>&1 &
  follow $!
  wait $! || outcome=aborted
  [[ $outcome == promoted ]] || "$serin" get rollout shop | sed 's/^/  /'
  reason=$("$serin" get rollout shop -o json | jq -r '.status.message // ""')
  if [[ $outcome == promoted ]]; then
    [[ $("$serin" get rollout shop -o json | jq -r .status.phase) == Healthy ]] || exit 1
    reason='all steps passed'
  fi
  sleep 2 # What is in flight shows in the log.
  steps=$("$serin" evidence show shop -o json | jq -c --argjson after "$first_entry" \
    '[.[] | select(.sequence > $after) | .body.seen.inForce // empty
      | .candidate] | reduce .[] as $w ([]; if .[-1] == $w or $w == 0 then . else . + [$w] end)')
  counts=$("$load" report --log "$work/requests.log" --candidate "$tag" --from "$from")
  results=$(jq -c --arg name "$name" --arg outcome "$outcome" --arg reason "$reason" \
    --argjson steps "$steps" --argjson counts "$counts" '. + {($name): {outcome: $outcome,
      steps: $steps, requests_total: $counts.requests_total,
      requests_canary: $counts.requests_canary, canary_share: $counts.canary_share,
      requests_lost: $counts.requests_lost,
      first_bad_to_zero_ms: (if $outcome == "aborted" then $counts.first_bad_to_zero_ms else null end),
      reason: $reason}}' <<<"$results")
  say ''
  say "outcome            $outcome: $reason"
  say "weights observed   $(jq -r 'map("\(.) %") | join(" -> ")' <<<"$steps")"
  jq -r --arg outcome "$outcome" '
    "requests           \(.requests_total), of them \(.requests_canary) reached the new version (\(.canary_share * 10000 | round / 100) %)",
    "lost               \(.requests_lost) (not answered, or failed although the new version had no part in it)",
    (if $outcome == "aborted" then
      "taken back in      \(.first_bad_to_zero_ms) ms from its first bad response to its last response" else empty end),
    "p95                \(.candidate_p95_ms) ms new, \(.others_p95_ms) ms before"' <<<"$counts" | sed 's/^/  /'
}

last_evidence() { "$serin" evidence show shop -o json 2>/dev/null | jq '[.[].sequence] | max // 0' || echo 0; }

results='{}'
prepare
tell "A shop at v1, three processes behind HAProxy, $rate requests a second"
start
scene healthy v2 'v2 is healthy: it climbs 5 -> 10 -> 50 -> 100 %, judged at each step'
scene errors v3 'v3 answers 20 % of its requests with errors: it must be caught at 5 %'
tell 'Back to v2: the template is stable again, so there is nothing to release'
"$serin" undo shop >/dev/null && "$serin" status shop --timeout 60s | sed 's/^/  /'
scene latency v3-slow 'v3-slow answers everything, but its p95 is 40 % higher'
tell 'Every decision is on record (serin evidence show shop), the last ones being'
"$serin" evidence show shop | tail -n 12 | sed 's/^/  /'

[[ $form != --json ]] || printf '%s\n' "$results" >&3
