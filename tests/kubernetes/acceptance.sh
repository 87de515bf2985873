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

# The suite's own data plane keeps the weight in force in a status that no HTTPRoute has.
kubectl create --dry-run=client -o json -f "$here/gateway_api.yaml" | jq 'if .kind == "List" then .items[] else . end |
  .spec.versions[].schema.openAPIV3Schema = {type: "object", "x-kubernetes-preserve-unknown-fields": true}' |
  kubectl create -f - >/dev/null
define "$here/routing_kinds.yaml"
kubectl apply -f "$deploy/crds" >/dev/null
kubectl wait --for condition=established --timeout=60s customresourcedefinitions --all >/dev/null
exec "$program" "$@"
