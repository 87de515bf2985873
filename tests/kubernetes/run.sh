#!/usr/bin/env bash
# run.sh [--node | --bare] COMMAND...: runs a command with KUBECONFIG naming a cluster: the one it names
# already, else a fresh one that lives as long as the command. With --node always a fresh one, with a
# node that runs pods; the command then runs in its network, and SERIN_TEST_NODE names its folder. With
# --bare always a fresh one, in which nobody but the command does anything; 77 where there is none.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
kind=''
if [[ ${1:-} == --node || ${1:-} == --bare ]]; then
  kind=$1
  shift
elif [[ -n ${KUBECONFIG:-} ]]; then
  exec "$@"
fi

if [[ $kind == --bare ]] && ! "$here/cluster.sh" is-built; then
  echo 'run: no cluster of its own: tests/kubernetes/cluster.sh build' >&2
  exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-kubernetes-XXXXXX")
finish() {
  local status=$?
  "$here/cluster.sh" down "$dir"
  if ((status == 0)); then rm -rf "$dir"; else echo "run: the cluster's logs are in $dir" >&2; fi
}
trap finish EXIT
"$here/cluster.sh" up "$dir" "$kind"
export KUBECONFIG=$dir/kubeconfig
if [[ $kind != --node ]]; then
  "$@"
else
  SERIN_TEST_NODE=$dir "$here/cluster.sh" inside "$dir" "$@"
fi
