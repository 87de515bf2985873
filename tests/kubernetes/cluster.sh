#!/usr/bin/env bash
# A real Kubernetes for tests, from Debian packages alone: etcd, kube-apiserver and
# kube-controller-manager on loopback, and on request a node that runs pods, then all of it in
# namespaces of its own.
#
#   cluster.sh build            make the programs ready (built once from Debian's source package)
#   cluster.sh is-built         whether that has been done
#   cluster.sh why-no-node      what keeps this machine from running a node, or nothing
#   cluster.sh up DIR [--node | --bare]  start a fresh cluster on free ports; state, logs and kubeconfig
#                               in DIR. Without --node objects are real, pods do not run; with --bare
#                               Kubernetes' controllers do not either
#   cluster.sh inside DIR COMMAND...  run a command where a cluster with a node can be reached
#   cluster.sh load DIR         load the image archive on standard input into the node
#   cluster.sh restart-api DIR  kill the API server and start it again (with a node: from inside)
#   cluster.sh down DIR         stop what `up` started in DIR, by its process ids
#
# Built programs are kept in ${XDG_CACHE_HOME:-~/.cache}/serin/kubernetes. With KUBEBUILDER_ASSETS,
# a folder with etcd and kube-apiserver, those are taken, and nothing is built; the controllers run
# if kube-controller-manager is there too, a node if all programs are.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/serin/kubernetes
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)
here=$(dirname "$(readlink -f "$0")")

say() { printf 'cluster: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source=tests/kubernetes/node.sh
source "$here/node.sh"

# program NAME: its path, or nothing. Programs of one set belong together; etcd may be the system's.
program() {
  local path=${KUBEBUILDER_ASSETS:-$cache/bin}/$1
  if [[ -x $path ]]; then
    printf '%s\n' "$path"
  elif [[ $1 == etcd ]]; then
    command -v etcd || true
  fi
}

is_ready() {
  local name
  if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
    [[ -x $KUBEBUILDER_ASSETS/kube-apiserver ]] ||
      die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no kube-apiserver"
    return 0
  fi
  for name in "${programs[@]}"; do [[ -x $cache/bin/$name ]] || return 1; done
}

# The source package, from the mirrors this machine has. Security archives carry no such source.
fetch_source() {
  local lists=$1/lists
  mkdir -p "$lists/partial"
  awk 'BEGIN { RS = ""; ORS = "\n\n" } !/security/ { sub(/Types: [^\n]*/, "Types: deb-src"); print }' \
    /etc/apt/sources.list.d/debian.sources >"$1/deb-src.sources"
  local apt=(-q -o "Dir::Etc::SourceList=$1/deb-src.sources" -o Dir::Etc::SourceParts=-
    -o "Dir::State::Lists=$lists")
  apt-get "${apt[@]}" update
  (cd "$1" && apt-get "${apt[@]}" source --download-only kubernetes)
  mkdir -p "$1/go/src/k8s.io"
  dpkg-source -x "$1"/kubernetes_*.dsc "$1/go/src/k8s.io/kubernetes"
}

# A library in the tree looks into Go's maps as they were before Go 1.18, and crashes the API server
# as soon as it serves custom resources. This is what the library's next release changed.
mend_source() {
  local library=$1/vendor/github.com/modern-go/reflect2
  sed -i -e 's/^func mapiterinit(.*/func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer, it *hiter)/' \
    -e 's|// rest fields are ignored|pointers [6]unsafe.Pointer; numbers [4]uintptr|' "$library/unsafe_link.go"
  sed -i -e 's/^\(func (type2 \*UnsafeMapType) UnsafeIterate.*\)$/\1\n\tvar it hiter\n\tmapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), \&it)/' \
    -e 's/hiter: *mapiterinit(.*/hiter: \&it,/' "$library/unsafe_map.go"
}

compile() { # compile FOLDER: the programs into FOLDER/go/.../_output/bin
  local tree=$1/go/src/k8s.io/kubernetes
  printf '%s\n' KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=archive KUBE_GIT_VERSION=v1.20.2 \
    KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 >"$1/version"
  # The tree is older than Go modules' habits: it builds inside a GOPATH alone.
  env -u GO111MODULE -u GOFLAGS PATH="/usr/lib/go-1.19/bin:$PATH" GOPATH="$1/go" CGO_ENABLED=0 \
    KUBE_GIT_VERSION_FILE="$1/version" make -C "$tree" WHAT="${programs[*]/#/cmd/}"
}

build() {
  is_ready && return
  mkdir -p "$cache/bin"
  # Two runs at once would build twice: the second waits and finds it done.
  exec 9>"$cache/lock"
  flock 9
  is_ready && return
  local work log=$cache/build.log name
  work=$(mktemp -d "$cache/build.XXXXXX")
  say "building Kubernetes' API server, once (5 to 15 minutes; log: $log)"
  { fetch_source "$work" && mend_source "$work/go/src/k8s.io/kubernetes" && compile "$work"; } >"$log" 2>&1 || die "the build failed: see $log"
  for name in "${programs[@]}"; do
    mv "$work/go/src/k8s.io/kubernetes/_output/bin/$name" "$cache/bin/$name"
  done
  rm -rf "$work"
}

free_port() {
  local port
  for _ in {1..200}; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port"
}

start() { # start DIR NAME COMMAND...
  local dir=$1 name=$2
  shift 2
  setsid nohup "$@" >"$dir/$name.log" 2>&1 9>&- &
  echo $! >"$dir/$name.pid"
}

# await DIR NAME SECONDS COMMAND...: until the command succeeds; 1 if the process ends before.
await() {
  local dir=$1 name=$2 tries=$(($3 * 5))
  shift 3
  for ((; tries > 0; --tries)); do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$(<"$dir/$name.pid")" 2>/dev/null || return 1
    sleep 0.2
  done
  return 1
}

certificates() { # An authority of our own, for the server and for a client that may do anything.
  local dir=$1 name subject
  local ca=(-CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 30)
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-ca -keyout "$dir/ca.key" -out "$dir/ca.crt"
    openssl genrsa -out "$dir/sa.key" 2048
    for name in server admin; do
      subject=/CN=kube-apiserver
      [[ $name == admin ]] && subject=/O=system:masters/CN=admin
      openssl req -newkey rsa:2048 -nodes -subj "$subject" -keyout "$dir/$name.key" -out "$dir/$name.csr"
      openssl x509 -req "${ca[@]}" -in "$dir/$name.csr" -out "$dir/$name.crt" \
        -extfile <(printf 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,IP:%s,DNS:localhost\n' "$bridge_address")
    done
  } >"$dir/openssl.log" 2>&1 || die "openssl failed: see $dir/openssl.log"
}

kubeconfig() { # kubeconfig DIR PORT: contexts `admin` (client certificate) and `token`
  cat <<K
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: "https://127.0.0.1:$2", certificate-authority-data: $(base64 -w0 "$1/ca.crt")}
users:
- name: admin
  user: {client-certificate-data: $(base64 -w0 "$1/admin.crt"), client-key-data: $(base64 -w0 "$1/admin.key")}
- name: token
  user: {token: $(cut -d, -f1 "$1/tokens.csv")}
contexts:
- {name: admin, context: {cluster: test, user: admin}}
- {name: token, context: {cluster: test, user: token}}
current-context: admin
K
}

start_etcd() {
  local dir=$1 port=$2 peer=$3
  start "$dir" etcd "$(program etcd)" --data-dir "$dir/etcd" --unsafe-no-fsync --log-level error \
    --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
    --listen-peer-urls "http://127.0.0.1:$peer"
  await "$dir" etcd 30 curl -fs "http://127.0.0.1:$port/health"
}

start_api() {
  local dir=$1 port=$2 etcd_port=$3
  # Pods reach the API over their bridge, with tokens that the API puts into them.
  local reach=(--bind-address=127.0.0.1 --advertise-address=10.0.0.1 --disable-admission-plugins=ServiceAccount)
  if [[ -e $dir/holder.pid ]]; then
    reach=(--bind-address=0.0.0.0 "--advertise-address=$bridge_address" --allow-privileged
      --kubelet-preferred-address-types=InternalIP)
  fi
  # As on OpenShift, who makes an owned object needs rights on its owner.
  start "$dir" kube-apiserver "$(program kube-apiserver)" \
    --etcd-servers="http://127.0.0.1:$etcd_port" --secure-port="$port" "${reach[@]}" \
    --tls-cert-file="$dir/server.crt" --tls-private-key-file="$dir/server.key" \
    --client-ca-file="$dir/ca.crt" --token-auth-file="$dir/tokens.csv" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$dir/sa.key" --service-account-signing-key-file="$dir/sa.key" \
    --enable-admission-plugins=OwnerReferencesPermissionEnforcement \
    --authorization-mode=RBAC --service-cluster-ip-range="$service_network" --cert-dir="$dir"
  await "$dir" kube-apiserver 120 curl -fs --cacert "$dir/ca.crt" --cert "$dir/admin.crt" \
    --key "$dir/admin.key" "https://127.0.0.1:$port/readyz"
}

# try_ports DIR FUNCTION NAME [ARGUMENT]: again if a port was taken between our look and the start.
try_ports() {
  local dir=$1 function=$2 name=$3 tries ports
  shift 3
  for tries in 1 2 3; do
    ports=("$(free_port)" "$(free_port)")
    if "$function" "$dir" "${ports[0]}" "${@:-${ports[1]}}"; then
      printf '%s\n' "${ports[0]}" >"$dir/$name.port"
      return
    fi
    stop "$dir" "$name"
    grep -q 'address already in use' "$dir/$name.log" || break
    say "port ${ports[0]} was taken (try $tries)"
  done
  die "$name did not come up: see $dir/$name.log"
}

start_controllers() {
  local dir=$1 manager ports=(--secure-port=0)
  manager=$(program kube-controller-manager)
  [[ -n $manager ]] || return 0
  # Older ones open a second port by default, which only one cluster of a machine could have. (Not by a pipe:
  # grep would leave before the other has said all, which then ends with an error.)
  if grep -q -- '--port int' <<<"$("$manager" --help 2>&1)"; then ports+=(--port=0); fi
  start "$dir" kube-controller-manager "$manager" --kubeconfig="$dir/kubeconfig" \
    --service-account-private-key-file="$dir/sa.key" --root-ca-file="$dir/ca.crt" --leader-elect=false \
    --kube-api-qps=500 --kube-api-burst=1000 "${ports[@]}"
}

up() {
  local dir=$1 why
  build
  [[ -n $(program etcd) ]] || die "there is no etcd: install etcd-server"
  mkdir -p "$dir"
  dir=$(readlink -f "$dir")
  [[ -e $dir/kubeconfig ]] && die "$dir is in use: $0 down $dir"
  certificates "$dir"
  (umask 077 && echo "$(openssl rand -hex 16),admin,admin,system:masters" >"$dir/tokens.csv")
  if [[ ${2:-} != --node ]]; then
    up_here "$dir" "${2:-}"
    say "up: export KUBECONFIG=$dir/kubeconfig"
    return
  fi
  why=$(why_no_node)
  [[ -z $why ]] || die "no node: $why"
  hold "$dir"
  inside "$dir" "$here/cluster.sh" up-inside "$dir"
  say "up: $0 inside $dir env KUBECONFIG=$dir/kubeconfig kubectl get nodes"
}

up_here() {
  local dir=$1
  try_ports "$dir" start_etcd etcd
  try_ports "$dir" start_api kube-apiserver "$(<"$dir/etcd.port")"
  (umask 077 && kubeconfig "$dir" "$(<"$dir/kube-apiserver.port")" >"$dir/kubeconfig")
  [[ ${2:-} == --bare ]] || start_controllers "$dir"
}

# Killed without a word, and started again on the same port.
restart_api() {
  local dir=$1
  kill -9 "$(<"$dir/kube-apiserver.pid")"
  while kill -0 "$(<"$dir/kube-apiserver.pid")" 2>/dev/null; do sleep 0.1; done
  start_api "$dir" "$(<"$dir/kube-apiserver.port")" "$(<"$dir/etcd.port")"
}

up_inside() {
  make_bridge
  up_here "$1"
  start_node "$1"
}

stop() { # stop DIR NAME
  local pid file=$1/$2.pid
  [[ -f $file ]] || return 0
  pid=$(<"$file")
  kill "$pid" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$file"
}

down() {
  local dir name
  dir=$(readlink -f "$1")
  if [[ -e $dir/holder.pid ]]; then
    end_node "$dir"
  else
    for name in kube-controller-manager kube-apiserver etcd; do stop "$dir" "$name"; done
  fi
  rm -rf "$dir/etcd" "$dir/kubeconfig"
}

folder_of() { [[ -d ${1:-} ]] || die "name the folder of up"; readlink -f "$1"; }

case ${1:-} in
  build) build ;;
  is-built) is_ready ;;
  why-no-node) why_no_node ;;
  up) [[ -n ${2:-} ]] || die "up needs a folder"; up "$2" "${3:-}" ;;
  up-inside) up_inside "$2" ;; # by up, in the node's namespaces
  inside) dir=$(folder_of "${2:-}"); shift 2; inside "$dir" "$@" ;;
  restart-api) restart_api "$(folder_of "${2:-}")" ;;
  load) load_image "$(folder_of "${2:-}")" ;;
  down) down "$(folder_of "${2:-}")" ;;
  *) sed -n '2,24s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
