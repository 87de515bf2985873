#!/usr/bin/env bash
# routers.sh SERIN DEPLOY: the same release by each router, on a real Kubernetes API, by `serin controller`
# with no more rights than deploy/ gives it: weights at two steps, old weights put back by GitOps, all of it
# taken back. The kinds of the routers come while the controller runs. Needs what played.sh needs.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-routers-XXXXXX")
namespace=serin-routers-$$

# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
# shellcheck source=tests/kubernetes/routed.sh
source "$here/routed.sh"
also_finish() { undefine "$here/routing_kinds.yaml"; }

# --- What each router's objects are: manifests_ROUTER prints what a person's repository has, and weight_of
# ROUTER what the canary gets. A Rollout is named like its router.
manifests_nginx() {
  cat <<'Y'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: nginx, annotations: {example.com/team: shop}}
spec:
  ingressClassName: nginx
  tls: [{hosts: [shop.example], secretName: shop}]
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: nginx-stable, port: {number: 80}}}}
      - {path: /files, pathType: Prefix, backend: {service: {name: files, port: {name: http}}}}
Y
}
manifests_alb() {
  cat <<'Y'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: alb, annotations: {alb.ingress.kubernetes.io/scheme: internal}}
spec:
  ingressClassName: alb
  rules:
  - http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: alb-stable, port: {name: use-annotation}}}}
      - {path: /files, pathType: Prefix, backend: {service: {name: files, port: {number: 80}}}}
Y
}
manifests_istio() {
  cat <<'Y'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: istio}
spec:
  hosts: [istio]
  http:
  - name: primary
    timeout: 5s
    route:
    - {destination: {host: istio, subset: stable}, weight: 100, headers: {request: {set: {x-side: stable}}}}
    - {destination: {host: istio, subset: canary}, weight: 0}
  - name: files
    match: [{uri: {prefix: /files}}]
    route: [{destination: {host: files}}]
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: istio}
spec:
  host: istio
  trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}
  subsets: [{name: stable, labels: {app: istio}}, {name: canary, labels: {app: istio}}, {name: all, labels: {app: istio}}]
Y
}
manifests_traefik() {
  cat <<'Y'
apiVersion: traefik.io/v1alpha1
kind: TraefikService
metadata: {name: traefik}
spec:
  weighted:
    services:
    - {name: traefik-stable, port: 80, weight: 100}
    - {name: traefik-canary, port: 80, weight: 0}
    sticky: {cookie: {name: side, httpOnly: true}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: traefik}
spec:
  entryPoints: [web]
  routes: [{kind: Rule, match: Host(`shop.example`), services: [{name: traefik, kind: TraefikService}]}]
Y
}
manifests_smi() { :; } # It makes its own.
manifests_apisix() {
  cat <<'Y'
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {name: apisix}
spec:
  ingressClassName: apisix
  http:
  - name: shop
    match: {hosts: [shop.example], paths: [/*]}
    plugins: [{name: limit-count, enable: true, config: {count: 100, time_window: 60}}]
    backends: [{serviceName: apisix-stable, servicePort: 80, weight: 100}, {serviceName: apisix-canary, servicePort: 80, weight: 0}]
  - {name: files, match: {paths: [/files]}, backends: [{serviceName: files, servicePort: http, weight: 7}]}
Y
}
manifests_ambassador() {
  cat <<'Y'
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: ambassador}
spec: {hostname: shop.example, prefix: /, service: "http://ambassador-stable:80", timeout_ms: 5000, retry_policy: {retry_on: 5xx, num_retries: 2}}
Y
}
manifests_gateway() {
  cat <<'Y'
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: gateway}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs: [{name: gateway-stable, port: 80, weight: 100}, {name: gateway-canary, port: 80, weight: 0}]
    timeouts: {request: 5s}
  - {matches: [{path: {value: /files}}], backendRefs: [{name: files, port: 80, weight: 7}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: gateway}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{method: {service: shop.Orders}}]
    backendRefs: [{name: gateway-stable, port: 80, weight: 100}, {name: gateway-canary, port: 80}]
Y
}
weight_of() {
  case $1 in
    nginx) field ingress/nginx-nginx-canary '.metadata.annotations.nginx\.ingress\.kubernetes\.io/canary-weight' ;;
    alb) field ingress/alb '.metadata.annotations.alb\.ingress\.kubernetes\.io/actions\.alb-stable' |
      jq -r '.ForwardConfig.TargetGroups | map({(.ServiceName): .Weight}) | add | select(.["alb-stable"] == 100 - .["alb-canary"]) | .["alb-canary"]' ;;
    istio) field virtualservice/istio '.spec.http[0].route[1].weight' ;;
    traefik) field traefikservice/traefik '.spec.weighted.services[?(@.name=="traefik-canary")].weight' ;;
    smi) field trafficsplit/smi '.spec.backends[?(@.service=="smi-canary")].weight' ;;
    apisix) field apisixroute/apisix '.spec.http[0].backends[1].weight' ;;
    # Without a weight there is no canary.
    ambassador) kubectl -n "$namespace" get mapping -o json |
      jq -r '[.items[] | select(.metadata.name == "ambassador-canary" and .spec.service == "http://ambassador-canary:80") | .spec.weight] | first // 0' ;;
    gateway) # Both say the same.
      kubectl -n "$namespace" get httproute/gateway grpcroute/gateway -o json |
        jq -r '[.items[].spec.rules[0].backendRefs | map({(.name): .weight}) | add] | unique | select(length == 1) | .[0]["gateway-canary"]' ;;
  esac
}
objects_of() { # What is looked at after each release.
  case $1 in
    nginx | alb) echo "ingress/$1" ;;
    istio) echo virtualservice/istio destinationrule/istio ;;
    traefik) echo traefikservice/traefik ingressroute/traefik ;;
    smi) ;;
    apisix) echo apisixroute/apisix ;;
    ambassador) echo mapping/ambassador ;;
    gateway) echo httproute/gateway grpcroute/gateway ;;
  esac
}
# Everything in them but what is the release's.
rest_of() {
  local object
  for object in $(objects_of "$1"); do
    kubectl -n "$namespace" get "$object" -o json | jq -cS '[.spec, .metadata.annotations // {} | select(type == "object")] |
      del(.[0] | .. | objects | .weight, .labels["rollouts-pod-template-hash"]?) | .[1] |= with_entries(select(.key |
      test("^(kubectl|serin|argo)|/actions[.]") | not))'
  done
}
# meddle ROUTER: as GitOps and as people do.
meddle() {
  manifests "$1" >"$dir/again"
  [[ ! -s $dir/again ]] || kubectl -n "$namespace" apply -f "$dir/again" >"$dir/applied"
  case $1 in
    nginx) kubectl -n "$namespace" annotate --overwrite ingress nginx-nginx-canary nginx.ingress.kubernetes.io/canary-weight=90 ;;
    alb) kubectl -n "$namespace" annotate ingress alb alb.ingress.kubernetes.io/actions.alb-stable- ;;
    smi) kubectl -n "$namespace" patch trafficsplit smi --type merge -p '{"spec": {"backends": [{"service": "smi-stable", "weight": 100}]}}' ;;
    ambassador) kubectl -n "$namespace" delete mapping ambassador-canary ;;
    *) grep configured "$dir/applied" ;; # There were other weights.
  esac >/dev/null
}
manifests() { "manifests_$1"; }
weighs() { [[ $(weight_of "$1") == "$2" ]]; }

play() { # play ROUTER: its Rollout is there, and its objects
  local router=$1 before
  within 60 "$router: v1 is not there" is "rollout/$router" .status.phase Healthy
  within 20 "$router: the canary has $(weight_of "$router")" weighs "$router" 0
  before=$(rest_of "$router")
  set_image "$router" shop:v2
  within 60 "$router: no first pause" is_at "$router" 1
  weighs "$router" 20 || fail "$router: $(weight_of "$router") at the first step"
  meddle "$router" || fail "$router: the weights were not other than in the repository"
  within 20 "$router: $(weight_of "$router") after GitOps" weighs "$router" 20
  "$serin" --server "$url" -n "$namespace" promote "$router" >/dev/null || fail "$router: promote"
  within 60 "$router: no second pause" is_at "$router" 3
  weighs "$router" 60 || fail "$router: $(weight_of "$router") at the second step"
  case $router in
    nginx) kubectl -n "$namespace" delete ingress nginx-nginx-canary >/dev/null && within 20 "it is not made again" weighs nginx 60 ;;
    smi) kubectl -n "$namespace" delete trafficsplit smi >/dev/null && within 20 "it is not made again" weighs smi 60 ;;
    istio)
      leads_to stable "$(field rollout/istio .status.stableRS)"
      leads_to canary "$(field rollout/istio .status.currentPodHash)"
      ;;
  esac
  "$serin" --server "$url" -n "$namespace" abort "$router" >/dev/null || fail "$router: abort"
  within 60 "$router: no abort" is "rollout/$router" .status.phase Degraded
  weighs "$router" 0 || fail "$router: $(weight_of "$router") after the abort"
  [[ $(rest_of "$router") == "$before" ]] || fail "$router: it changed more: $before to $(rest_of "$router")"
}
leads_to() { # leads_to SUBSET REVISION
  [[ $(field destinationrule/istio ".spec.subsets[?(@.name==\"$1\")].labels.rollouts-pod-template-hash") == "$2" ]] ||
    fail "istio: the subset $1 leads to another revision"
}
tells() { field "rollout/$1" .status.message | grep -qF "$2"; }

start_controller
play_pods
declare -A routing=(
  [nginx]='{nginx: {stableIngress: nginx}}'
  [alb]='{alb: {ingress: alb, servicePort: 80}}'
  [istio]='{istio: {virtualService: {name: istio, routes: [primary]}, destinationRule: {name: istio, canarySubsetName: canary, stableSubsetName: stable}}}'
  [traefik]='{traefik: {weightedTraefikServiceName: traefik}}'
  [smi]='{smi: {}}'
  [apisix]='{apisix: {route: {name: apisix, rules: [shop]}}}'
  [ambassador]='{ambassador: {mappings: [ambassador]}}'
  [gateway]='{plugins: {argoproj-labs/gatewayAPI: {httpRoute: gateway, grpcRoute: gateway}}}'
)
for router in "${!routing[@]}"; do
  rollout "$router" "${routing[$router]}" '[{setWeight: 20}, {pause: {}}, {setWeight: 60}, {pause: {}}]'
done

# --- While kinds are missing it is told which, and those that Kubernetes itself has are served.
declare -A missing=(
  [istio]='virtualservices.networking.istio.io v1alpha3' [traefik]='traefikservices.traefik.io v1alpha1'
  [apisix]='apisixroutes.apisix.apache.org v2' [ambassador]='mappings.getambassador.io v3alpha1'
)
for router in "${!missing[@]}"; do
  is_served "${missing[$router]}" || within 30 "$router: the missing kind is not told" tells "$router" "install ${missing[$router]}"
done
# What is to be made misses its kind when it is made.
is_served 'trafficsplits.split.smi-spec.io v1alpha2' ||
  within 30 "smi: the missing kind is not told" grep -qF 'install trafficsplits.split.smi-spec.io v1alpha2' "$dir/controller.log"
for file in routing_kinds gateway_api; do define "$here/$file.yaml"; done
for router in "${!routing[@]}"; do
  manifests "$router" | kubectl -n "$namespace" apply -f - >/dev/null 2>"$dir/refused" || [[ $router == smi ]] || fail "$(<"$dir/refused")"
done
for router in nginx alb istio traefik smi apisix ambassador gateway; do play "$router"; done

# --- One that is promoted ends at weight 0, with both sides at the new version.
"$serin" --server "$url" -n "$namespace" retry istio >/dev/null
"$serin" --server "$url" -n "$namespace" promote istio --full >/dev/null
within 90 "istio: no promotion" is rollout/istio .status.phase Healthy
within 20 "istio: $(weight_of istio) is left" weighs istio 0
for subset in stable canary; do leads_to "$subset" "$(field rollout/istio .status.currentPodHash)"; done

no_right_was_missing
echo 'eight routers carry a release, keep its weights over GitOps and take it back'
