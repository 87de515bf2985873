#!/usr/bin/env bash
# dockerfile.sh OUTPUT: builds deploy/Dockerfile as it stands with buildah, looks whether the image is what is promised,
# and writes it to OUTPUT in the format of `docker save`. No registry is asked: what the Dockerfile begins with is
# made by debootstrap from Debian's packages. What has been compiled before is taken from the user's ccache. Needs root and
# 6 GB of disk in build/.
set -euo pipefail
output=$(realpath "${1:?name the file to write}")
cd "$(dirname "$(readlink -f "$0")")/../.."
mkdir -p build
work=$(mktemp -d "$PWD/build/image.XXXXXX")
buildah=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver "${STORAGE_DRIVER:-overlay}")
finish() {
  "${buildah[@]}" rm --all >/dev/null 2>&1 || true
  umount "$work/storage/overlay" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# --- What `FROM debian:12` and `FROM debian:12-slim` mean.
mirror=$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
debootstrap --variant=minbase bookworm "$work/debian" "$mirror" >"$work/debootstrap.log" || fail "debootstrap: see $(tail -5 "$work/debootstrap.log")"
# With the updates, as theirs.
rm -f "$work/debian/etc/apt/sources.list"
cp /etc/apt/sources.list.d/debian.sources "$work/debian/etc/apt/sources.list.d/"
rm -rf "$work"/debian/var/{cache/apt/archives,lib/apt/lists}/*
base=$("${buildah[@]}" from scratch)
"${buildah[@]}" add --quiet "$base" "$work/debian" / >/dev/null
"${buildah[@]}" config --cmd bash "$base"
"${buildah[@]}" commit --quiet --rm "$base" docker.io/library/debian:12 >/dev/null
"${buildah[@]}" tag docker.io/library/debian:12 docker.io/library/debian:12-slim
rm -rf "$work/debian"

# --- The image.
# Short names are Docker's, as where people build it.
printf 'unqualified-search-registries = ["docker.io"]\n' >"$work/registries.conf"
# Whoever builds is root here and there, with the same home.
cache=$(ccache --get-config cache_dir 2>/dev/null || true)
mkdir -p "${cache:=$work/ccache}"
began=$SECONDS
"${buildah[@]}" --registries-conf "$work/registries.conf" bud --pull=never --isolation chroot \
  --volume "$cache:$HOME/.cache/ccache" -f deploy/Dockerfile \
  -t docker.io/library/serin:0.1.0 . >&2 || fail "deploy/Dockerfile does not build"
echo "built in $((SECONDS - began)) s"
made=$("${buildah[@]}" from --pull=never docker.io/library/serin:0.1.0)
inside() { "${buildah[@]}" run --isolation chroot --volume "$PWD/examples:/examples:ro" "$made" -- "$@"; }
[[ $(inside id -u):$(inside id -g) == 65532:65532 ]] || fail "it runs as $(inside id)"
missing=$(inside ldd /usr/local/bin/serin | grep 'not found' || true)
[[ -z $missing ]] || fail "libraries are missing: $missing"
inside /usr/local/bin/serin version
inside /usr/local/bin/serin lint -f /examples/shop/manifests || fail "it does not lint"
inside haproxy -v >/dev/null || fail "there is no haproxy"
config=$("${buildah[@]}" inspect --type image docker.io/library/serin:0.1.0 | jq -c '.OCIv1.config | [.Entrypoint, .User]')
[[ $config == '[["/usr/local/bin/serin"],"65532:65532"]' ]] || fail "its entry point and user are $config"
rm -f "$output"
"${buildah[@]}" push --quiet docker.io/library/serin:0.1.0 "docker-archive:$output:docker.io/library/serin:0.1.0" >/dev/null
printf 'the image of deploy/Dockerfile: %s\n' "$(du -h "$output" | cut -f1)"
