#!/usr/bin/env bash
# Installs chDB, which `make bench-reports` asks the same questions, into a Python environment in
# .build/chdb.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/chdb
requirement=chdb==4.4.0
installed=$environment/requirement.txt # written last

[ "$(cat "$installed" 2>/dev/null)" = "$requirement" ] && exit 0
scripts/install-debian.sh python3-venv
echo "installing: $requirement into $environment"
/usr/bin/python3 -m venv --clear "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check "$requirement"
echo "$requirement" >"$installed"
