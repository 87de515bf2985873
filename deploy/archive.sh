#!/usr/bin/env bash
# archive.sh NAME FOLDER CONFIG: prints FOLDER as the only layer of an image NAME (with its tag), in the
# format of `docker save`, which docker, podman, skopeo and `ctr images import` read. CONFIG is the
# image's configuration as JSON: {"Entrypoint": [...], "User": "65532:65532", ...}. Equal folders give equal
# images.
set -euo pipefail
(($# == 3)) || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=$1 folder=$2 config=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
same=(--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)
tar "${same[@]}" -C "$folder" -cf "$work/layer.tar" .
jq -n --argjson config "$config" --arg digest "sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)" \
  --arg machine "$(dpkg --print-architecture)" '{architecture: $machine, os: "linux", config: $config,
    rootfs: {type: "layers", diff_ids: [$digest]}}' >"$work/config.json"
jq -n --arg name "$name" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >"$work/manifest.json"
tar "${same[@]}" -C "$work" -cf - manifest.json config.json layer.tar
