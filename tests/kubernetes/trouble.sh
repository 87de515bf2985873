#!/usr/bin/env bash
# trouble.sh SERIN DEPLOY: releases while the Kubernetes API is too busy (429), slow, has forgotten where
# watches stood (410), breaks connections, and while somebody else writes the same objects (409). HAProxy
# stands between `serin controller` and the real API, makes that trouble and counts what the controller
# asks. Needs KUBECONFIG and no other controller of Rollouts. Pods are played by pods.sh.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-trouble-XXXXXX")
namespace=serin-trouble-$$
# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
# shellcheck source=tests/kubernetes/troubled_api.sh
source "$here/troubled_api.sh"

tell_more() {
  kubectl -n "$namespace" get rollout,replicaset -o wide 2>&1 | head -20 || true
  kubectl -n "$namespace" get rollout shop -o jsonpath='{.status}' || true
  printf '\n'
  tail -n 30 "$dir/controller.log" "$dir/haproxy.log" "$dir/requests"
}

# --- The API as ever, for the test and for who plays the pods.
prepare
play_pods

# --- The API as the controller sees it.
port=$(free_port)
start_troubled_api "127.0.0.1:$port"
within 20 "no proxy with trouble" curl -s -o /dev/null "http://127.0.0.1:$port/version"

jq --arg server "http://127.0.0.1:$port" '.clusters[0].cluster = {server: $server}' "$dir/serin-controller.kubeconfig" >"$dir/through"
cat "$dir/through" >"$dir/serin-controller.kubeconfig"
start_controller

phase_is() { is rollout/shop .status.phase "$1"; }
is_at() { [[ $(field rollout/shop .status.currentStepIndex) == "$1" ]] && is rollout/shop .status.observedGeneration "$(field rollout/shop .metadata.generation)"; }

kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers: [{name: shop, image: "shop:v0", ports: [{containerPort: 8080}]}]
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      steps: [{setWeight: 50}, {pause: {duration: 4}}, {setWeight: 75}, {pause: {duration: 1}}]
Y
within 60 "v0 is not there" phase_is Healthy

# How often anybody was told of what happens once in each release.
told() {
  kubectl -n "$namespace" get events -o json | jq '[.items[] | select(.source.component | startswith("serin")) |
    select(.reason | test("Scaling") | not) | .count] | add'
}

release() { # release IMAGE TROUBLE SECONDS [MILLISECONDS]: with this trouble from the first pause on
  told_before=$(told)
  mark
  set_image shop "$1"
  within 60 "$1 does not begin" is_at 1
  if [[ $2 != nothing ]]; then
    trouble "$2" "${@:4}"
    sleep "$3"
    trouble nothing
  fi
  within 120 "$1 does not end" phase_is Healthy
  within 30 "$1 has $(replicas_of shop "$1")" runs shop "$1" 4
  sleep 1 # for the last Events
  printf '%s: %s ReplicaSets made, %s changed, %s times status written; %s requests, %s of them answered well, %s lists\n' "$2" \
    "$(count '^20. POST .*/replicasets')" "$(count '^20. PATCH .*/replicasets/')" "$(count '^20. PUT .*/rollouts/[^/]*/status')" \
    "$(since | wc -l)" "$(count '^20')" "$(count ' GET .*limit=')"
}

release shop:v1 nothing 0
told_each=$(($(told) - told_before))
changed=$(count '^20. PATCH .*/replicasets/')
written=$(count '^20. PUT .*/rollouts/[^/]*/status')

survive() { # survive NUMBER TROUBLE SECONDS [MILLISECONDS]: the release of this number ends as the calm one did
  local more
  release "shop:v$1" "${@:2}"
  [[ $(kubectl -n "$namespace" get replicasets -o json | jq '.items | length') == $(($1 + 1)) ]] || fail "$2: other ReplicaSets"
  (($(count '^20. POST .*/replicasets') == 1)) || fail "$2: a ReplicaSet is made twice"
  more=$(($(told) - told_before))
  ((more == told_each)) || fail "$2: $more instead of $told_each times told what happens once"
  # Pods may be ready in other groups, each of which is news.
  (($(count '^20. PATCH .*/replicasets/') <= changed + 4)) || fail "$2: ReplicaSets are changed again and again"
  (($(count '^20. PUT .*/rollouts/[^/]*/status') <= written + 8)) || fail "$2: the status is written again and again"
  # Some fifteen types are followed.
  (($(since | wc -l) <= 400)) || fail "$2: a hot loop"
  grep -q leadership_lost "$dir/controller.log" && fail "$2: leadership is lost"
  return 0
}

survive 2 busy 8
(($(count '^429') > 0)) || fail "nobody was refused"
survive 3 slow 20 2000
survive 4 forgotten 8
(($(count '^410') > 0)) || fail "nobody was refused"
# The controller's writes come late, and find that somebody else has written.
write_always "$url" "/apis/argoproj.io/v1alpha1/namespaces/$namespace/rollouts/shop" >"$dir/other.log" 2>&1 &
pids[other]=$!
survive 5 late 8 250
(($(count '^409') > 0)) || fail "there was no conflict"
end other || true

# --- At rest nothing is asked but watches, and twice a minute whether routes of other kinds have come; nothing
# is written but the lease.
sleep 3
mark
sleep 10
others=$(since | grep -vE '[?&]watch=true|^404 GET .*limit=' || true)
[[ -z $others ]] || fail "at rest: $others"
no_right_was_missing
echo 'releases end as ever while the API is busy, slow, forgetful and written to by others'
