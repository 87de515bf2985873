#!/usr/bin/env bash
# argo_plugin.sh SERIN DEPLOY: `kubectl argo rollouts`, as its project makes it, against `serin controller` on a
# real Kubernetes API: each command does what it does with Argo's controller.
set -euo pipefail
serin=$1 deploy=$2
here=$(dirname "$(readlink -f "$0")")
plugin=$("$here/clients.sh" path kubectl-argo-rollouts)
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-plugin-XXXXXX")
namespace=serin-plugin-$$

# shellcheck source=tests/kubernetes/played.sh
source "$here/played.sh"
tell_more() {
  kubectl argo rollouts -n "$namespace" get rollout shop || true
  kubectl -n "$namespace" get rollouts -o json | jq -c '.items[] | [.metadata.name, .status]' || true
  tail -n 15 "$dir"/controller.log
}
start_controller
play_pods

mkdir "$dir/bin"
ln -s "$plugin" "$dir/bin/kubectl-argo-rollouts"
export PATH=$dir/bin:$PATH
argo() { kubectl argo rollouts -n "$namespace" "$@"; }
# What it prints, without colours, and with one space where there are several.
tree() { argo get "$@" --no-color | sed -E 's/ +/ /g; s/ $//'; }
shows() { # shows KIND NAME LINE...: in this order
  local kind=$1 name=$2 line page
  shift 2
  page=$(tree "$kind" "$name")
  for line in "$@"; do
    grep -qE -- "$line" <<<"$page" || return 1
    page=$(sed -E "0,/${line//\//\\/}/d" <<<"$page")
  done
}
see() { # see WHAT NAME LINE...: soon
  local what=$1
  shift
  within 20 "$what does not show" shows rollout "$@"
}
says() { # says WORDS COMMAND...: the plugin's answer
  local words=$1 answer
  shift
  answer=$(argo "$@" 2>&1) || fail "kubectl argo rollouts $*: $answer"
  grep -qF -- "$words" <<<"$answer" || fail "kubectl argo rollouts $*: $answer"
}
status_is() { [[ $(argo status "$1" --watch=false 2>/dev/null) == "$2" ]]; }

cat >"$dir/shop.yaml" <<Y
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: $namespace}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers: [{name: shop, image: "shop:v1", ports: [{containerPort: 8080}]}]
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      analysis: {templates: [{templateName: forever}]}
      steps:
      - setWeight: 50
      - pause: {}
      - analysis: {templates: [{templateName: version}], args: [{name: major, value: "1"}]}
      - setWeight: 75
      - pause: {}
Y
cat >"$dir/templates.yaml" <<Y
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: version, namespace: $namespace}
spec:
  args: [{name: major}]
  metrics:
  - name: version
    interval: 1s
    count: 2
    successCondition: result == "{{args.major}}"
    provider: {web: {url: "$url/version", jsonPath: "{\$.major}"}}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: forever, namespace: $namespace}
spec:
  metrics:
  - name: version
    interval: 1s
    successCondition: result == "1"
    provider: {web: {url: "$url/version", jsonPath: "{\$.major}"}}
Y

# --- lint knows the manifest, and refuses what Argo's controller would.
argo lint -f "$dir/shop.yaml" || fail "the manifest is not to Argo's liking"
sed -e 's/maxSurge: 1/maxSurge: 0/' "$dir/shop.yaml" >"$dir/bad.yaml"
argo lint -f "$dir/bad.yaml" >/dev/null 2>&1 && fail "lint takes what cannot be released"

# --- A canary: set image, get, list, status, promote.
says 'created' create -f "$dir/shop.yaml"
kubectl apply -f "$dir/templates.yaml" >/dev/null
says Healthy status shop --timeout 60s
see 'the first version' shop '^Name: shop$' '^Status: ✔ Healthy$' '^ Step: 5/5$' '^ SetWeight: 100$' '^ ActualWeight: 100$' \
  '^Images: shop:v1 \(stable\)$' '^ Desired: 4$' '^ Available: 4$' '# revision:1$' 'ReplicaSet ✔ Healthy [^ ]+ stable$' \
  'Pod ✔ Running [^ ]+ ready:1/1$'

says 'image updated' set image shop shop=shop:v2
within 60 'v2 does not pause' status_is shop 'Paused - CanaryPauseStep'
see 'the canary' shop '^Status: ॥ Paused$' '^Message: CanaryPauseStep$' '^ Step: 1/5$' '^ SetWeight: 50$' '^ ActualWeight: 50$' \
  'shop:v1 \(stable\)$' 'shop:v2 \(canary\)$' '^ Updated: 2$' '# revision:2$' 'ReplicaSet ✔ Healthy [^ ]+ canary$' \
  'AnalysisRun ◌ Running [^ ]+ ✔ [0-9]+$' '# revision:1$' 'ReplicaSet ✔ Healthy [^ ]+ stable$'
argo list rollouts | sed -E 's/ +/ /g; s/ $//' | grep -qx 'shop Canary Paused 1/5 50 4/4 4 2 4' || fail "list: $(argo list rollouts)"
argo list rollouts --all-namespaces | grep -q "^$namespace *shop" || fail "list -A: $(argo list rollouts -A)"
says promoted promote shop
see 'the second pause' shop '^Status: ॥ Paused$' '^ Step: 4/5$' '^ ActualWeight: 75$' '# revision:2$' 'AnalysisRun ✔ Successful [^ ]+ ✔ 2$'

# --- abort, retry, promote --full.
says aborted abort shop
see 'the abort' shop '^Status: ✖ Degraded$' '^Message: RolloutAborted: Rollout aborted update to revision 2$' '^ Step: 0/5$' \
  '^ SetWeight: 0$' '^ ActualWeight: 0$' '^Images: shop:v1 \(stable\)$' 'ReplicaSet • ScaledDown'
answer=$(argo status shop --watch=false 2>&1) && fail "status of an aborted release succeeds"
grep -q 'degraded state with message: RolloutAborted' <<<"$answer" || fail "status of an aborted release: $answer"
says retried retry rollout shop
within 60 'the retry does not pause' status_is shop 'Paused - CanaryPauseStep'
says 'fully promoted' promote shop --full
says Healthy status shop --timeout 60s
see 'v2' shop '^Images: shop:v2 \(stable\)$' '# revision:2$' 'ReplicaSet ✔ Healthy [^ ]+ stable$'

# --- pause keeps a new version from beginning; promote lets it go on.
says paused pause shop
within 30 'no pause' status_is shop 'Paused - manually paused'
says 'image updated' set image shop shop=shop:v3
see 'the held version' shop '^Message: manually paused$' '^ Step: 0/5$' '^ ActualWeight: 0$' '# revision:3$' 'ReplicaSet • ScaledDown [^ ]+ canary$'
says promoted promote shop
within 60 'v3 does not begin' status_is shop 'Paused - CanaryPauseStep'

# --- undo: back to the stable version at once, and to a former one as a release of its own.
says undo undo shop
within 60 'undo is not Healthy' status_is shop Healthy
see 'undo' shop '^Images: shop:v2 \(stable\)$' '# revision:4$' 'ReplicaSet ✔ Healthy [^ ]+ stable$' '# revision:3$'
says undo undo shop --to-revision=1
see 'undo to the first' shop '^Status: ॥ Paused$' 'shop:v1 \(canary\)$' '# revision:5$' 'ReplicaSet ✔ Healthy [^ ]+ canary$' 'AnalysisRun ◌ Running'
tree rollout shop | grep -q 'revision:0' && fail "runs of no revision: $(tree rollout shop)"

# --- restart: other pods, the same release.
pods() { kubectl -n "$namespace" get pods -l app=shop -o json | jq -r '[.items[] | select(.metadata.deletionTimestamp == null) | .metadata.name] | sort | join(" ")'; }
before=$(pods)
says restarts restart shop
are_others() {
  local name now
  now=$(pods)
  (($(wc -w <<<"$now") == 4)) || return 1
  for name in $before; do [[ $now != *"$name"* ]] || return 1; done
}
within 60 "the pods were $before and are $(pods)" are_others
[[ $(field rollout/shop .status.restartedAt) == "$(field rollout/shop .spec.restartAt)" ]] || fail "restartedAt"
see 'after the restart' shop '^Status: ॥ Paused$' '^ Step: 1/5$' '^ ActualWeight: 50$'

# --- Analyses by hand, and one that is told to end.
says created create analysisrun --from version -a major=1 --name by-hand
within 60 'no verdict' is analysisrun/by-hand .status.phase Successful
says created create analysisrun --from version -a major=2 --name wrong
within 60 'no verdict' is analysisrun/wrong .status.phase Failed
says created create analysisrun --from forever --name endless
within 60 'it does not begin' is analysisrun/endless .status.phase Running
says terminated terminate analysisrun endless
within 60 'it does not end' is analysisrun/endless .status.phase Successful
says 'fully promoted' promote shop --full
within 60 'v1 is not back' status_is shop Healthy

# --- Blue-green.
apply_till
says Healthy status till --timeout 60s
says 'image updated' set image till till=till:v2
within 60 'no preview' status_is till 'Paused - BlueGreenPause'
see 'the preview' till '^Strategy: BlueGreen$' 'till:v1 \(stable, active\)$' 'till:v2 \(preview\)$' '# revision:2$' \
  'ReplicaSet ✔ Healthy [^ ]+ preview$' '# revision:1$' 'ReplicaSet ✔ Healthy [^ ]+ stable,active$'
says promoted promote till
within 60 'no switch' status_is till Healthy
see 'the switch' till 'till:v2 \(stable, active\)$' '# revision:2$' 'ReplicaSet ✔ Healthy [^ ]+ stable,active$' \
  '# revision:1$' 'ReplicaSet ✔ Healthy [^ ]+ delay:'

# --- Experiments.
kubectl -n "$namespace" apply -f - >/dev/null <<'Y'
apiVersion: argoproj.io/v1alpha1
kind: Experiment
metadata: {name: compare}
spec:
  templates:
  - name: canary
    replicas: 1
    selector: {matchLabels: {app: compare}}
    template: {metadata: {labels: {app: compare}}, spec: {containers: [{name: shop, image: "shop:v2"}]}}
  analyses: [{name: version, templateName: forever}]
Y
within 60 "the experiment does not show" shows experiment compare '^Status: ◌ Running$' \
  '^Images: shop:v2 \(Σ:canary\)$' 'ReplicaSet ✔ Healthy' 'Pod ✔ Running' 'AnalysisRun ◌ Running [^ ]+ ✔ [0-9]+$'
argo list experiments | grep -Eq '^compare +Running' || fail "list experiments: $(argo list experiments)"
argo terminate experiment compare >/dev/null
within 60 "the experiment does not end" is experiment/compare .status.phase Successful

no_right_was_missing
echo 'kubectl argo rollouts works as with its own controller'
