#!/usr/bin/env bash
# run.sh COMMAND...: runs a command with KUBECONFIG naming a cluster: the one it names already, else
# a fresh one that lives as long as the command.
set -euo pipefail

if [[ -n ${KUBECONFIG:-} ]]; then exec "$@"; fi

here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d "${TMPDIR:-/tmp}/serin-kubernetes-XXXXXX")
finish() {
  local status=$?
  "$here/cluster.sh" down "$dir"
  if ((status == 0)); then rm -rf "$dir"; else echo "run: the cluster's logs are in $dir" >&2; fi
}
trap finish EXIT
"$here/cluster.sh" up "$dir"
KUBECONFIG=$dir/kubeconfig "$@"
