#!/usr/bin/env bash
# Installs what checks the contract into a Python environment in .build/contract.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/contract
requirements=Tests/Contract/requirements.txt
installed=$environment/requirements.txt # a copy, written last

cmp -s "$requirements" "$installed" && exit 0
if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
echo "installing: $(grep -v '^#' "$requirements" | paste -sd ' ') into $environment"
/usr/bin/python3 -m venv --clear "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$installed"
