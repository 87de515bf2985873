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
# shellcheck source=tests/kubernetes/edge.sh
source "$here/edge.sh"

image v1
image v2
image v3
image poisoned SHOP_ERROR_PERCENT=50
install_serin "$deploy"
install_gateway "$deploy/gateway"
echo 'two gateways and two controllers are ready'

# --- A shop that is released by its requests, and one whose Service is switched.
judged_shop shop http | kubectl -n "$namespace" apply -f - >/dev/null
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: blue}
spec:
  parentRefs: [{name: edge, sectionName: https}]
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
within 30 "the shop does not answer" answers_as "$http_url" v1
within 30 "blue does not answer" answers_as "$https_url" v1

# --- A healthy version is promoted by the judge of requests, though the API server is killed twice and the
# leader once meanwhile. What a kind's watch has missed is asked for after each.
begin_load shop "$http_url"
set_image shop shop:v2
within 90 "v2 does not get 5 %" weights_are shop 5
"$here/cluster.sh" restart-api "$SERIN_TEST_NODE"
within 60 "nobody leads" is_led
kubectl -n serin-system delete pod "$(leader)" --grace-period=0 --force >/dev/null 2>&1
"$here/cluster.sh" restart-api "$SERIN_TEST_NODE"
within 240 "v2 is not promoted" phase shop Healthy
within 90 "v1 stays" gone shop shop:v1
end_load shop v2 '.canary_failures == 0 and .requests_canary > 1000' 'promoted by its requests'

# --- The gateways are replaced in mid-release, and nobody notices.
begin_load shop "$http_url"
set_image shop shop:v3
within 90 "v3 does not get 5 %" weights_are shop 5
kubectl -n serin-system rollout restart deployment serin-gateway >/dev/null
kubectl -n serin-system rollout status deployment serin-gateway --timeout=180s >/dev/null || fail "the gateways are not replaced"
within 240 "v3 is not promoted" phase shop Healthy
within 90 "v2 stays" gone shop shop:v2
end_load shop v3 '.canary_failures == 0 and .requests_canary > 1000' 'promoted while gateways were replaced'
reports() { kubectl -n serin-system get gatewayreports -o json | jq -c '[.items[].status | .isServing and .process == .admitted]'; }
[[ $(reports) == '[true,true]' ]] || fail "two gateways serve, but: $(reports)"

# --- A poisoned one is taken back while it has few requests.
begin_load shop "$http_url"
set_image shop shop:poisoned
within 120 "the poisoned version is not taken back" phase shop Degraded
within 60 "the poisoned version stays" gone shop shop:poisoned
end_load shop poisoned '.canary_failures > 0 and .canary_share <= 0.05' 'taken back by its requests'

# --- All traffic at once, by the Service's selector.
begin_load blue "$https_url"
set_image blue shop:v2
within 90 "the switch is not made" answers_as "$https_url" v2
within 90 "the switch does not end" phase blue Healthy
within 90 "the old pods stay" gone blue shop:v1
end_load blue v2 '.canary_failures == 0 and .requests_canary > 0 and .requests_canary < .requests_total' 'blue-green'

no_right_was_missing
echo 'real pods are released by the requests that a gateway in a pod streams'
