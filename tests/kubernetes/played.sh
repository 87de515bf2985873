# Sourced by tests in which pods are played by pods.sh: a controller with no more rights than deploy/ gives
# it, in a namespace of the test, and `kubectl proxy` at $url. They set serin, deploy, here, dir and
# namespace. Needs KUBECONFIG, a user who may do anything, and no other controller of Rollouts.
# shellcheck shell=bash disable=SC2154

# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

declare -A pids=()

tell_more() {
  kubectl -n "$namespace" get rollouts,replicasets,analysisruns,experiments -o wide 2>&1 | head -30 || true
  kubectl -n "$namespace" get rollouts -o json | jq -c '.items[] | [.metadata.name, .status]' || true
  tail -n 15 "$dir"/controller.log
}

finish() {
  local name
  for name in "${!pids[@]}"; do
    kill "${pids[$name]}" 2>/dev/null || true
    wait "${pids[$name]}" 2>/dev/null || true
  done
  kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

start_controller() {
  kubectl apply -f "$deploy/crds" >/dev/null
  kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
  kubectl apply -f "$deploy/namespace.yaml" -f "$deploy/rbac.yaml" >/dev/null
  kubectl create namespace "$namespace" >/dev/null
  # Only the cluster and the token: whoever has more rights must not lend them.
  kubectl config view --raw --minify --flatten -o json | jq --arg token "$(kubectl -n serin-system create token serin-controller)" \
    '.users[0].user = {token: $token}' >"$dir/kubeconfig"
  chmod 600 "$dir/kubeconfig"
  KUBECONFIG='' "$serin" controller --kubeconfig "$dir/kubeconfig" --state "$dir/state" --port 0 \
    --namespaces "$namespace" --lease-namespace serin-system >"$dir/controller.log" 2>&1 &
  pids[controller]=$!
  within 60 "no controller leads" grep -q ' leading ' "$dir/controller.log"
}

play_pods() {
  kubectl proxy --port=0 >"$dir/proxy.log" 2>&1 &
  pids[proxy]=$!
  within 20 "no proxy" grep -q 'Starting to serve' "$dir/proxy.log"
  url=http://$(sed -n 's/.*serve on //p' "$dir/proxy.log")
  "$here/pods.sh" "$url" "$namespace" >"$dir/pods.log" 2>&1 &
  pids[pods]=$!
}

no_right_was_missing() { no_right_is_missing <"$dir/controller.log"; }
