# Sourced by tests of real pods with users in front, after shipped.sh: the gateways as `deploy/gateway` installs
# them, shops behind them, load through their Service, and an account of that. They set serin, shop, load, deploy,
# here, dir and namespace.
# shellcheck shell=bash disable=SC2154

install_gateway() { # install_gateway FOLDER: deploy/gateway or an overlay, after install_serin. Listeners `http` and `https` of the Gateway `edge` are at $http_url and $https_url.
  local address
  define "$here/gateway_api.yaml"
  within 20 "the API does not take deploy/gateway" apply_folder "$1"
  within 120 "the gateways are not ready" has_ready serin-gateway 2
  kubectl create namespace "$namespace" >/dev/null
  kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: serin
  listeners:
  - {name: http, protocol: HTTP, port: 8080}
  - {name: https, protocol: HTTP, port: 8443}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: not-worse}
spec:
  metrics:
  - name: not-worse
    provider: {plugin: {serin/sequential: {metrics: [{metric: error-rate}], timeout: 5m}}}
Y
  address=$(kubectl -n serin-system get service serin-gateway -o 'jsonpath={.spec.clusterIP}')
  # shellcheck disable=SC2034
  http_url=http://$address:80 https_url=http://$address:443
}

judged_shop() { # judged_shop NAME LISTENER [FIELD...]: prints a shop that is released by its requests
  local field
  cat <<Y
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: $1}
spec:
  parentRefs: [{name: edge, sectionName: $2}]
  rules:
  - backendRefs:
    - {name: $1-stable, port: 80, weight: 100}
    - {name: $1-canary, port: 80, weight: 0}
---
apiVersion: v1
kind: Service
metadata: {name: $1-stable}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: $1-canary}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: $1}
spec:
  replicas: 2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      containers:
      - name: shop
        image: shop:v1
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
  strategy:
    canary:
      stableService: $1-stable
      canaryService: $1-canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: $1}}}
      analysis: {templates: [{templateName: not-worse}]}
      steps:
      - setWeight: 5
      - pause: {duration: 10}
      - setWeight: 50
      - analysis: {templates: [{templateName: not-worse}]}
Y
  for field in "${@:3}"; do printf '      %s\n' "$field"; done
}

answers_as() { [[ $(curl -fsS "$1/version") == "{\"version\":\"$2\"}" ]]; } # answers_as URL VERSION

begin_load() { # begin_load NAME URL
  "$load" run --url "$2" --rate 200 --log "$dir/$1.requests" >"$dir/$1.load" 2>&1 &
  pids[load-$1]=$!
}
end_load() { # end_load NAME CANDIDATE FILTER WHAT
  local counts
  kill "${pids[load-$1]}"
  wait "${pids[load-$1]}" || true
  unset "pids[load-$1]"
  counts=$("$load" report --log "$dir/$1.requests" --candidate "$2")
  jq -e ".requests_lost == 0 and ($3)" <<<"$counts" >/dev/null || fail "$4: $counts"
  jq -r --arg what "$4" '"\($what): \(.requests_total) requests, \(.requests_canary) to the new version, \(.canary_failures) of them failed, 0 lost"' <<<"$counts"
  rm "$dir/$1.requests"
}

weights_are() { # weights_are SHOP PERCENT: the new version's share that is in force, as the gateway says
  [[ $(kubectl -n "$namespace" get httproute "$1" -o json | jq -c '. as $route | .status.parents[]?.conditions[]? |
    select(.type == "serin.dev/InForce" and .status == "True" and .observedGeneration == $route.metadata.generation) |
    .message | fromjson') == "[{\"$1-stable\":$((100 - $2)),\"$1-canary\":$2}]" ]]
}
