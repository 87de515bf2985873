#!/usr/bin/env bash
# real_gateway.sh SERIN SHOP LOAD DEPLOY: releases of real pods with users in front: the controllers and the
# gateway run in pods, as `kubectl apply -k deploy/` and `deploy/gateway` install them, and every request
# goes through the gateway's Service. Runs beside a node (run.sh --node), whose folder is in
# SERIN_TEST_NODE. Needs KUBECONFIG.
set -euo pipefail
serin=$1 shop=$2 load=$3 deploy=$4
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-real-gateway-XXXXXX")
namespace=edge
# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

# shellcheck source=tests/kubernetes/shipped.sh
source "$here/shipped.sh"

image v1
image v2
image v3
image poisoned SHOP_ERROR_PERCENT=50
install_serin
define "$here/gateway_api.yaml"
within 20 "the API does not take deploy/gateway" apply_folder "$deploy/gateway"
within 120 "the gateways are not ready" has_ready serin-gateway 2
echo 'two gateways and two controllers are ready'

# --- A shop that is released by its requests, and one whose Service is switched.
kubectl create namespace "$namespace" >/dev/null
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: serin
  listeners:
  - {name: shop, protocol: HTTP, port: 8080}
  - {name: blue, protocol: HTTP, port: 8443}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge, sectionName: shop}]
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
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
  strategy:
    canary:
      stableService: shop-stable
      canaryService: shop-canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop}}}
      analysis: {templates: [{templateName: not-worse}]}
      steps:
      - setWeight: 5
      - pause: {duration: 10}
      - setWeight: 50
      - analysis: {templates: [{templateName: not-worse}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: blue}
spec:
  parentRefs: [{name: edge, sectionName: blue}]
  rules: [{backendRefs: [{name: blue-active, port: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: blue-active}
spec: {selector: {app: blue}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: blue}
spec:
  replicas: 2
  selector: {matchLabels: {app: blue}}
  template:
    metadata: {labels: {app: blue}}
    spec:
      containers:
      - name: shop
        image: shop:v1
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
  strategy:
    blueGreen: {activeService: blue-active, scaleDownDelaySeconds: 10}
Y
within 90 "v1 is not there" phase shop Healthy
within 90 "blue is not there" phase blue Healthy
address=$(kubectl -n serin-system get service serin-gateway -o 'jsonpath={.spec.clusterIP}')
shop_url=http://$address:80 blue_url=http://$address:443
answers_as() { [[ $(curl -fsS "$1/version") == "{\"version\":\"$2\"}" ]]; } # answers_as URL VERSION
within 30 "the shop does not answer" answers_as "$shop_url" v1
within 30 "blue does not answer" answers_as "$blue_url" v1

begin_load() { # begin_load URL
  "$load" run --url "$1" --rate 200 --log "$dir/requests.log" >"$dir/load.txt" 2>&1 &
  pids[load]=$!
}
end_load() { # end_load CANDIDATE FILTER WHAT
  local counts
  kill "${pids[load]}"
  wait "${pids[load]}" || true
  unset 'pids[load]'
  counts=$("$load" report --log "$dir/requests.log" --candidate "$1")
  jq -e ".requests_lost == 0 and ($2)" <<<"$counts" >/dev/null || fail "$3: $counts"
  jq -r --arg what "$3" '"\($what): \(.requests_total) requests, \(.requests_canary) to the new version, \(.canary_failures) of them failed, 0 lost"' <<<"$counts"
  rm "$dir/requests.log"
}
weights_are() { # weights_are MESSAGE: in force, as the gateway says
  [[ $(kubectl -n "$namespace" get httproute shop -o json | jq -r '. as $route | .status.parents[]?.conditions[]? |
    select(.type == "serin.dev/InForce" and .status == "True" and .observedGeneration == $route.metadata.generation) | .message') == "$1" ]]
}

# --- A healthy version is promoted by the judge of requests, though the API server is killed twice and the
# leader once meanwhile. What a kind's watch has missed is asked for after each.
begin_load "$shop_url"
set_image shop shop:v2
within 90 "v2 does not get 5 %" weights_are '[{"shop-stable":95,"shop-canary":5}]'
"$here/cluster.sh" restart-api "$SERIN_TEST_NODE"
within 60 "nobody leads" is_led
kubectl -n serin-system delete pod "$(leader)" --grace-period=0 --force >/dev/null 2>&1
"$here/cluster.sh" restart-api "$SERIN_TEST_NODE"
within 240 "v2 is not promoted" phase shop Healthy
within 90 "v1 stays" gone shop shop:v1
end_load v2 '.canary_failures == 0 and .requests_canary > 1000' 'promoted by its requests'

# --- The gateways are replaced in mid-release, and nobody notices.
begin_load "$shop_url"
set_image shop shop:v3
within 90 "v3 does not get 5 %" weights_are '[{"shop-stable":95,"shop-canary":5}]'
kubectl -n serin-system rollout restart deployment serin-gateway >/dev/null
kubectl -n serin-system rollout status deployment serin-gateway --timeout=180s >/dev/null || fail "the gateways are not replaced"
within 240 "v3 is not promoted" phase shop Healthy
within 90 "v2 stays" gone shop shop:v2
end_load v3 '.canary_failures == 0 and .requests_canary > 1000' 'promoted while gateways were replaced'
reports() { kubectl -n serin-system get gatewayreports -o json | jq -c '[.items[].status | .isServing and .process == .admitted]'; }
[[ $(reports) == '[true,true]' ]] || fail "two gateways serve, but: $(reports)"

# --- A poisoned one is taken back while it has few requests.
begin_load "$shop_url"
set_image shop shop:poisoned
within 120 "the poisoned version is not taken back" phase shop Degraded
within 60 "the poisoned version stays" gone shop shop:poisoned
end_load poisoned '.canary_failures > 0 and .canary_share <= 0.05' 'taken back by its requests'

# --- All traffic at once, by the Service's selector.
begin_load "$blue_url"
set_image blue shop:v2
within 90 "the switch is not made" answers_as "$blue_url" v2
within 90 "the switch does not end" phase blue Healthy
within 90 "the old pods stay" gone blue shop:v1
end_load v2 '.canary_failures == 0 and .requests_canary > 0 and .requests_canary < .requests_total' 'blue-green'

no_right_was_missing
echo 'real pods are released by the requests that a gateway in a pod streams'
