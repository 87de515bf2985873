#!/usr/bin/env bash
# deploy.sh DEPLOY: a real API server takes all that `kubectl apply -k deploy/` would send it. Needs
# KUBECONFIG.
set -euo pipefail
manifests=$(kubectl kustomize "$1")
# Kubernetes 1.20, which the tests start, has budgets in their beta version only.
if ! kubectl api-versions | grep -qx policy/v1; then
  manifests=${manifests//'apiVersion: policy/v1'/'apiVersion: policy/v1beta1'}
fi
kubectl apply -f - <<<"$manifests"
kubectl -n serin-system get deployment serin-controller -o json | jq -e '.spec.template.spec |
  .securityContext.runAsNonRoot and (.containers | all(.securityContext.readOnlyRootFilesystem and
  (.securityContext.allowPrivilegeEscalation | not) and .livenessProbe and .readinessProbe and .resources.limits.memory))' \
  >/dev/null || { echo 'FAILED: the container may do too much' >&2; exit 1; }
kubectl -n serin-system delete deployment serin-controller >/dev/null
echo 'the API takes deploy/'
