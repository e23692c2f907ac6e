#!/usr/bin/env bash
# Installs chDB, which `make bench-reports` asks the same questions, into a Python environment in
# .build/chdb.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/chdb
requirement=chdb==4.4.0
installed=$environment/requirement.txt # written last

[ "$(cat "$installed" 2>/dev/null)" = "$requirement" ] && exit 0
if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
echo "installing: $requirement into $environment"
/usr/bin/python3 -m venv --clear "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check "$requirement"
echo "$requirement" >"$installed"
