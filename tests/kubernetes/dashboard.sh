#!/usr/bin/env bash
# dashboard.sh DASHBOARD METRICS: each number that the dashboard asks for is one that the reference
# lists, and Prometheus can read each question.
set -euo pipefail
dashboard=$1 metrics=$2
rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
questions() { jq -r '[.panels[].targets[]?.expr, .annotations.list[].expr] | .[]' "$dashboard"; }

status=0
while read -r name; do
  grep -qE "\`$name(\`|\{)" "$metrics" || { echo "the reference does not have $name" >&2; status=1; }
done < <(questions | grep -oE '\b(serin|rollout|analysis|experiment)_[a-z_]+' | sort -u)

# shellcheck disable=SC2016  # A word of Grafana's.
questions | sed 's/\$__rate_interval/1m/g' | jq -R . | jq -s '{groups: [{name: "dashboard", rules:
  [to_entries[] | {record: "question:\(.key)", expr: .value}]}]}' >"$rules"
promtool check rules "$rules" >/dev/null || status=1
exit $status
