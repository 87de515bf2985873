#!/usr/bin/env bash
# Clients of Kubernetes that Debian does not have, for tests: helm, and Argo Rollouts' plugin of kubectl,
# both from their unchanged sources by Debian's Go.
#
#   clients.sh build       make them ready (built once, into ${XDG_CACHE_HOME:-~/.cache}/serin/kubernetes/bin)
#   clients.sh is-built    whether that has been done
#   clients.sh path NAME   where helm or kubectl-argo-rollouts is; 77 where it is not, for ctest
#
# Modules come from where Go takes them (GOPROXY), and are not kept.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/serin/kubernetes
# The newest that Debian 12's Go 1.19 compiles.
helm=helm.sh/helm/v3/cmd/helm@v3.12.3
rollouts=github.com/argoproj/argo-rollouts@v1.6.6

say() { printf 'clients: %s\n' "$*" >&2; }
is_ready() { [[ -x $cache/bin/helm && -x $cache/bin/kubectl-argo-rollouts ]]; }

compile() { # compile FOLDER: the programs into FOLDER/bin
  export GOPATH=$1/go GOBIN=$1/bin GOCACHE=${GOCACHE:-$1/cache} GOMODCACHE=${GOMODCACHE:-$1/modules} CGO_ENABLED=0
  export GOFLAGS='-mod=mod -modcacherw -buildvcs=false' PATH=/usr/lib/go-1.19/bin:$PATH
  unset GOTOOLCHAIN GO111MODULE
  go install -trimpath -ldflags='-s -w' "$helm"
  # `go install` takes no module with replacements of its own: so from a copy, as its own main module.
  mkdir "$1/empty"
  cp -r "$(cd "$1/empty" && go mod download -json "$rollouts" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')" "$1/rollouts"
  chmod -R u+w "$1/rollouts"
  (cd "$1/rollouts" && go install -trimpath -ldflags='-s -w' ./cmd/kubectl-argo-rollouts)
}

build() {
  is_ready && return
  mkdir -p "$cache/bin"
  # Two runs at once would build twice: the second waits and finds it done.
  exec 9>"$cache/clients.lock"
  flock 9
  is_ready && return
  local work log=$cache/clients.log
  work=$(mktemp -d "$cache/clients.XXXXXX")
  say "building helm and kubectl-argo-rollouts, once (5 to 15 minutes; log: $log)"
  # Not as a condition: `set -e` would be off inside.
  local status=0
  ("$0" compile "$work") >"$log" 2>&1 || status=$?
  if ((status == 0)); then mv "$work"/bin/* "$cache/bin/"; fi
  rm -rf "$work"
  ((status == 0)) || { say "the build failed: see $log"; exit 1; }
}

case ${1:-} in
  build) build ;;
  compile) compile "$2" ;; # by build
  is-built) is_ready ;;
  path)
    [[ -x $cache/bin/${2:?name a program} ]] || { say "there is no $2: ./dev test-kubernetes builds it"; exit 77; }
    printf '%s\n' "$cache/bin/$2"
    ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
