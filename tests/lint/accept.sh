#!/usr/bin/env bash
# Writes the expectations of tests/lint/fixtures anew from what the program says now; read the
# difference before you keep it. Usage: tests/lint/accept.sh build/dev/serin
set -euo pipefail
serin=$(realpath "$1")
cd "$(dirname "$0")/fixtures"
for folder in */; do
  for name in as-written fixed; do
    # shellcheck disable=SC2046
    (cd "$folder" && { "$serin" lint -f "$name.yaml" $(cat options 2>/dev/null) || true; } \
      | { grep '\.yaml:.* \[' || true; } | { grep -vE '\[(not-supported|no-effect)\]' || true; } > "$name.txt"
      [[ -s $name.txt ]] || rm "$name.txt")
  done
done
