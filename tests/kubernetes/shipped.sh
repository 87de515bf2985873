# Sourced by tests with pods that run: what `kubectl apply -k deploy/` installs, and releases of the
# example shop as images. They set serin, shop, deploy, here, dir and namespace, and run beside a node
# whose folder is in SERIN_TEST_NODE.
# shellcheck shell=bash disable=SC2154

tell_more() {
  kubectl -n "$namespace" get rollouts,replicasets,pods,jobs,analysisruns -o wide 2>&1 | head -40 || true
  kubectl -n "$namespace" get rollouts,analysisruns -o json | jq -c '.items[] | [.kind, .metadata.name, .status]' || true
  kubectl -n "$namespace" get httproutes,gateways -o json 2>/dev/null | jq -c '.items[] | [.kind, .metadata.name, .status]' || true
  kubectl -n serin-system get pods -o wide || true
  kubectl -n serin-system logs -l app.kubernetes.io/part-of=serin --tail=20 --prefix || true
  kubectl -n serin-system get pods -o name | while read -r pod; do # What ended of itself, or was ended.
    kubectl -n serin-system logs "$pod" --previous --tail=20 2>/dev/null || true
  done
}

declare -A pids=()
# The next test on this node must find neither Serin nor a Gateway on its ports.
finish() {
  local name
  for name in "${!pids[@]}"; do kill "${pids[$name]}" 2>/dev/null || true; done
  kubectl delete namespace "$namespace" serin-system --timeout=120s >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

image() { # image TAG [NAME=VALUE]...: a release of the shop, made without a container engine
  local tag=$1 root=$dir/shop-image
  shift
  if [[ ! -d $root ]]; then
    install -D "$shop" "$root/shop"
    ldd "$shop" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
      install -D "$(readlink -f "$library")" "$root$library"
    done
  fi
  "$deploy/archive.sh" "docker.io/library/shop:$tag" "$root" "$(jq -nc '{Entrypoint: ["/shop"],
      Env: (["HOST=0.0.0.0", "PORT=8080"] + $ARGS.positional)}' --args "SHOP_VERSION=$tag" "$@")" |
    "$here/cluster.sh" load "$SERIN_TEST_NODE"
}

has_ready() { [[ $(kubectl -n serin-system get deployment "$1" -o 'jsonpath={.status.readyReplicas}') == "$2" ]]; }
leader() { kubectl -n serin-system get lease serin-controller -o jsonpath='{.spec.holderIdentity}' | sed 's/_.*//'; }
is_led() { [[ -n $(leader) ]]; }

install_serin() { # install_serin FOLDER: as a user would, of deploy/ or an overlay of it
  # The image of Dockerfile, for who has built that (./dev test-image).
  local folder=$1 image=${SERIN_TEST_IMAGE:-$dir/serin.tar}
  [[ -n ${SERIN_TEST_IMAGE:-} ]] || "$deploy/image.sh" --output "$image" "$serin"
  "$here/cluster.sh" load "$SERIN_TEST_NODE" <"$image"
  # Definitions take a moment until objects of them are known.
  apply_folder "$folder" 2>/dev/null || apply_folder "$folder"
  within 120 "the controllers are not ready" has_ready serin-controller 2
  within 30 "nobody leads" is_led
}

phase() { is "rollout/$1" .status.phase "$2"; }
gone() { # gone APP IMAGE: no pod of it is left
  [[ $(kubectl -n "$namespace" get pods -o json | jq --arg app "$1" --arg image "$2" \
    '[.items[] | select(.metadata.labels.app == $app and .spec.containers[0].image == $image)] | length') == 0 ]]
}

no_right_was_missing() { # Nothing more was needed than what is shipped.
  kubectl -n serin-system logs -l app.kubernetes.io/part-of=serin --tail=-1 >"$dir/serin.log"
  no_right_is_missing <"$dir/serin.log"
}
