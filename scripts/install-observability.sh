#!/usr/bin/env bash
# Installs what the tests of alerts and dashboards run: Prometheus, its rule checker, Alertmanager.
# Debian starts both as services; the tests run their own on free ports.
set -euo pipefail
"$(dirname "$0")/install-debian.sh" prometheus prometheus-alertmanager
