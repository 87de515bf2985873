# Sourced by tests: HAProxy between Serin and the real Kubernetes API, which makes trouble and tells what was
# asked. They set dir, which gets the files, and source steps.sh. Needs KUBECONFIG.
# shellcheck shell=bash disable=SC2034,SC2154

# start_troubled_api BIND: where it listens, as HAProxy's `bind` has it. What is the matter stands in a map.
start_troubled_api() {
  local admin_port server forgotten
  admin_port=$(free_port)
  troubled_admin=/dev/tcp/127.0.0.1/$admin_port
  kubectl config view --raw --minify --flatten -o json >"$dir/cluster"
  jq -r '.clusters[0].cluster["certificate-authority-data"]' "$dir/cluster" | base64 -d >"$dir/ca.crt"
  server=$(jq -r '.clusters[0].cluster.server | sub("^https://"; "")' "$dir/cluster")
  printf '%s\n' 'now nothing' 'wait 0' >"$dir/trouble"
  cat >"$dir/slow.lua" <<'L'
core.register_action("wait", {"http-req"}, function(txn) core.msleep(tonumber(txn:get_var("txn.wait"))) end)
L
  forgotten='{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}'
  cat >"$dir/haproxy.cfg" <<H
global
  log stdout format raw local0
  stats socket ipv4@127.0.0.1:$admin_port level admin
  lua-load $dir/slow.lua
defaults
  mode http
  log global
  log-format "%ST %HM %HU %ci"
  timeout connect 10s
  timeout client 10m
  timeout server 10m
frontend api
  bind $1
  acl leads path_beg /apis/coordination.k8s.io/
  acl watches urlp(watch) -m str true
  acl writes method POST PUT PATCH DELETE
  http-request set-var(txn.trouble) str(now),map($dir/trouble)
  http-request return status 429 content-type text/plain string "Too many requests, please try again later." hdr Retry-After 1 if { var(txn.trouble) -m str busy } !leads
  http-request set-var(txn.wait) str(wait),map($dir/trouble)
  http-request lua.wait if { var(txn.trouble) -m str slow } !watches
  http-request lua.wait if { var(txn.trouble) -m str late } writes !leads
  http-request return status 200 content-type application/json string '{"type":"ERROR","object":$forgotten}'\n if { var(txn.trouble) -m str forgotten } watches { rand(2) 0 }
  http-request return status 410 content-type application/json string '$forgotten' if { var(txn.trouble) -m str forgotten } watches
  default_backend cluster
backend cluster
  server api $server ssl verify required ca-file $dir/ca.crt
H
  haproxy -f "$dir/haproxy.cfg" >"$dir/requests" 2>"$dir/haproxy.log" &
  pids[haproxy]=$!
  within 20 "no proxy with trouble" tell "show info"
}

tell() { # tell COMMAND: to HAProxy
  exec 5<>"$troubled_admin" || return
  printf '%s\n' "$1" >&5
  cat <&5 >>"$dir/told"
  exec 5<&-
}

# trouble KIND [MILLISECONDS]: from now on, with so much delay of what is slow or late. What is under way breaks, so
# that everything meets it.
trouble() {
  tell "set map $dir/trouble wait ${2:-0}"
  tell "set map $dir/trouble now $1"
  [[ $1 == nothing ]] || tell "shutdown sessions server cluster/api"
}

# What was asked since a mark, and was answered: "STATUS METHOD PATH CLIENT". A watch is there when it ends.
mark() { marked=$(wc -l <"$dir/requests"); }
since() { tail -n "+$((marked + 1))" "$dir/requests" | grep -v /leases; }
count() { since | grep -cE "$1" || true; }

# write_always URL PATH...: as somebody else who writes the same objects all the time, through a `kubectl proxy`.
write_always() {
  local url=$1
  shift
  while sleep 0.1; do
    curl -fsS -X PATCH -H 'Content-Type: application/merge-patch+json' \
      -d "{\"metadata\": {\"annotations\": {\"example.com/seen\": \"$RANDOM\"}}}" "${@/#/$url}" >/dev/null || true
  done
}
