#!/usr/bin/env bash
# usage: test.sh [FILTER]     FILTER: only the tests whose names this pattern finds
# Runs all tests that were built, in parts one after the other, and one part beside the others.
set -uo pipefail
media='^IntegrationTests\.(Media|Page|DemoCircle)'
beside='^IntegrationTests\.(OnCall|Contract)'
jobs='^IntegrationTests\.(FCM|Reminder|Summary|SMTP|Unsubscribe|Alert|LossRule|Job|Sweep|MetricsDocument)'
history='^IntegrationTests\.(RollUp|Settled|Seed|Report|Export|Forgetting|MOS|Ingestor|LateEvents|Quality|Chaos|Pipeline)'

status=0
# What `swift test --skip-build` would start; SwiftPM itself runs once at a time. Eight tests at a
# time: hundreds would keep each other waiting for longer than real clients and receivers do.
tests=(.build/debug/circlesPackageTests.xctest --testing-library swift-testing
    --experimental-maximum-parallelization-width 8)
[ $# -eq 0 ] || exec "${tests[@]}" --filter "$1"
part() {
    echo "== $1"
    shift
    "${tests[@]}" "$@" || status=1
}
part "units" --skip '^IntegrationTests\.'
part "media, pages" --filter "$media"
# One waits for half minutes and minutes to pass, one is a client that asks for as long: others run
# meanwhile.
said=$(mktemp)
"${tests[@]}" --filter "$beside" >"$said" 2>&1 &
waiting=$!
trap 'kill "$waiting" 2>/dev/null; rm -f "$said"' EXIT
part "jobs: pushes, mail, alerts" --filter "$jobs"
part "history, reports" --filter "$history"
echo "== on call and the contract, since the jobs began"
wait "$waiting" || status=1
cat "$said"
part "the API" --filter '^IntegrationTests\.' --skip "$media" --skip "$beside" \
    --skip "$jobs" --skip "$history"
exit $status
