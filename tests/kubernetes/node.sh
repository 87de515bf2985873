# Sourced by cluster.sh: one node that runs pods (kubelet, kube-proxy and kube-scheduler over containerd
# and runc), in a network, mount and process namespace of its own. What runs in there cannot be
# reached from outside, leaves no mount behind, and ends with the process that holds the namespace.
# shellcheck shell=bash disable=SC2154  # cluster.sh has the variables

readonly bridge_address=10.244.0.1 pod_network=10.244.0.0/16 service_network=10.96.0.0/16
pause_image=serin.test/pause:1
node_programs=(kube-scheduler kubelet kube-proxy)

# why_no_node: what keeps this machine from running pods, or nothing.
why_no_node() {
  local name
  ((EUID == 0)) || { echo "only root may run pods"; return; }
  for name in "${node_programs[@]}"; do
    [[ -n $(program "$name") ]] || { echo "there is no $name"; return; }
  done
  for name in containerd runc ctr iptables ip jq gcc; do
    command -v "$name" >/dev/null || { echo "there is no $name"; return; }
  done
  [[ -x /usr/lib/cni/bridge ]] || echo "there are no network plugins in /usr/lib/cni"
}

# The namespaces, and a first process in them that lives until it is killed, and reaps what is left over.
# Where kubelet and containerd write without being asked is memory of theirs alone.
hold() {
  local dir=$1
  # shellcheck disable=SC2016  # The inner shell expands.
  start "$dir" holder unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
    bash -c 'for folder in /run /var/log /var/lib/cni; do mkdir -p "$folder"; mount -t tmpfs tmpfs "$folder"; done
      ip link set lo up; echo up; while :; do sleep 3600 & wait; done'
  await "$dir" holder 10 grep -qx up "$dir/holder.log" || die "no namespaces: see $dir/holder.log"
}

# inside DIR COMMAND...: runs it beside the node.
inside() {
  local dir=$1 child
  shift
  child=$(<"/proc/$(<"$dir/holder.pid")/task/$(<"$dir/holder.pid")/children")
  nsenter --net --mount --pid --target "${child%% *}" --wd="$PWD" -- "$@"
}

# The bridge that pods hang on, made before the first pod: the API is found at its address.
make_bridge() {
  ip link add cni0 type bridge
  ip address add "$bridge_address/16" dev cni0
  ip link set cni0 up
  ip route add "$service_network" dev cni0 # Any way will do: their addresses are translated.
  sysctl -q -w net.ipv4.ip_forward=1
}

# load_image DIR: the archive on standard input.
load_image() { ctr -a "$1/containerd.sock" -n k8s.io images import --no-unpack - >/dev/null; }

pause_archive() {
  local folder
  folder=$(mktemp -d)
  gcc -static -O1 -x c -o "$folder/pause" - <<'C'
#include <signal.h>
#include <unistd.h>
static void leave(int signal) { (void)signal; _exit(0); }
int main(void) { signal(SIGTERM, leave); signal(SIGINT, leave); for (;;) pause(); }
C
  "$here/../../deploy/archive.sh" "$pause_image" "$folder" '{"Entrypoint": ["/pause"]}'
  rm -rf "$folder"
}

start_containerd() {
  local dir=$1
  mkdir -p "$dir/cni"
  cat >"$dir/cni/10-bridge.conflist" <<K
{"cniVersion": "0.4.0", "name": "bridge", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
 "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$dir/addresses",
 "ranges": [[{"subnet": "$pod_network"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
K
  # Layers are copied, not laid over each other, and scores of the memory killer are left alone: both work
  # in a machine that is itself a container.
  cat >"$dir/containerd.toml" <<K
version = 2
root = "$dir/containerd"
state = "$dir/containerd-state"
[grpc]
  address = "$dir/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
K
  start "$dir" containerd containerd --config "$dir/containerd.toml"
  await "$dir" containerd 30 ctr -a "$dir/containerd.sock" version || die "containerd does not start: see $dir"
  pause_archive | load_image "$dir"
}

start_kubelet() {
  local dir=$1 port
  port=$(free_port)
  cat >"$dir/kubelet.yaml" <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
healthzPort: 0
cgroupDriver: cgroupfs
cgroupRoot: /$(basename "$dir")
failSwapOn: false
imageGCHighThresholdPercent: 100
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: "50Mi"}
K
  # The kubelet makes its cgroups below this one, but not the one itself.
  local controller
  for controller in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    [[ -e $controller/cgroup.procs ]] && mkdir -p "$controller/$(basename "$dir")"
  done
  start "$dir" kubelet "$(program kubelet)" --kubeconfig="$dir/kubeconfig" --config="$dir/kubelet.yaml" --port="$port" \
    --container-runtime=remote --container-runtime-endpoint="unix://$dir/containerd.sock" \
    --hostname-override=node --node-ip="$bridge_address" --root-dir="$dir/kubelet"
  await "$dir" kubelet 90 sh -c "kubectl --kubeconfig '$dir/kubeconfig' get node node | grep -qw Ready" ||
    die "the kubelet does not get ready: see $dir/kubelet.log"
}

# start_node DIR: beside a running API.
start_node() {
  local dir=$1
  start_containerd "$dir"
  start "$dir" kube-scheduler "$(program kube-scheduler)" --kubeconfig="$dir/kubeconfig" --leader-elect=false \
    --port=0 --secure-port=0
  start_kubelet "$dir"
  # Pods and the node share a bridge: without masquerading, answers would go past the translation.
  start "$dir" kube-proxy "$(program kube-proxy)" --kubeconfig="$dir/kubeconfig" --hostname-override=node \
    --proxy-mode=iptables --cluster-cidr="$pod_network" --masquerade-all \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  await "$dir" kube-proxy 30 curl -fs http://127.0.0.1:10256/healthz || die "kube-proxy does not start: see $dir/kube-proxy.log"
}

# end_node DIR: all that runs in the namespaces ends with its first process.
end_node() {
  local dir=$1 name tries
  name=$(basename "$dir")
  stop "$dir" holder
  for ((tries = 50; tries > 0; --tries)); do
    find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null || true
    [[ -z $(find /sys/fs/cgroup -type d -name "$name" -print -quit) ]] && break
    sleep 0.1
  done
  rm -rf "$dir"/{containerd,containerd-state,kubelet,addresses} "$dir"/*.pid
}
