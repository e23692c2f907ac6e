#!/usr/bin/env bash
# Runs all tests that were built, in parts one after the other. All tests of a part run at once: a
# thousand at once keep each other waiting for longer than real clients and receivers do.
set -uo pipefail
media='^IntegrationTests\.(Media|Page|DemoCircle)'
jobs='^IntegrationTests\.(Alert|LossRule|FCM|Reminder|Summary|SMTP|Job|Sweep|OnCall|MetricsDocument|Unsubscribe)'
history='^IntegrationTests\.(RollUp|Settled|Seed|Report|Export|Forgetting|MOS|Ingestor|LateEvents|Quality|Chaos|Pipeline)'

status=0
part() {
    echo "== $1"
    shift
    swift test --skip-build "$@" || status=1
}
part "units" --skip '^IntegrationTests\.'
part "media, pages" --filter "$media"
part "jobs, metrics, on call" --filter "$jobs"
part "history, reports" --filter "$history"
part "the API" --filter '^IntegrationTests\.' --skip "$media" --skip "$jobs" --skip "$history"
exit $status
