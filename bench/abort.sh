#!/usr/bin/env bash
# From the first bad response to the last response of the canary, over several aborts, counted by
# the load generator; and the same from the request that completes the evidence.
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"
runs=${RUNS:-5} rate=${RATE:-400}

make_image v1
make_image v3 SHOP_ERROR_PERCENT 100
cp -r "$here/../examples/shop/manifests" "$work/manifests"
port=$(free_port)
sed -i "s/port: 8080$/port: $port/" "$work/manifests/1-gateway.yaml"
start_serin "$work/manifests"
"$build/serin" status shop --timeout 60s >/dev/null
"$build/examples/bin/load" run --url "http://127.0.0.1:$port" --rate "$rate" --log "$work/requests" &
pids+=($!)
sleep 2

for ((i = 0; i < runs; i++)); do
  from=$(date +%s%3N)
  "$build/serin" set image shop shop=shop:v3 >/dev/null
  "$build/serin" status shop --timeout 2m >/dev/null 2>&1 || true
  sleep 1
  # minRequests is 20: the twentieth response of the canary completes the evidence.
  awk -F'\t' -v from="$from" '$1 >= from && $4 == "v3" { n++; if (n == 1) first = $1; if (n == 20) full = $1; last = $1 }
    END { print first ? last - first : "-", full ? last - full : "-", n }' "$work/requests"
  "$build/serin" undo shop >/dev/null
  "$build/serin" status shop --timeout 60s >/dev/null
done | tee "$work/rows"
printf 'first bad response to last canary response, ms (median): %s\n' "$(cut -d' ' -f1 "$work/rows" | median)"
printf 'completed evidence to last canary response, ms (median): %s\n' "$(cut -d' ' -f2 "$work/rows" | median)"
printf 'canary responses in all (median): %s\n' "$(cut -d' ' -f3 "$work/rows" | median)"
