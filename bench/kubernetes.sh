#!/usr/bin/env bash
# `serin controller` on a real API server (tests/kubernetes/cluster.sh), with very many Rollouts of no
# replicas, so that no pods are needed. All lie in one namespace, each as `kubectl apply` leaves it, with
# its ReplicaSet, and without Services and routes. The controller releases the first; the others are
# written as it has left that one, because an API server takes long to hear of thousands of releases.
#
#   COUNTS='1000 10000' kubernetes.sh BUILD_FOLDER
set -euo pipefail
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=bench/machine.sh
. "$here/machine.sh"

cluster=$here/../tests/kubernetes/cluster.sh
read -ra counts <<<"${COUNTS:-1000 10000}"
released=20 # Rollouts that get another version, to count the calls of a release.
fresh=100 # Rollouts that are new.
namespace=bench

stop_all() {
  local status=$?
  set +e
  [[ -z ${controller:-} ]] || { kill "$controller"; wait "$controller"; } 2>/dev/null
  "$cluster" down "$work/cluster"
  (exit "$status")
  clean_up
}
trap stop_all EXIT
trap 'exit 1' INT TERM

resident() { awk -v field="$1" '$1 == field ":" { printf "%.1f", $2 / 1024 }' "/proc/$controller/status"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$controller/stat"; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a - b }'; }
now() { date +%s.%N; }
turns() { # turns taken, and turns asked for
  curl -sSf "http://127.0.0.1:$port/metrics" | awk '/^serin_controller_turns_total/ { sum += $2 }
    /^serin_controller_queue/ { queued += $2 } END { print sum + 0, queued + 0 }'
}
lists() { curl -sSf "http://127.0.0.1:$port/metrics" | awk '/^serin_kubernetes_lists_total/ { sum += $2 } END { print sum }'; }
taken() { turns | cut -d' ' -f1; }
settle() { # until nothing is queued and no turn was taken for six looks; `settled` says when the last was
  local seen before='' quiet=0 last
  last=$(now)
  while ((quiet < 6)); do
    sleep 0.5
    seen=$(turns)
    if [[ $seen == "$before" && $seen == *' 0' ]]; then quiet=$((quiet + 1)); else quiet=0 last=$(now); fi
    before=$seen
  done
  settled=$last
}

start_controller() { # and waits until all objects are in memory
  began=$(now)
  "$build/serin" controller --kubeconfig "$KUBECONFIG" --state "$SERIN_STATE" --port 0 \
    --lease-namespace "$namespace" >"$work/controller.log" 2>&1 &
  controller=$!
  until port=$(sed -n 's/.* started .*port=\([0-9]*\).*/\1/p' "$work/controller.log" 2>/dev/null || true) && [[ -n $port ]]; do
    kill -0 "$controller"
    sleep 0.02
  done
  until curl -sf -o "$work/answer" "http://127.0.0.1:$port/readyz"; do sleep 0.02; done
  synced=$(now)
}
stop_controller() { kill "$controller"; wait "$controller"; controller=''; }

rollouts=apis/argoproj.io/v1alpha1/namespaces/$namespace/rollouts
sets=apis/apps/v1/namespaces/$namespace/replicasets
# send METHOD TYPE: a request for each {path, body} of standard input.
send() {
  jq -r --arg url "$url/" --arg method "$1" --arg type "$2" --rawfile who "$work/who" '"next\n\($who)url = \"\($url)\(.path)\"\nrequest = \($method)
fail\nsilent\nshow-error\nheader = \"Content-Type: \($type)\"\noutput = /dev/null\ndata = \(.body | tojson | tojson)"' >"$work/requests"
  curl --no-progress-meter --parallel --parallel-max 16 --config "$work/requests" 2>"$work/curl.log" || { tail -3 "$work/curl.log" >&2; return 1; }
}
bodies() { # bodies PREFIX FROM TO: Rollouts PREFIX-FROM to PREFIX-TO
  jq -nc --arg prefix "$1" --argjson from "$2" --argjson to "$3" --arg namespace "$namespace" --arg path "$rollouts" '
    range($from; $to + 1) as $n | "\($prefix)-\($n)" as $name |
    {apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: {name: $name, namespace: $namespace,
      labels: {"app.kubernetes.io/name": $name, "app.kubernetes.io/part-of": "shop", team: "team-\($n % 50)"}},
      spec: {replicas: 0, revisionHistoryLimit: 3, selector: {matchLabels: {app: "shop"}},
        template: {metadata: {labels: {app: "shop", version: "v1"}, annotations: {"prometheus.io/scrape": "true"}},
          spec: {serviceAccountName: "shop", containers: [{name: "shop", image: "registry.example/shop:v1",
            ports: [{name: "http", containerPort: 8080}, {name: "metrics", containerPort: 9090}],
            env: [range(8) | {name: "SHOP_VARIABLE_\(.)", value: "some value of variable \(.)"}],
            resources: {requests: {cpu: "100m", memory: "128Mi"}, limits: {cpu: "1", memory: "256Mi"}},
            readinessProbe: {httpGet: {path: "/ready", port: "http"}, periodSeconds: 5},
            livenessProbe: {httpGet: {path: "/alive", port: "http"}, periodSeconds: 10}}]}},
        strategy: {canary: {maxSurge: "25%", maxUnavailable: 0,
          steps: [{setWeight: 5}, {pause: {duration: 1}}, {setWeight: 50}, {pause: {duration: 1}}]}}}}
    | .metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] = tojson
    | {path: "\($path)?fieldManager=kubectl-client-side-apply", body: .}'
}
create() { bodies "$@" | send POST application/json; } # new ones, which nobody has seen
copy_released() { # copy_released FROM TO: such as the controller has left shop-1, and its only ReplicaSet
  curl -sSf -K "$work/who" "$url/$rollouts/shop-1" >"$work/first"
  curl -sSf -K "$work/who" "$url/$sets" | jq '.items[] | select(.metadata.name | startswith("shop-1-")) | del(.metadata.resourceVersion, .metadata.managedFields, .status)' >"$work/set"
  bodies shop "$1" "$2" | jq -c '.body.metadata.annotations["rollout.argoproj.io/revision"] = "1"' | send POST application/json
  curl -sSf -K "$work/who" -H 'Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' "$url/$rollouts" |
    jq -c --argjson from "$1" '.items[].metadata | select((.name | startswith("shop-")) and (.name[5:] | tonumber) >= $from) | {name, uid}' >"$work/made"
  jq -c --slurpfile set "$work/set" --arg path "$sets" '. as $owner | $set[0] | .metadata.ownerReferences[0] |= . + $owner
    | .metadata.name |= sub("shop-1-"; $owner.name + "-") | {path: $path, body: .}' "$work/made" | send POST application/json
  jq -c --slurpfile first "$work/first" --arg path "$rollouts" '{path: "\($path)/\(.name)/status", body: {status: $first[0].status}}' \
    "$work/made" | send PATCH application/merge-patch+json
}
set_version() { # set_version NUMBER VERSION: of so many, from shop-2 on
  jq -nc --argjson to "$1" --arg version "$2" --arg path "$rollouts" 'range(2; $to + 2) | {path: "\($path)/shop-\(.)",
    body: [{op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/shop:\($version)"}]}' |
    send PATCH application/json-patch+json
}

# The API server's own count of requests, "verb resource count". Its own parts speak protobuf.
requests() {
  kubectl get --raw /metrics | awk '/^apiserver_request_total/ && /contentType="application\/json/ {
    match($0, /verb="[^"]*"/); verb = substr($0, RSTART + 6, RLENGTH - 7)
    match($0, /[{,]resource="[^"]*"/); resource = substr($0, RSTART + 11, RLENGTH - 12)
    match($0, /subresource="[^"]*"/); part = substr($0, RSTART + 13, RLENGTH - 14)
    if (resource == "" || resource == "leases" || verb == "WATCH") next
    sum[verb " " resource (part == "" ? "" : "/" part)] += $NF
  } END { for (what in sum) print what, sum[what] }' | sort
}
new_requests() { # new_requests BEFORE EACH: what came since, divided by EACH
  requests | awk -v each="$2" 'NR == FNR { before[$1 " " $2] = $3; next } { more = $3 - before[$1 " " $2]
    if (more > 0) { printf "%s%s %s %.1f", sep, $1, $2, more / each; sep = ", "; all += more } }
    END { printf "%s%.1f in all\n", sep == "" ? "" : "; ", all / each }' "$1" -
}

unhealthy() { curl -sSf -K "$work/who" "$url/$rollouts" | jq '[.items[] | select(.status.phase != "Healthy")] | length'; }

measure() { # measure COUNT: with COUNT Rollouts that are all released, shop-1 and on
  local count=$1 before looks listed
  start_controller
  settle
  printf '%s rollouts, cold start: synced after %s s, then %s turns in %s s; %s s of processor time in all\n' "$count" \
    "$(less "$synced" "$began")" "$(taken)" "$(less "$settled" "$synced")" "$(cpu)"
  printf '%s rollouts: resident memory %s MiB (at most %s)\n' "$count" "$(resident VmRSS)" "$(resident VmHWM)"
  requests >"$work/before"
  before=$(cpu) looks=$(taken) listed=$(lists)
  sleep 30
  printf '%s rollouts at rest: %s %% of a core, %s turns in 30 s, %s lists, requests of all: %s\n' "$count" \
    "$(awk -v b="$before" -v a="$(cpu)" 'BEGIN { printf "%.2f", (a - b) / 30 * 100 }')" \
    "$(($(taken) - looks))" "$(($(lists) - listed))" "$(new_requests "$work/before" 1)"

  requests >"$work/before"
  set_version "$released" "v-$count"
  settle
  printf '%s rollouts, a release (and the one PATCH that asks for it): requests: %s\n' "$count" \
    "$(new_requests "$work/before" "$released")"
  before=$(cpu) looks=$(taken) began=$(now)
  create "new-at-$count" 1 "$fresh"
  settle
  printf '%s rollouts and %s new ones: %s turns in %s s, %s s of processor time\n' "$count" "$fresh" \
    "$(($(taken) - looks))" "$(less "$settled" "$began")" "$(less "$(cpu)" "$before")"
  (($(unhealthy) == 0)) || { printf '%s are not Healthy\n' "$(unhealthy)" >&2; return 1; }
  printf '%s rollouts: resident memory %s MiB afterwards\n' "$count" "$(resident VmRSS)"
  stop_controller
}

"$cluster" up "$work/cluster"
export KUBECONFIG=$work/cluster/kubeconfig
kubectl apply -f "$here/../deploy/crds" >"$work/apply.log"
kubectl wait --for condition=established --timeout=60s -f "$here/../deploy/crds" >>"$work/apply.log"
kubectl create namespace "$namespace" >>"$work/apply.log"
# As curl's configuration: faster than through a proxy, which would take its part of the processor.
url=https://127.0.0.1:$(<"$work/cluster/kube-apiserver.port")
printf 'cacert = "%s"\nheader = "Authorization: Bearer %s"\n' "$work/cluster/ca.crt" \
  "$(cut -d, -f1 "$work/cluster/tokens.csv")" >"$work/who"

create shop 1 1
start_controller
settle
stop_controller
have=1
for count in "${counts[@]}"; do
  copy_released $((have + 1)) "$count"
  have=$count
  measure "$count"
done
