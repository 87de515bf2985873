#!/usr/bin/env bash
# The gateway against plain HAProxy with one backend: the same pod, the same load, in turns.
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"
rounds=${ROUNDS:-7} seconds=${SECONDS_EACH:-3}

make_image v1 SHOP_LATENCY_MS 0
cp -r "$here/../examples/shop/manifests" "$work/manifests"
port=$(free_port) plain_port=$(free_port)
sed -i "s/port: 8080$/port: $port/" "$work/manifests/1-gateway.yaml"
sed -i 's/replicas: 3/replicas: 1/' "$work/manifests/3-rollout.yaml"
start_serin "$work/manifests"
"$build/serin" status shop --timeout 60s >/dev/null

pod=$("$build/serin" get pods -o json | jq -r '.items[0]
  | .status.podIP + ":" + (.metadata.annotations["serin.dev/ports"] | fromjson | to_entries[0].value | tostring)')
cat >"$work/plain.cfg" <<CONFIG
global
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:$plain_port
  default_backend one
backend one
  server pod $pod
CONFIG
haproxy -f "$work/plain.cfg" -db >"$work/plain.log" 2>&1 &
pids+=($!)
sleep 1

cpu_of() { # processor seconds of a process so far
  awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$1/stat"
}
plain_pid=${pids[-1]}
gateway_pid=$(pgrep -f "haproxy.*$work/state" | tail -1)

measure() { # measure PORT PID: requests a second, p99 in ms, proxy microseconds a request
  local before after
  before=$(cpu_of "$2")
  wrk -t1 -c32 -d"${seconds}s" --latency "http://127.0.0.1:$1/products" >"$work/wrk.out"
  after=$(cpu_of "$2")
  awk -v cpu="$(awk "BEGIN { print $after - $before }")" '
    /99%/ { value = $2 + 0; p99 = ($2 ~ /us$/) ? value / 1000 : ($2 ~ /ms$/) ? value : value * 1000 }
    /Requests\/sec/ { rate = $2 }
    / requests in / { total = $1 }
    END { printf "%s %s %.2f\n", rate, p99, cpu * 1e6 / total }' "$work/wrk.out"
}

for ((i = 0; i < rounds; i++)); do
  printf 'plain %s\n' "$(measure "$plain_port" "$plain_pid")"
  printf 'serin %s\n' "$(measure "$port" "$gateway_pid")"
done | tee "$work/rows"

column_of() { awk -v who="$1" -v at="$2" '$1 == who { print $at }' "$work/rows"; }
ratio_of() { paste <(column_of serin "$1") <(column_of plain "$1") | awk '{ print $1 / $2 }' | median; }
printf '\n%-22s %10s %10s %10s\n' '' plain serin ratio
printf '%-22s %10.0f %10.0f %10.3f\n' 'requests/s' "$(column_of plain 2 | median)" "$(column_of serin 2 | median)" "$(ratio_of 2)"
printf '%-22s %10.2f %10.2f %10.3f\n' 'p99 ms' "$(column_of plain 3 | median)" "$(column_of serin 3 | median)" "$(ratio_of 3)"
printf '%-22s %10.2f %10.2f %10.3f\n' 'proxy CPU us/request' "$(column_of plain 4 | median)" "$(column_of serin 4 | median)" "$(ratio_of 4)"
