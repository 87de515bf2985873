#!/usr/bin/env bash
# Holds the sources to the rules of CONTRIBUTING.md that text alone can show. Prints every breach.
set -euo pipefail

status=0
breach() { # breach RULE LINES
  [[ -n $2 ]] || return 0
  printf 'tidy: %s\n%s\n\n' "$1" "$2"
  status=1
}
files() { git ls-files --cached --others --exclude-standard -- "$@"; }
found() { # found PATTERN PATHSPEC...
  local pattern=$1
  shift
  files "$@" | xargs -r -d '\n' grep -nE -- "$pattern" 2>/dev/null || true
}

cxx=('*.cc' '*.h')
pure=('src/model' 'src/expr' 'src/manifest' 'src/lint' 'src/statistics' 'src/judge' 'src/engine' 'src/evidence')

breach 'only net, sim, log and programs outside src read a clock' \
  "$(found '(_clock|Clock)::now\(' 'src/*.cc' 'src/*.h' ':!src/net' ':!src/sim' ':!src/base/log.cc' \
    ':!src/*_test.cc')"
breach 'only the command line reads the environment' \
  "$(found 'getenv\(' 'src/*.cc' ':!src/cli')"
breach 'no sleeping: wait for conditions' "$(found 'sleep_for|usleep\(|[^_]sleep\(' 'src/*.cc' 'src/*.h')"
breach 'randomness is seeded and passed in' "$(found 'random_device|[^_a-z]rand\(\)' 'src/*.cc' 'src/*.h')"
breach 'std::regex and iostream are slow to build and to run' \
  "$(found 'std::regex|#include <(regex|iostream)>' "${cxx[@]}")"
breach 'includes name their folder' "$(found '#include "\.\./' "${cxx[@]}")"
breach 'pure layers do not throw' \
  "$(files "${pure[@]}" | grep -E '\.(cc|h)$' | grep -v _test | xargs -r grep -nE '\bthrow\b[^a-z]*[A-Z:a-z]+\(' || true)"
breach 'order must not depend on hashing' \
  "$(found 'unordered_' src/model src/engine src/statistics src/judge src/evidence)"
breach 'the engine knows no dialect, no JSON and no effects' \
  "$(found '\b(rollout|Rollout|setWeight|canary|Canary|flagger|boost/|base/json|base/document|<thread>|<mutex>|sys/)' \
    src/model src/engine | grep -v '_test\.cc:' || true)"
breach 'unfinished work belongs into an issue' \
  "$(found '\b(TODO|FIXME|XXX|HACK)\b' "${cxx[@]}" '*.sh' 'dev' ':!tests/tidy')"
breach 'files over 600 lines hold more than one idea' \
  "$(files "${cxx[@]}" | while read -r file; do
    [[ -f $file ]] && awk -v file="$file" 'END { if (NR > 600) print file ": " NR " lines" }' "$file"
  done)"
breach 'blobs over 256 KiB do not belong into the repository' \
  "$(files | while read -r file; do
    [[ -f $file ]] && (($(stat -c %s "$file") > 262144)) && printf '%s\n' "$file"
  done || true)"
breach 'every page that docs link to exists' \
  "$(files '*.md' | while read -r page; do
    grep -oE '\]\([^)#:]+' "$page" | sed 's/^](//' | while read -r target; do
      [[ -e $(dirname "$page")/$target ]] || printf '%s -> %s\n' "$page" "$target"
    done
  done)"

((status == 0)) && echo 'tidy: nothing to mend'
exit "$status"
