#!/usr/bin/env bash
# gateway.sh SERIN DEPLOY SHOP LOAD: releases on a real Kubernetes API with traffic through two processes of
# `serin gateway`, which stream it to `serin controller`. All have the rights that deploy/ gives them and no
# others. Needs KUBECONFIG, a user who may do anything, and no other controller of Rollouts. Pods are played by shop_pods.sh.
set -euo pipefail
serin=$1 deploy=$2 shop=$3 load=$4
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-gateway-XXXXXX")
namespace=serin-gateway-$$
# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"

tell_more() {
  kubectl -n "$namespace" get rollout,replicaset,pod -o wide 2>&1 | head -30 || true
  kubectl -n "$namespace" get rollout shop -o jsonpath='{.status}' || true
  kubectl -n "$namespace" get httproute shop -o jsonpath='{.status}' || true
  kubectl -n "$namespace" get analysisrun -o json | jq -c '.items[-1].status' || true
  tail -n 15 "$dir"/*.log
}
also_finish() {
  kubectl -n serin-system delete pod serin-gateway-0 serin-gateway-1 --wait=false >/dev/null 2>&1 || true
  kubectl -n serin-system delete gatewayreports --all >/dev/null 2>&1 || true
}

phase_is() { is rollout/shop .status.phase "$1"; }
in_force() { # The weights in force, as the gateway says.
  kubectl -n "$namespace" get httproute shop -o json | jq -r '. as $route | .status.parents[]?.conditions[]? |
    select(.type == "serin.dev/InForce" and .status == "True" and .observedGeneration == $route.metadata.generation) | .message'
}
in_force_is() { [[ $(in_force) == "$1" ]]; }

# --- Both roles, as the ServiceAccounts that deploy/ makes.
prepare
define "$here/gateway_api.yaml"
within 20 "the API does not take deploy/gateway" apply_folder "$deploy/gateway"
kubectl wait --for condition=established --timeout=60s -f "$deploy/gateway/gatewayreports.yaml" >/dev/null
kubectl -n serin-system delete deployment serin-gateway >/dev/null
# Of a run before that was killed.
kubectl -n serin-system delete pod serin-gateway-0 serin-gateway-1 --force >/dev/null 2>&1 || true
lend serin-gateway

start_proxy
"$here/shop_pods.sh" "$url" "$namespace" "$shop" >"$dir/pods.log" 2>&1 &
pids[pods]=$!

start_gateway() { # start_gateway NUMBER
  KUBECONFIG='' "$serin" gateway --kubeconfig "$dir/serin-gateway.kubeconfig" --state "$dir/gateway-$1" --port 0 \
    --namespaces "$namespace" --lease-namespace serin-system --identity "serin-gateway-$1" \
    --listen-address "127.0.0.$(($1 + 1))" --drain 1 >"$dir/gateway-$1.log" 2>&1 &
  pids[gateway-$1]=$!
  within 30 "gateway $1 does not start" grep -q ' started ' "$dir/gateway-$1.log"
  gateways[$1]=http://127.0.0.1:$(sed -n 's/.* started .*port=\([0-9]*\).*/\1/p' "$dir/gateway-$1.log")
  within 60 "gateway $1 is not ready" curl -fs "${gateways[$1]}/readyz"
}
gateways=()
start_gateway 0
gateway=${gateways[0]}

# --- The outcomes of requests are for the controller alone, by a token made for gateways.
kubectl -n serin-system create token serin-controller --audience serin-gateway >"$dir/token"
answers() { # answers STATUS CURL-ARGUMENT...
  local status=$1 got
  shift
  for _ in {1..50}; do
    got=$(curl -s -m 2 -o /dev/null -w '%{http_code}' "$@" "$gateway/outcomes" || true)
    [[ $got == 503 ]] || break # It is not asked too often.
    sleep 0.2
  done
  [[ $got == "$status" ]] || fail "/outcomes answers $got, not $status"
}
bearer() { printf 'Authorization: Bearer %s' "$1"; }
answers 403
answers 403 -H "$(bearer "$(kubectl -n serin-system create token serin-controller)")"
answers 403 -H "$(bearer "$(kubectl -n serin-system create token serin-gateway --audience serin-gateway)")"
answers 200 -H "$(bearer "$(<"$dir/token")")"

run_controller controller-first --gateway-token "$dir/token"

# --- Without a gateway nothing is measured, and it is said why.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: AnalysisRun
metadata: {name: blind}
spec:
  metrics:
  - name: requests
    count: 1
    interval: 1s
    provider: {plugin: {serin/requests: {metric: success-rate, revision: stable}}}
Y
is_blind() {
  field analysisrun/blind .status | grep -q 'no serin gateway streams requests of this cluster'
}
within 60 "an analysis without a gateway says $(field analysisrun/blind .status)" is_blind
# The gateways' pods, as their Deployment would make them.
make_pod() { # make_pod NUMBER: of a gateway that runs
  kubectl -n serin-system apply -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: serin-gateway-$1, labels: {app.kubernetes.io/name: serin-gateway}}
spec:
  containers: [{name: gateway, image: serin, ports: [{name: outcomes, containerPort: ${gateways[$1]##*:}}]}]
Y
  curl -fsS -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' --data '{"status": {"phase": "Running",
    "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}' \
    "$url/api/v1/namespaces/serin-system/pods/serin-gateway-$1/status" >/dev/null
}
streams_are() { [[ $(curl -fs "$controller/metrics" | grep -c '^serin_outcome_streams.* 1$') == "$1" ]]; }
make_pod 0
within 20 "the controller does not find the gateway" streams_are 1
start_gateway 1
make_pod 1
within 20 "the controller does not find the second gateway" streams_are 2
[[ $(kubectl -n serin-system get gatewayreports -o json | jq -c '[.items[].status | .isServing and .process == .admitted]') == '[true,true]' ]] ||
  fail "both gateways serve, but: $(kubectl -n serin-system get gatewayreports -o json | jq -c '[.items[].status]')"
cmp "$dir"/gateway-{0,1}/gateway/user.key || fail "a user is not the same one at both gateways"

# --- A shop, its route, and users.
port=$(free_port)
kubectl -n "$namespace" apply -f - >/dev/null <<Y
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: serin
  listeners: [{name: http, protocol: HTTP, port: $port}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs:
    - {name: shop-stable, port: 80, weight: 100}
    - {name: shop-canary, port: 80, weight: 0}
---
apiVersion: v1
kind: Service
metadata: {name: shop-stable}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-canary}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: not-worse}
spec:
  metrics:
  - name: not-worse
    provider: {plugin: {serin/sequential: {metrics: [{metric: error-rate}], timeout: 5m}}}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: risk}
spec:
  metrics:
  - name: risk
    provider: {plugin: {serin/budget: {failedRequests: 500, requests: 100000}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: shop
        image: shop:v1
        env: [{name: SHOP_VERSION, value: v1}]
        ports: [{name: http, containerPort: 8080}]
  strategy:
    canary:
      stableService: shop-stable
      canaryService: shop-canary
      scaleDownDelaySeconds: 2
      abortScaleDownDelaySeconds: 2
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop}}}
      analysis: {templates: [{templateName: not-worse}, {templateName: risk}]}
      steps:
      - setWeight: 5
      - pause: {duration: 10}
      - setWeight: 50
      - analysis: {templates: [{templateName: not-worse}]}
Y
within 60 "v1 is not there" phase_is Healthy
within 20 "nothing is in force: $(in_force)" in_force_is '[{"shop-stable":100,"shop-canary":0}]'
within 20 "the gateway does not serve v1" curl -fs "http://127.0.0.1:$port/products"
within 20 "the second gateway does not serve v1" curl -fs "http://127.0.0.2:$port/products"
for number in 0 1; do
  "$load" run --url "http://127.0.0.$((number + 1)):$port/products" --rate 100 --log "$dir/requests-$number.log" >"$dir/load-$number.log" 2>&1 &
  pids[load-$number]=$!
done

set_version() { # set_version VERSION [ERROR_PERCENT]
  kubectl -n "$namespace" patch rollout shop --type merge -p '{"spec": {"template": {"spec": {"containers": [{
    "name": "shop", "image": "shop:'"$1"'", "ports": [{"name": "http", "containerPort": 8080}],
    "env": [{"name": "SHOP_VERSION", "value": "'"$1"'"}, {"name": "SHOP_ERROR_PERCENT", "value": "'"${2:-0}"'"}]}]}}}}' >/dev/null
}
milliseconds() { date +%s%3N; }
report() { # report CANDIDATE FROM FILTER: of what was asked since then
  cat "$dir"/requests-*.log >"$dir/requests"
  "$load" report --log "$dir/requests" --candidate "$1" --from "$2" | tee "$dir/report.json" | jq -e "$3" >/dev/null ||
    fail "$1: $(<"$dir/report.json")"
}
metric() { curl -fs "$1/metrics" | awk -v name="$2" '$1 == name { print $2 }'; }

# --- A healthy version is promoted by the judge of requests, though the leader is killed meanwhile.
began=$(milliseconds)
set_version v2
within 60 "v2 does not get 5 %: $(in_force)" in_force_is '[{"shop-stable":95,"shop-canary":5}]'
# While one gateway does not do what is asked, it is not in force.
written_is() { [[ $(field httproute/shop '.spec.rules[0].backendRefs[*].weight') == "$1" ]]; }
kill -STOP "${pids[gateway-1]}"
within 60 "v2 is not to get half of the requests" written_is '50 50'
sleep 3
[[ -z $(in_force) ]] || fail "$(in_force) is in force, but not at the second gateway"
kill -CONT "${pids[gateway-1]}"
within 60 "v2 does not get half of the requests: $(in_force)" in_force_is '[{"shop-stable":50,"shop-canary":50}]'
end controller-first KILL || true
run_controller controller-second --gateway-token "$dir/token"
within 20 "the successor does not read the streams" streams_are 2
within 120 "v2 is not promoted" phase_is Healthy
within 20 "the canary is in force: $(in_force)" in_force_is '[{"shop-stable":100,"shop-canary":0}]'
kubectl -n "$namespace" get analysisrun -o json | jq -e '[.items[].status.metricResults[]? | select(.name == "not-worse" and .phase == "Successful")
  .measurements[-1].metadata.decision] | index("pass")' >/dev/null || fail "no judge passed v2"
report v2 "$began" '.requests_lost == 0 and .requests_canary > 1000'

# --- One that fails is taken back while it has few requests.
sleep 4
began=$(milliseconds)
set_version v3 50
within 60 "v3 is not taken back" phase_is Degraded
within 20 "v3 is in force: $(in_force)" in_force_is '[{"shop-stable":100,"shop-canary":0}]'
sleep 4
report v3 "$began" '.requests_lost == 0 and .requests_canary > 0 and .canary_failures > 0 and .canary_share <= 0.05'
field rollout/shop .status.message | grep -q not-worse || fail "v3 was taken back for $(field rollout/shop .status.message)"

# --- Nothing was missed, and the gateway ends without a request lost.
(($(metric "$controller" serin_outcomes_total) > 1000)) || fail "the successor has seen no requests"
[[ $(metric "$controller" serin_outcomes_lost_total) == 0 ]] || fail "outcomes were lost"
for one in "${gateways[@]}"; do
  [[ $(metric "$one" serin_gateway_outcomes_dropped_total) == 0 ]] || fail "outcomes were dropped"
  [[ $(metric "$one" serin_gateways) == 2 ]] || fail "two gateways serve, not $(metric "$one" serin_gateways)"
done
for number in 0 1; do
  end "load-$number" || fail "load: $(tail -3 "$dir/load-$number.log")"
done

# --- At rest neither asks nor writes anything. (Who plays the pods lists them.)
sleep 5
first=$(requests 'resource="pods".*verb="LIST"')
sleep 10
second=$(requests 'resource="pods".*verb="LIST"')
((first > 0 && second == first)) || fail "$((second - first)) requests in 10 s at rest"

# --- The one that leads ends: the other speaks for all, and nothing else is counted.
end gateway-0 || fail "the gateway ends with $?: $(tail -3 "$dir/gateway-0.log")"
kubectl -n serin-system delete pod serin-gateway-0 --force >/dev/null 2>&1
is_alone() { [[ $(metric "${gateways[1]}" serin_leader) == 1 && $(metric "${gateways[1]}" serin_gateways) == 1 ]]; }
within 30 "the second gateway does not lead" is_alone
set_version v4
within 60 "v4 does not get 5 %: $(in_force)" in_force_is '[{"shop-stable":95,"shop-canary":5}]'
end gateway-1 || fail "the gateway ends with $?: $(tail -3 "$dir/gateway-1.log")"
[[ -z $(kubectl -n serin-system get lease serin-gateway -o jsonpath='{.spec.holderIdentity}') ]] || fail "its Lease is kept"
[[ -z $(kubectl -n serin-system get gatewayreports -o name) ]] || fail "its report is kept"
end controller-second || fail "the controller ends with $?: $(tail -3 "$dir/controller-second.log")"
no_right_is_missing < <(cat "$dir"/controller*.log "$dir"/gateway-*.log | grep -v reader_refused)
echo 'a healthy version is promoted and a broken one is taken back by the requests that two gateways stream'
