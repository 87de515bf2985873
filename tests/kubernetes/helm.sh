#!/usr/bin/env bash
# helm.sh DEPLOY: the chart in DEPLOY/helm renders what DEPLOY's plain manifests are, refuses wrong
# values, and is installed, upgraded and removed on a real API server by the real helm. Needs KUBECONFIG,
# and a user who may do anything.
set -euo pipefail
deploy=$1
here=$(dirname "$(readlink -f "$0")")
helm=$("$here/clients.sh" path helm)
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-helm-XXXXXX")
namespace=serin-helm-$$
chart=$deploy/helm/serin
# Of this test alone, whatever the user has.
export HELM_CONFIG_HOME=$dir/config HELM_CACHE_HOME=$dir/cache HELM_DATA_HOME=$dir/data

# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"
tell_more() {
  "$helm" -n "$namespace" list -a || true
  "$helm" -n "$namespace" history serin-helm || true
  tail -n 20 "$dir"/*.log 2>/dev/null || true
}
finish() {
  "$helm" -n "$namespace" uninstall serin-helm >/dev/null 2>&1 || true
  kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

# --- The same objects as the plain manifests.
"$helm" lint --strict --quiet "$chart" >"$dir/lint.log" 2>&1 || fail "helm lint: $(<"$dir/lint.log")"

render() { # render OUTPUT [ARGUMENTS]: for a Kubernetes of today
  "$helm" template serin "$chart" --namespace serin-system --kube-version 1.27 "${@:2}" >"$1" 2>"$dir/template.log" ||
    fail "helm template ${*:2}: $(<"$dir/template.log")"
}
plain() { # plain FILE: as JSON, without what is Helm's own, in the order of kinds and names
  kubectl label --local --overwrite -f "$1" -o json app.kubernetes.io/instance- app.kubernetes.io/version- \
    app.kubernetes.io/managed-by- helm.sh/chart- | jq -S -s 'map(del(.metadata.annotations["helm.sh/resource-policy"]) |
      if .metadata.annotations == {} or .metadata.annotations == null then del(.metadata.annotations) else . end) |
      sort_by(.kind, .metadata.name)'
}
same() { # same WHAT FOLDER... -- ARGUMENTS: the chart with ARGUMENTS is the FOLDERs
  local what=$1 folder
  shift
  : >"$dir/manifests.yaml"
  while [[ $1 != -- ]]; do
    folder=$1
    { kubectl kustomize "$folder"; echo ---; } >>"$dir/manifests.yaml"
    shift
  done
  shift
  render "$dir/rendered.yaml" "$@"
  diff <(plain "$dir/manifests.yaml") <(plain "$dir/rendered.yaml") >"$dir/difference" ||
    fail "$what is another than the chart (< manifests, > chart): $(head -40 "$dir/difference")"
}
same 'deploy/' "$deploy" -- --set namespace.create=true
same 'deploy/ with deploy/gateway' "$deploy" "$deploy/gateway" -- --set namespace.create=true,gateway.enabled=true
# The namespace is helm's to make: with it in the chart there would be two who do.
render "$dir/default.yaml"
grep -q '^kind: Namespace' "$dir/default.yaml" && fail "the chart makes its namespace"
(($(grep -c '^kind: ' "$dir/default.yaml") == $(kubectl kustomize "$deploy" | grep -c '^kind: ') - 1)) ||
  fail "as it stands, the chart is not deploy/ but for the namespace"

# What a packager makes of it is whole, and holds no link.
"$helm" package "$chart" --destination "$dir" >"$dir/package.log" 2>&1 || fail "helm package"
"$helm" template serin "$dir"/serin-*.tgz -n serin-system --kube-version 1.27 2>/dev/null | diff - "$dir/default.yaml" >/dev/null ||
  fail "the package is another than the chart"

# --- Values that are given arrive; wrong ones are refused, by name.
cat >"$dir/values.yaml" <<'V'
fullnameOverride: blue
image: {repository: registry.example/serin, tag: v9, pullPolicy: Always}
imagePullSecrets: [{name: credentials}]
rbac: {routers: {istio: false}, secrets: false, extraRules: [{apiGroups: [a.example], resources: [b], verbs: [get]}]}
logLevel: debug
logFormat: text
controller:
  replicaCount: 1
  namespaces: [a, b]
  extraArgs: [--prometheus=http://p:9090]
  env: [{name: A, value: b}]
  stateVolume: {persistentVolumeClaim: {claimName: evidence}}
  podSecurityContext: {runAsUser: 1000740000}
  nodeSelector: {disk: fast}
  tolerations: [{key: k, operator: Exists}]
  affinity: {nodeAffinity: {}}
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
  metrics: {serviceMonitor: {enabled: true, interval: 30s, labels: {release: prometheus}}}
  networkPolicy: {from: [{podSelector: {}}]}
gateway:
  enabled: true
  replicaCount: 1
  service: {type: LoadBalancer, externalTrafficPolicy: Local}
  ports: [{name: web, port: 80, targetPort: 8888}]
V
render "$dir/rendered.yaml" -f "$dir/values.yaml" --set crds.install=false
plain "$dir/rendered.yaml" >"$dir/given.json"
holds() { jq -e "map({key: (.kind + \"/\" + .metadata.name), value: .}) | from_entries | $1" "$dir/given.json" >/dev/null || fail "not so: $1"; }
holds '[keys[] | select(startswith("CustomResource") or startswith("PodDisruption"))] == []'
controller='."Deployment/blue-controller".spec.template.spec'
holds "$controller.containers[0] | .image == \"registry.example/serin:v9\" and .imagePullPolicy == \"Always\" and .env == [{name: \"A\", value: \"b\"}]"
holds "$controller.containers[0].args[4:] == [\"--verbose\", \"--namespaces=a,b\", \"--prometheus=http://p:9090\"]"
holds "$controller | .volumes[0].persistentVolumeClaim.claimName == \"evidence\" and .imagePullSecrets[0].name == \"credentials\""
holds "$controller | .securityContext.runAsUser == 1000740000 and .securityContext.runAsNonRoot"
holds "$controller | .nodeSelector.disk == \"fast\" and .tolerations[0].key == \"k\" and .topologySpreadConstraints[0].topologyKey == \"zone\""
holds "$controller.affinity == {nodeAffinity: {}}"
holds '."Deployment/blue-controller".spec.strategy.type == "Recreate"'
holds '."ServiceMonitor/blue-controller" | .spec.endpoints[0].interval == "30s" and .metadata.labels.release == "prometheus"'
holds '."NetworkPolicy/blue-controller".spec.ingress[0].from == [{podSelector: {}}]'
holds '[."ClusterRole/blue-controller".rules[].apiGroups[]] | index("a.example") and (index("networking.istio.io") | not)'
holds '[."ClusterRole/blue-controller".rules[].resources[]] | index("secrets") | not'
holds '."ClusterRoleBinding/blue-controller".subjects[0] == {kind: "ServiceAccount", name: "blue-controller", namespace: "serin-system"}'
# The gateway knows its reader by another name.
holds '."Deployment/blue-gateway".spec.template.spec.containers[0].args | index("--reader=system:serviceaccount:serin-system:blue-controller")'
holds '."Service/blue-gateway".spec | .type == "LoadBalancer" and .ports == [{name: "web", port: 80, targetPort: 8888}]'
holds '."NetworkPolicy/blue-gateway".spec.ingress[0].ports[0].port == 8888'

refused() { # refused WORDS ARGUMENTS...
  local words=$1
  shift
  if "$helm" template serin "$chart" "$@" >/dev/null 2>"$dir/refusal.log"; then fail "$* is taken"; fi
  grep -qF -- "$words" "$dir/refusal.log" || fail "$* is refused with: $(<"$dir/refusal.log")"
}
refused 'controller.replicaCount: Invalid type. Expected: integer, given: string' --set-string controller.replicaCount=two
refused 'controller: Additional property replicas is not allowed' --set controller.replicas=3
refused 'image.pullPolicy must be one of the following' --set image.pullPolicy=Sometimes
refused 'logLevel must be one of the following' --set logLevel=loud
refused 'gateway.ports.0.targetPort: Must be greater than or equal to 1025' \
  --set-json 'gateway.ports=[{"name": "web", "port": 80, "targetPort": 80}]'
refused 'controller.resources.limits.memory' --set controller.resources.limits.memory=512MB
refused 'controller.podDisruptionBudget.minAvailable' --set controller.podDisruptionBudget.minAvailable=half
refused 'one claim cannot be the state of two controllers' --set controller.stateVolume.persistentVolumeClaim.claimName=evidence
refused 'set controller.metrics.service.enabled' --set controller.metrics.serviceMonitor.enabled=true,controller.metrics.service.enabled=false
refused 'terminationGracePeriodSeconds' --set gateway.enabled=true,gateway.drainSeconds=60

# --- On the API server. Definitions that kubectl has applied become Helm's by two annotations and a label.
for definition in $(kubectl get customresourcedefinitions -o name | grep -E '\.(argoproj\.io|serin\.dev)$' || true); do
  kubectl label --overwrite "$definition" app.kubernetes.io/managed-by=Helm >/dev/null
  kubectl annotate --overwrite "$definition" meta.helm.sh/release-name=serin-helm "meta.helm.sh/release-namespace=$namespace" >/dev/null
done
run() { "$helm" --namespace "$namespace" "$@" >"$dir/helm.log" 2>&1 || fail "helm $*"; }
run install serin-helm "$chart" --create-namespace
kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
is deployment/serin-helm-controller .spec.replicas 2 || fail "two controllers were wanted"
is poddisruptionbudget/serin-helm-controller .spec.minAvailable 1 || fail "no budget"
may() { kubectl auth can-i "$@" --as "system:serviceaccount:$namespace:serin-helm-controller" >/dev/null; }
may patch rollouts.argoproj.io -n default || fail "the controller may not patch Rollouts"
may update lease/serin-controller -n "$namespace" || fail "the controller may not lead"
may create deployments.apps -n default && fail "the controller may make Deployments"

kubectl -n "$namespace" apply -f - >/dev/null <<'R'
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: kept}
spec:
  replicas: 1
  selector: {matchLabels: {app: kept}}
  template:
    metadata: {labels: {app: kept}}
    spec: {containers: [{name: app, image: "app:v1"}]}
  strategy: {canary: {steps: [{setWeight: 50}]}}
R
uid=$(field rollout/kept .metadata.uid)

define "$here/gateway_api.yaml"
# One of another test would have to be adopted first.
kubectl delete gatewayclass serin --ignore-not-found >/dev/null
run upgrade serin-helm "$chart" --reuse-values --set controller.replicaCount=3,controller.podDisruptionBudget.maxUnavailable=1 \
  --set logLevel=debug,gateway.enabled=true,controller.metrics.scrapeAnnotations=false
is deployment/serin-helm-controller .spec.replicas 3 || fail "replicas are not upgraded"
field deployment/serin-helm-controller .spec.template.spec.containers[0].args | grep -q -- --verbose || fail "the log level is not upgraded"
is poddisruptionbudget/serin-helm-controller .spec.maxUnavailable 1 || fail "the budget is not upgraded"
[[ -z $(field deployment/serin-helm-controller .spec.template.metadata.annotations) ]] || fail "annotations stay"
is service/serin-helm-gateway .spec.ports[0].targetPort 8080 || fail "there is no gateway"
is gatewayclass/serin .spec.controllerName serin.dev/gateway || fail "there is no class"
may patch rollouts.argoproj.io -n default || fail "rights went with the upgrade"
run rollback serin-helm 1
is deployment/serin-helm-controller .spec.replicas 2 || fail "replicas are not rolled back"
kubectl -n "$namespace" get deployment serin-helm-gateway >/dev/null 2>&1 && fail "the gateway stays"

# --- What is released outlives the chart, and the next one finds it.
run uninstall serin-helm --wait
kubectl -n "$namespace" get deployment,serviceaccount,role -l app.kubernetes.io/part-of=serin -o name | grep . && fail "objects stay"
kubectl get clusterrole serin-helm-controller >/dev/null 2>&1 && fail "the ClusterRole stays"
(($(kubectl get customresourcedefinitions -o name | grep -c '\.argoproj\.io$') == 5)) || fail "definitions went"
is rollout/kept .metadata.uid "$uid" || fail "the Rollout went"
run install serin-helm "$chart"
is rollout/kept .metadata.uid "$uid" || fail "the Rollout went with the second install"
run uninstall serin-helm
is rollout/kept .metadata.uid "$uid" || fail "the Rollout went at last"
echo 'the chart is deploy/, and comes, changes and goes on a real API server'
