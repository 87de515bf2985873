#!/usr/bin/env bash
# crds_api.sh DEPLOY EXAMPLES: a real API server takes the definitions, serves what they promise,
# takes the manifests of the examples and refuses bad ones. Needs KUBECONFIG.
set -euo pipefail
deploy=$1 examples=$2
namespace=serin-crds-$$
status=0

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  status=1
}

kubectl apply -f "$deploy/crds" >/dev/null
kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
kubectl create namespace "$namespace" >/dev/null
trap 'kubectl delete namespace "$namespace" --wait=false >/dev/null' EXIT
serin_kinds='Rollout|AnalysisTemplate|ClusterAnalysisTemplate|AnalysisRun|Experiment'

# What cannot be said in a schema that structural schemas are made of shows here.
for condition in NonStructuralSchema KubernetesAPIApprovalPolicyConformant; do
  kubectl get -f "$deploy/crds" -o jsonpath="{range .items[*]}{.status.conditions[?(@.type=='$condition')].message}{end}" |
    grep . && fail "$condition"
done

rollout() { # rollout NAME STRATEGY [POD_SPEC_LINES]: a manifest with this strategy
  cat <<Y
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: $1, namespace: $namespace}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}, creationTimestamp: null}
    spec:
      containers:
      - {name: shop, image: "shop:v1", resources: {limits: {cpu: 0.5, memory: 64Mi}}}
      ${3:-}
  strategy: $2
Y
}

takes() { # takes NAME STRATEGY [MORE]
  rollout "$@" | kubectl create --validate=false -f - >/dev/null || fail "$1 is refused"
}
refuses() { # refuses NAME STRATEGY WORDS: and says why
  local answer
  if answer=$(rollout "$1" "$2" | kubectl create --validate=false -f - 2>&1); then
    fail "$1 is taken"
  elif ! grep -q -- "$3" <<<"$answer"; then
    fail "$1 is refused with other words: $answer"
  fi
}

takes plain '{canary: {steps: [{setWeight: 20}, {pause: {}}, {pause: {duration: 1h}}, {pause: {duration: 30}}]}}'
takes surge '{canary: {maxSurge: 25%, maxUnavailable: 0}}'
takes blue '{blueGreen: {activeService: shop}}'
takes newer '{canary: {}}' 'fieldOfTomorrow: {a: 1}'
refuses both '{canary: {}, blueGreen: {activeService: shop}}' 'exactly one\|must validate one'
refuses nothing '{}' 'oneOf\|must validate one'
refuses weight '{canary: {steps: [{setWeight: many}]}}' 'setWeight'
refuses negative '{canary: {steps: [{setWeight: -1}]}}' 'greater than or equal to 0'
refuses twice '{canary: {steps: [{setWeight: 1, pause: {}}]}}' 'oneOf\|must validate one'
refuses service '{blueGreen: {activeService: Shop_}}' 'activeService'
refuses surge-text '{canary: {maxSurge: much}}' 'maxSurge'
refuses router '{canary: {trafficRouting: {alb: {ingress: a, ingresses: [b], servicePort: 80}}}}' 'alb'

# A field that the table does not know reaches the pods all the same.
[[ $(kubectl -n "$namespace" get rollout newer -o jsonpath='{.spec.template.spec.fieldOfTomorrow.a}') == 1 ]] ||
  fail "an unknown field of a pod specification is dropped"
[[ $(kubectl -n "$namespace" get ro plain -o jsonpath='{.spec.template.spec.containers[0].resources.limits.cpu}') == 0.5 ]] ||
  fail "a quantity changed"

kubectl -n "$namespace" scale rollout plain --replicas=5 >/dev/null || fail "scale"
[[ $(kubectl -n "$namespace" get rollout plain -o jsonpath='{.spec.replicas}') == 5 ]] || fail "scale has no effect"
kubectl -n "$namespace" get ro | head -1 | grep -q 'DESIRED.*CURRENT.*UP-TO-DATE.*AVAILABLE.*AGE' || fail "columns"

api=/apis/argoproj.io/v1alpha1/namespaces/$namespace/rollouts/plain/status
kubectl get --raw "$api" | sed 's/"spec":/"status":{"phase":"Healthy"},"spec":/' >"${TMPDIR:-/tmp}/$namespace.json"
kubectl replace --raw "$api" -f "${TMPDIR:-/tmp}/$namespace.json" >/dev/null || fail "status"
rm -f "${TMPDIR:-/tmp}/$namespace.json"
[[ $(kubectl -n "$namespace" get rollout plain -o jsonpath='{.status.phase},{.metadata.generation}') == Healthy,2 ]] ||
  fail "the status subresource"

# Everything that runs on one machine is taken here too.
while read -r file; do
  kubectl apply --dry-run=server --validate=false -n "$namespace" -f "$file" 2>&1 |
    grep -E 'is invalid|Error from server \(BadRequest\)' && fail "$file is refused"
done < <(grep -rlE "^kind: ($serin_kinds)\$" "$examples" --include='*.yaml')

((status == 0)) && echo 'the API serves the definitions'
exit "$status"
