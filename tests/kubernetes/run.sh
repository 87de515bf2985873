#!/usr/bin/env bash
# run.sh [--node] COMMAND...: runs a command with KUBECONFIG naming a cluster: the one it names already,
# else a fresh one that lives as long as the command. With --node always a fresh one, with a node that
# runs pods; the command then runs in its network, and SERIN_TEST_NODE names its folder.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
node=''
if [[ ${1:-} == --node ]]; then
  node=--node
  shift
elif [[ -n ${KUBECONFIG:-} ]]; then
  exec "$@"
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-kubernetes-XXXXXX")
finish() {
  local status=$?
  "$here/cluster.sh" down "$dir"
  if ((status == 0)); then rm -rf "$dir"; else echo "run: the cluster's logs are in $dir" >&2; fi
}
trap finish EXIT
"$here/cluster.sh" up "$dir" $node
export KUBECONFIG=$dir/kubeconfig
if [[ -z $node ]]; then
  "$@"
else
  SERIN_TEST_NODE=$dir "$here/cluster.sh" inside "$dir" "$@"
fi
