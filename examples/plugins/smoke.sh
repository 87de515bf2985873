#!/bin/sh
# A step plugin: asks a page of the service and passes when it answers 200, after a few tries.
# One request is a line of JSON on standard input, one answer a line on standard output; see
# docs/reference/plugins.md. The address comes from the step: config: {url: http://...}.
set -eu
read -r request
url=$(printf '%s' "$request" | sed -n 's/.*"config":{[^}]*"url":"\([^"]*\)".*/\1/p')

case "$request" in
*'"method":"Run"'*) ;;
*) # Terminate and Abort: nothing was started that would have to be ended.
    echo '{"phase":"Successful"}'
    exit 0
    ;;
esac

if [ -z "$url" ]; then
    echo '{"phase":"Failed","message":"config.url is missing"}'
elif curl --silent --fail --max-time 5 --output /dev/null "$url"; then
    echo '{"phase":"Successful","message":"the page answers"}'
else
    tries=$(printf '%s' "$request" | sed -n 's/.*"status":{"tries":\([0-9]*\).*/\1/p')
    tries=$((${tries:-0} + 1))
    echo "try $tries: $url does not answer" >&2
    if [ "$tries" -ge 3 ]; then
        echo '{"phase":"Failed","message":"the page does not answer"}'
    else
        echo "{\"phase\":\"Running\",\"requeueAfter\":\"10s\",\"status\":{\"tries\":$tries}}"
    fi
fi
