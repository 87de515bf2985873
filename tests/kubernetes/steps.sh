# Words that tests of clusters share. They set `namespace`, and define `tell_more`: what to print
# beside a failure.
# shellcheck shell=bash disable=SC2154

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  tell_more >&2
  exit 1
}

# within SECONDS WHAT COMMAND...: until the command succeeds.
within() {
  local tries=$(($1 * 5)) what=$2
  shift 2
  for ((; tries > 0; --tries)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  fail "$what"
}

field() { kubectl -n "$namespace" get "$1" -o "jsonpath={$2}"; }
is() { [[ $(field "$1" "$2") == "$3" ]]; }

set_image() { # set_image ROLLOUT IMAGE
  kubectl -n "$namespace" patch rollout "$1" --type json \
    -p '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "'"$2"'"}]' >/dev/null
}

# What tells that a controller has asked the cluster for something else than before.
generations() { kubectl -n "$namespace" get replicasets -o json | jq -c '[.items[] | [.metadata.name, .metadata.generation]]'; }

# requests EXCEPT: what the API server was asked, by its own count, but for watches, leases and what matches
# EXCEPT. Kubernetes' parts do not speak JSON, Serin does.
requests() {
  kubectl get --raw /metrics | awk -v except="$1" '/^apiserver_request_total/ && /contentType="application\/json/ &&
    !/verb="WATCH"/ && !/resource="(leases)?"/ && $0 !~ except { sum += $NF } END { printf "%d", sum }'
}

# Kubernetes 1.20, which the tests start, has budgets in beta only.
apply_folder() { kubectl kustomize "$1" | sed 's|^apiVersion: policy/v1$|apiVersion: policy/v1beta1|' | kubectl apply -f - >/dev/null; }

free_port() { # of loopback, that nothing listens on now
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  printf '%s\n' "$port"
}

# missing_rights: of the denials in the log on standard input, those of rights that are missing. An API server
# that has just started denies everything for a moment, before it knows who may do what: so it is asked again.
missing_rights() {
  local denials reviews
  denials=$({ grep -iE 'denied|forbidden' || true; } | sed 's/\\"/"/g' | jq -Rc '
    . as $line | [capture("(\"(?<name>[^\"]*)\" )?is forbidden: User \"(?<user>[^\"]+)\" cannot (?<verb>[a-z]+) resource \"(?<resource>[^\"/]+)(/(?<subresource>[^\"]+))?\" in API group \"(?<group>[^\"]*)\"( in the namespace \"(?<namespace>[^\"]+)\")?")][0]
    | if . == null then {line: $line} else
      {apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: {user,
       groups: ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + (.user | split(":")[2] // "")],
       resourceAttributes: (del(.user) | with_entries(select(.value != null)))}} end' | sort -u)
  jq -r '.line // empty' <<<"$denials"
  reviews=$(jq -c 'select(.line == null)' <<<"$denials")
  [[ -z $reviews ]] || kubectl create -o json -f - <<<"$reviews" | jq -c 'select(.status.allowed | not) | .spec'
}

no_right_is_missing() { # of what the log on standard input says
  local missing
  missing=$(missing_rights)
  [[ -z $missing ]] || fail "rights are missing: $missing"
}

# define FILE: the kinds in it that the cluster lacks. Those it has are its own, and judge what is written.
define() {
  local answer
  answer=$(kubectl create -f "$1" 2>&1) || true
  answer=$(grep -vE ' created$|AlreadyExists' <<<"$answer") && fail "$1: $answer"
  kubectl wait --for condition=established --timeout=60s -f "$1" >/dev/null
}
