#!/usr/bin/env bash
# acceptance.sh PROGRAM DEPLOY [ARGUMENTS]: runs the acceptance suite of releases, PROGRAM, on the real
# API that KUBECONFIG names, once all kinds are served. Needs a cluster in which nobody else does anything
# (run.sh --bare): ReplicaSets and Deployments are played by the suite.
set -euo pipefail
program=$1 deploy=$2
shift 2
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

{
  cat "$here/gateway_api.yaml"
  echo '---'
  definition networking.istio.io v1alpha3 VirtualService virtualservices
  definition networking.istio.io v1alpha3 DestinationRule destinationrules
  definition traefik.io v1alpha1 TraefikService traefikservices
  definition split.smi-spec.io v1alpha2 TrafficSplit trafficsplits
  definition apisix.apache.org v2 ApisixRoute apisixroutes
  definition getambassador.io v2 Mapping mappings
} | kubectl apply -f - >/dev/null
kubectl apply -f "$deploy/crds" >/dev/null
kubectl wait --for condition=established --timeout=60s customresourcedefinitions --all >/dev/null
exec "$program" "$@"
