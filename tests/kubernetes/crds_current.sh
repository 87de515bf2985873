#!/usr/bin/env bash
# crds_current.sh SERIN FOLDER: the checked-in definitions are what `serin crds` prints.
set -euo pipefail
serin=$1 folder=$2 status=0
for file in "$folder"/*.yaml; do
  kind=$(basename "$file" .yaml)
  "$serin" crds "$kind" | diff -u "$file" - || {
    echo "make it anew: serin crds $kind >deploy/crds/$kind.yaml" >&2
    status=1
  }
done
[[ $("$serin" crds | grep -c '^kind: ') == $(find "$folder" -name '*.yaml' | wc -l) ]] || {
  echo "a kind has no file in $folder" >&2
  status=1
}
exit "$status"
