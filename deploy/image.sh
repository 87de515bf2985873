#!/usr/bin/env bash
# image.sh [--name NAME:TAG] [--output FILE] SERIN [PROGRAM...]: an image of the program SERIN, without
# a container engine: the program with the libraries it needs, HAProxy for its gateway, certificates, and
# nothing else. PROGRAMs, of your own for plugins, come beside it. To be made on the distribution that
# SERIN was built on. Read it with one of
#   docker load -i FILE
#   ctr -n k8s.io images import FILE
#   skopeo copy docker-archive:FILE docker://registry.example/serin:0.1.0
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
name=docker.io/library/serin:0.1.0 output=serin.tar
die() { printf 'image: %s\n' "$*" >&2; exit 2; }

while (($#)); do
  case $1 in
    --name) name=${2:?--name needs a NAME:TAG}; shift 2 ;;
    --output) output=${2:?--output needs a FILE}; shift 2 ;;
    -*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
done
(($#)) || die "name the program: deploy/image.sh build/release/serin"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{etc/ssl/certs,usr/local/bin,usr/sbin}
install -d -m 1777 "$root/tmp"

# add PROGRAM TARGET: with its libraries, at the paths where it looks for them.
add() {
  local program=$1 target=$root/$2 library
  [[ -x $program ]] || die "$program is not a program"
  install -D -m 755 "$program" "$target"
  strip --strip-unneeded "$target" 2>/dev/null || true
  ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
    install -D -m 755 "$(readlink -f "$library")" "$root$library"
  done
}

serin=$1
shift
add "$serin" usr/local/bin/serin
for program in "$@"; do add "$program" "usr/local/bin/$(basename "$program")"; done
haproxy=$(command -v haproxy) || die "there is no haproxy, which the gateway needs"
add "$haproxy" usr/sbin/haproxy
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'serin:x:65532:65532::/tmp:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'serin:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

"$here/archive.sh" "$name" "$root" '{"Entrypoint": ["/usr/local/bin/serin"], "User": "65532:65532",
  "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin"]}' >"$output"
printf 'image: %s in %s (%s)\n' "$name" "$output" "$(du -h "$output" | cut -f1)" >&2
