#!/bin/sh
# A traffic router plugin: moves the weights of an HTTPRoute over Serin's API, as one for your own load
# balancer would over that one's. Configuration: {"server": "STATE/server.json", "route": "shop"}, with
# the state folder of `serin up`.
set -eu
read -r question

text() { printf '%s' "$question" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
number() { printf '%s' "$question" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
refuse() { printf '{"error": "%s"}\n' "$1"; exit 0; }

server=$(text server)
[ -r "$server" ] || refuse "config.server names no file that can be read"
api=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$server")
route="$api/apis/gateway.networking.k8s.io/v1/namespaces/$(text namespace)/httproutes/$(text route)"
canary=$(text canaryService)
weight=$(number desiredWeight)

case $(text method) in
SetWeight)
    # The first rule's first two backends: stable, candidate.
    rest=$(($(number totalWeight) - weight))
    patch='[{"op": "add", "path": "/spec/rules/0/backendRefs/0/weight", "value": '$rest'},
        {"op": "add", "path": "/spec/rules/0/backendRefs/1/weight", "value": '$weight'}]'
    curl -sf -m 5 -o /dev/null -X PATCH -H 'Content-Type: application/json-patch+json' \
        -d "$patch" "$route" || refuse "the route cannot be changed"
    echo '{}'
    ;;
VerifyWeight)
    # The condition's message is JSON inside JSON: its quotes are escaped.
    if curl -sf -m 5 "$route" | tr -d ' \134' | grep -q "\"${canary}\":${weight}[,}]"; then
        echo '{"verified": true}'
    else
        echo '{"verified": false, "message": "the route is not there yet"}'
    fi
    ;;
RemoveManagedRoutes) echo '{}' ;;
*) refuse "only weights can be moved" ;;
esac
