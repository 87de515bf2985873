# Sourced by tests in which pods are played: a controller with no more rights than deploy/ gives it, in a
# namespace of the test, and `kubectl proxy` at $url. They set serin, deploy, here, dir and namespace, and
# define also_finish if there is more to clear away. Needs KUBECONFIG, a user who may do anything, and no
# other controller of Rollouts.
# shellcheck shell=bash disable=SC2154

# shellcheck source=tests/kubernetes/steps.sh
source "$here/steps.sh"

declare -A pids=()
is_prepared=''

tell_more() {
  kubectl -n "$namespace" get rollouts,replicasets,analysisruns,experiments -o wide 2>&1 | head -30 || true
  kubectl -n "$namespace" get rollouts -o json | jq -c '.items[] | [.metadata.name, .status]' || true
  tail -n 15 "$dir"/*.log || true
}

end() { # end NAME [SIGNAL]: with its status
  local pid=${pids[$1]:-}
  [[ -n $pid ]] || return 0
  unset "pids[$1]"
  kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null
}

also_finish() { :; }

finish() {
  local name
  # Controllers give their lease back: the way to the API has to be there.
  for name in "${!pids[@]}"; do [[ $name != controller* ]] || end "$name" || true; done
  for name in "${!pids[@]}"; do end "$name" || true; done
  kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true
  also_finish
  rm -rf "$dir"
}
trap finish EXIT

# lend ACCOUNT: a kubeconfig with the rights of this account of serin-system: only the cluster and the token,
# whoever has more rights must not lend them.
lend() {
  kubectl config view --raw --minify --flatten -o json | jq --arg token "$(kubectl -n serin-system create token "$1")" \
    '.users[0].user = {token: $token}' >"$dir/$1.kubeconfig"
  chmod 600 "$dir/$1.kubeconfig"
}

prepare() { # Definitions, rights and the namespace.
  is_prepared=yes
  kubectl apply -f "$deploy/crds" >/dev/null
  kubectl wait --for condition=established --timeout=60s -f "$deploy/crds" >/dev/null
  kubectl apply -f "$deploy/namespace.yaml" -f "$deploy/rbac.yaml" >/dev/null
  kubectl create namespace "$namespace" >/dev/null
  lend serin-controller
}

# run_controller NAME [ARGUMENT...]: until it leads; its metrics are at $controller.
run_controller() {
  local name=$1
  shift
  [[ -n $is_prepared ]] || prepare
  KUBECONFIG='' "$serin" controller --kubeconfig "$dir/serin-controller.kubeconfig" --state "$dir/state-$name" --port 0 \
    --namespaces "$namespace" --lease-namespace serin-system --identity "$name" "$@" >"$dir/$name.log" 2>&1 &
  pids[$name]=$!
  within 60 "$name does not lead" grep -q ' leading ' "$dir/$name.log"
  # shellcheck disable=SC2034  # For those who read it.
  controller=http://127.0.0.1:$(sed -n 's/.* started .*port=\([0-9]*\).*/\1/p' "$dir/$name.log")
}
start_controller() { run_controller controller; }

start_proxy() {
  kubectl proxy --port=0 >"$dir/proxy.log" 2>&1 &
  pids[proxy]=$!
  within 20 "no proxy" grep -q 'Starting to serve' "$dir/proxy.log"
  url=http://$(sed -n 's/.*serve on //p' "$dir/proxy.log")
}

play_pods() {
  start_proxy
  "$here/pods.sh" "$url" "$namespace" >"$dir/pods.log" 2>&1 &
  pids[pods]=$!
}

# replicas_of APP IMAGE: of the revision with this image, asked for and ready.
replicas_of() {
  kubectl -n "$namespace" get replicasets -l "app=$1" -o json | jq -r --arg image "$2" \
    '[.items[] | select(.spec.template.spec.containers[0].image == $image)] | .[0] | "\(.spec.replicas)/\(.status.readyReplicas // 0)"'
}
runs() { [[ $(replicas_of "$1" "$2") == "$3/$3" ]]; } # runs APP IMAGE REPLICAS

apply_services() { # apply_services APP NAME...: that lead to the pods of APP
  local app=$1 name
  shift
  for name in "$@"; do
    printf '%s\n' 'apiVersion: v1' 'kind: Service' "metadata: {name: $name}" \
      "spec: {selector: {app: $app}, ports: [{port: 80}]}" ---
  done | kubectl -n "$namespace" apply -f - >/dev/null
}

apply_till() { # A Rollout that is switched from blue to green by hand.
  apply_services till till till-preview
  kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: till}
spec:
  replicas: 2
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec: {containers: [{name: till, image: "till:v1"}]}
  strategy: {blueGreen: {activeService: till, previewService: till-preview, autoPromotionEnabled: false}}
Y
}

no_right_was_missing() { no_right_is_missing < <(cat "$dir"/controller*.log); }
