#!/usr/bin/env bash
# real_trouble.sh SERIN SHOP LOAD DEPLOY: releases of real pods with users in front, while the API that Serin's
# pods ask is too busy (429), slow, has forgotten where watches stood (410), breaks connections, and while
# somebody else writes the same objects (409). In each trouble a healthy version is promoted and a poisoned
# one is taken back, side by side. Runs beside a node (run.sh --node), whose folder is in SERIN_TEST_NODE.
# Needs KUBECONFIG.
set -euo pipefail
serin=$1 shop=$2 load=$3 deploy=$4
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-real-trouble-XXXXXX")
namespace=trouble
# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"
# shellcheck source=tests/kubernetes/shipped.sh
source "$here/shipped.sh"
# shellcheck source=tests/kubernetes/edge.sh
source "$here/edge.sh"
# shellcheck source=tests/kubernetes/troubled_api.sh
source "$here/troubled_api.sh"

image v1
image v2
image poisoned SHOP_ERROR_PERCENT=50

# --- Serin's pods find the API where trouble can be made; the test, the kubelet and Kubernetes' own
# controllers find it where it is.
address=$(kubectl get endpoints kubernetes -o 'jsonpath={.subsets[0].addresses[0].ip}')
port=$(free_port)
(umask 077 && cat "$SERIN_TEST_NODE"/server.{crt,key} >"$dir/api.pem")
start_troubled_api "$address:$port ssl crt $dir/api.pem"
overlay() { # overlay ROLE FOLDER: prints the folder of one
  mkdir "$dir/$1"
  cat >"$dir/$1/kustomization.yaml" <<Y
resources: ["$(realpath --relative-to="$dir/$1" "$2")"]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: serin-$1, namespace: serin-system}
    spec:
      template:
        spec:
          containers:
          - name: $1
            env: [{name: KUBERNETES_SERVICE_HOST, value: "$address"}, {name: KUBERNETES_SERVICE_PORT, value: "$port"}]
Y
  printf '%s\n' "$dir/$1"
}
install_serin "$(overlay controller "$deploy")"
install_gateway "$(overlay gateway "$deploy/gateway")"
soon=('scaleDownDelaySeconds: 5' 'abortScaleDownDelaySeconds: 5')
# A verdict after fewer requests.
kubectl -n "$namespace" patch analysistemplate not-worse --type json -p '[{"op": "add", "value": {"ratio": 1, "difference": 0.02},
  "path": "/spec/metrics/0/provider/plugin/serin~1sequential/metrics/0/passMargin"}]' >/dev/null
{ judged_shop good http "${soon[@]}"; judged_shop bad https "${soon[@]}"; } | kubectl -n "$namespace" apply -f - >/dev/null
for name in good bad; do within 90 "$name is not there" phase "$name" Healthy; done
within 30 "good does not answer" answers_as "$http_url" v1
within 30 "bad does not answer" answers_as "$https_url" v1
kubectl proxy --port=0 >"$dir/proxy.log" 2>&1 &
pids[proxy]=$!
within 20 "no proxy" grep -q 'Starting to serve' "$dir/proxy.log"
url=http://$(sed -n 's/.*serve on //p' "$dir/proxy.log")
echo 'two gateways and two controllers reach the API through trouble'

# met COUNT PATTERN: the leader and the gateways were answered so, so often each
met() {
  local client
  for client in $clients; do (($(count "$2.* $client\$") >= $1)) || return; done
}

taken_back() { phase bad Degraded && weights_are bad 0; }

# survive KIND MILLISECONDS VERSION FORMER UNTIL...: from the healthy version's first 5 % on the trouble lasts until
# the command succeeds.
survive() {
  local kind=$1 wait=$2 version=$3 former=$4 began=$SECONDS
  shift 4
  clients=$(kubectl -n serin-system get pods -o json | jq -r --arg leader "$(leader)" '.items[] |
    select(.metadata.name == $leader or .metadata.labels["app.kubernetes.io/name"] == "serin-gateway") | .status.podIP')
  mark
  begin_load good "$http_url"
  begin_load bad "$https_url"
  set_image good "shop:$version"
  within 60 "$kind: the healthy version does not get 5 %" weights_are good 5
  set_image bad shop:poisoned
  trouble "$kind" "$wait"
  within 180 "$kind: it does not last" "$@"
  printf '%s for %s s\n' "$kind" "$((SECONDS - began))"
  trouble nothing
  within 120 "$kind: the poisoned version is not taken back" taken_back
  end_load bad poisoned '.canary_failures > 0 and .canary_share <= 0.05' "$kind: taken back"
  within 120 "$kind: the healthy version is not promoted" phase good Healthy
  within 60 "$kind: the former version stays" gone good "shop:$former"
  end_load good "$version" '.canary_failures == 0 and .requests_canary > 500' "$kind: promoted"
  set_image bad shop:v1
  within 60 "$kind: going back is not Healthy" phase bad Healthy
  printf '%s: %s s, %s requests of the API, %s of them answered well\n' "$kind" "$((SECONDS - began))" "$(since | wc -l)" "$(count '^20')"
}
survive busy 0 v2 v1 met 10 '^429'
survive forgotten 0 v1 v2 met 10 '^410'
survive slow 700 v2 v1 taken_back
write_always "$url" "/apis/argoproj.io/v1alpha1/namespaces/$namespace/rollouts"/{good,bad} \
  "/apis/gateway.networking.k8s.io/v1/namespaces/$namespace/httproutes"/{good,bad} >"$dir/other.log" 2>&1 &
pids[other]=$!
survive late 100 v1 v2 taken_back
(($(count '^409') > 0)) || fail "there was no conflict"

# --- Nobody was ended for being slow to answer.
restarts=$(kubectl -n serin-system get pods -o json | jq '[.items[].status.containerStatuses[].restartCount] | add')
((restarts == 0)) || fail "containers were started again $restarts times"
no_right_was_missing
echo 'real pods are released as ever while the API is busy, slow, forgetful and written to by others'
