# shellcheck shell=bash
# A Serin of its own for a measurement, to be sourced: prepare, start_serin; everything is stopped
# and removed at exit. The sourcing script sets build, its build folder.

: "${build:?}"
work=$(mktemp -d -t serin-bench-XXXXXX)
export SERIN_STATE=$work/state
unset SERIN_SERVER SERIN_TOKEN_FILE
pids=()

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  set +e # Everything is to be tried, whatever fails on the way.
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
  "$build/serin" down >/dev/null 2>&1
  ((status == 0)) || tail -n 20 "$work"/*.log >&2 2>/dev/null
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT INT TERM

free_port() { # a port of loopback that nothing listens on now
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  printf '%s\n' "$port"
}

make_image() { # make_image TAG [NAME VALUE]...
  local image=$work/images/shop/$1 tag=$1
  shift
  mkdir -p "$image"
  cp "$build/examples/bin/shop" "$image/shop"
  jq -n --arg version "$tag" '{command: ["./shop"], env: ({SHOP_VERSION: $version}
    + ($ARGS.positional | [range(0; length; 2) as $i | {(.[$i]): .[$i + 1]}] | add // {}))}' \
    --args "$@" >"$image/image.json"
}

start_serin() { # start_serin MANIFESTS: and waits until it answers, start_tries tenths of a second
  "$build/serin" up -f "$1" --images "$work/images" --port 0 >"$work/serin.log" 2>&1 &
  serin_pid=$!
  pids+=("$serin_pid")
  local i
  for ((i = 0; i < ${start_tries:-300}; i++)); do
    [[ -f $SERIN_STATE/server.json ]] && "$build/serin" get rollouts >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
