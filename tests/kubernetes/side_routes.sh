#!/usr/bin/env bash
# side_routes.sh SERIN DEPLOY: header and mirror routes of releases in VirtualServices and HTTPRoutes on a real
# Kubernetes API, by `serin controller` with no more rights than deploy/ gives it: they come, outlive GitOps
# and go, and an API that drops the names of rules or the shares of mirrors is seen for what it is. Needs what
# played.sh needs.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-side-routes-XXXXXX")
namespace=serin-side-routes-$$

# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
# shellcheck source=tests/kubernetes/routed.sh
source "$here/routed.sh"
also_finish() {
  undefine "$here/routing_kinds.yaml"
  [[ ! -e $dir/definition ]] || kubectl replace -f "$dir/definition" >/dev/null 2>&1 || true
}

cat >"$dir/mesh.yaml" <<'Y'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mesh}
spec:
  hosts: [mesh]
  http:
  - match: [{uri: {prefix: /files}}]
    route: [{destination: {host: files}}]
  - name: primary
    route: [{destination: {host: mesh-stable}, weight: 100}, {destination: {host: mesh-canary}, weight: 0}]
Y
cat >"$dir/edge.yaml" <<'Y'
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: edge}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs: [{name: edge-stable, port: 80, weight: 100}, {name: edge-canary, port: 80, weight: 0}]
  - {matches: [{path: {value: /files}}], backendRefs: [{name: files, port: 80}]}
Y
steps='[{setCanaryScale: {replicas: 1}},
  {setHeaderRoute: {name: testers, match: [{headerName: x-tester, headerValue: {exact: "yes"}}, {headerName: x-group, headerValue: {prefix: in}}]}},
  {setMirrorRoute: {name: shadow, percentage: 10, match: [{method: {exact: GET}, path: {prefix: /}}]}},
  {setWeight: 20}, {pause: {}}, {setHeaderRoute: {name: testers}}, {setMirrorRoute: {name: shadow}}, {pause: {}}]'
managed='managedRoutes: [{name: testers}, {name: shadow}]'

mesh() { kubectl -n "$namespace" get virtualservice mesh -o json | jq -c "$1"; }
edge() { kubectl -n "$namespace" get httproute edge -o json | jq -c "$1"; }
says() { [[ $("$1" "$2") == "$3" ]]; } # says OBJECT FILTER RESULT
# What the routes are while the release has both: matches of the first, what is copied where, and the split.
mesh_both='[.spec.http[] | [.name, .match[0].headers // .match[0].uri, .mirror.host, .mirrorPercentage.value, [.route[].weight]]]'
mesh_expected='[["testers",{"x-group":{"prefix":"in"},"x-tester":{"exact":"yes"}},null,null,[100]],["shadow",{"prefix":"/"},"mesh-canary",10,[80,20]],[null,{"prefix":"/files"},null,null,[null]],["primary",null,null,null,[80,20]]]'
edge_both='[.spec.rules[] | [[.matches[0] | .headers[]?.value, .method, .path.value], [.filters[]?.requestMirror | .backendRef.name, .percent], [.backendRefs[].weight]]]'
edge_expected='[[[null,"/"],[],[80,20]],[[null,"/files"],[],[1]],[["GET","/"],["edge-canary",10],[80,20]],[["in.*","yes",null,"/"],[],[1]]]'
names='[.spec.rules[].name | select(.)]'

prepare
for file in routing_kinds gateway_api; do define "$here/$file.yaml"; done
start_controller
play_pods
kubectl -n "$namespace" apply -f "$dir/mesh.yaml" -f "$dir/edge.yaml" >/dev/null
rollout mesh "{istio: {virtualService: {name: mesh}}, $managed}" "$steps"
rollout edge "{plugins: {argoproj-labs/gatewayAPI: {httpRoute: edge}}, $managed}" "$steps"
mesh_before=$(mesh .spec) edge_before=$(edge .spec)

both() { # both IMAGE: that both releases reach the first pause with all routes
  set_image mesh "$1"
  set_image edge "$1"
  within 90 "$1: no pause of the mesh" is_at mesh 4
  within 60 "$1: no pause of the edge" is_at edge 4
}
have_both() {
  within 20 "$1: the mesh has $(mesh "$mesh_both")" says mesh "$mesh_both" "$mesh_expected"
  within 20 "$1: the edge has $(edge "$edge_both")" says edge "$edge_both" "$edge_expected"
}
abort_both() {
  local name
  for name in mesh edge; do "$serin" --server "$url" -n "$namespace" abort "$name" >/dev/null; done
  for name in mesh edge; do within 60 "$name: no abort" is "rollout/$name" .status.phase Degraded; done
  [[ $(mesh .spec) == "$mesh_before" ]] || fail "the mesh was $mesh_before and is $(mesh .spec)"
  [[ $(edge .spec) == "$edge_before" ]] || fail "the edge was $edge_before and is $(edge .spec)"
}

# --- They come, come again after GitOps, and go with their steps or with the release.
for name in mesh edge; do within 90 "$name: v1 is not there" is "rollout/$name" .status.phase Healthy; done
both shop:v2
have_both v2
says edge "$names" '["shadow","testers"]' || fail "the rules are called $(edge "$names")"
kubectl -n "$namespace" apply -f "$dir/mesh.yaml" -f "$dir/edge.yaml" >"$dir/applied"
(($(grep -c configured "$dir/applied") == 2)) || fail "GitOps changes nothing"
have_both 'v2 after GitOps'
for name in mesh edge; do "$serin" --server "$url" -n "$namespace" promote "$name" >/dev/null; done
within 60 "no second pause of the mesh" is_at mesh 7
within 60 "no second pause of the edge" is_at edge 7
says mesh '[.spec.http[].name]' '[null,"primary"]' || fail "the mesh keeps $(mesh '[.spec.http[].name]')"
says edge '.spec.rules | length' 2 || fail "the edge keeps $(edge .spec.rules)"
abort_both
both shop:v3
have_both v3
abort_both

# --- Before Gateway API v1.4 rules have no names: what is the release's is known all the same.
definition=customresourcedefinition/httproutes.gateway.networking.k8s.io
if ! kubectl get "$definition" -o yaml | grep -q 'unapproved, for tests alone'; then
  no_right_was_missing
  echo 'header and mirror routes come and go; the definition of HTTPRoutes is left as it is here'
  exit
fi
kubectl get "$definition" -o json | jq 'del(.metadata.resourceVersion)' >"$dir/definition"
keeps() { # keeps FILTER: what the API makes of a rule with a name and a share
  edge '.spec.rules[0] += {name: "probe", filters: [{type: "RequestMirror", requestMirror: {percent: 5, backendRef: {name: "files", port: 80}}}]}' |
    kubectl replace --dry-run=server --validate=false -o json -f - | jq -e "$1" >/dev/null
}
drops() { ! keeps "$1"; }
forget() { # forget MEMBER WHAT: in the definition, as older ones have it
  kubectl get "$definition" -o json | jq "del(.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.rules.items.properties$1)" |
    kubectl replace -f - >/dev/null
  within 30 "the API keeps $2" drops ".spec.rules[0]$2"
}
forget .name .name
both shop:v4
sleep 2
have_both v4
says edge "$names" '[]' || fail "the rules are called $(edge "$names")"
kubectl -n "$namespace" apply -f "$dir/edge.yaml" >/dev/null
have_both 'v4 after GitOps'
abort_both

# --- Before v1.3 mirrors have no shares: all requests would be copied, so none are.
forget .filters.items.properties.requestMirror.properties.percent '.filters[0].requestMirror.percent'
set_image edge shop:v5
is_refused() { kubectl -n "$namespace" get events -o json | jq -e '[.items[].message | select(contains("no shares of mirrors"))] | length > 0' >/dev/null; }
within 60 "the share is not refused" is_refused
sleep 1
at=$(edge .metadata.generation)
sleep 3
[[ $(edge .metadata.generation) == "$at" ]] || fail "the route is written again and again"
says edge '[.spec.rules[].filters // empty]' '[]' || fail "requests are copied: $(edge .spec.rules)"
abort_both

no_right_was_missing
echo 'header and mirror routes come, outlive GitOps and go, whatever the API drops'
