#!/usr/bin/env bash
# Installs what checks the contract into a Python environment in .build/contract.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.build/contract
requirements=Tests/Contract/requirements.txt
installed=$environment/requirements.txt # a copy, written last

cmp -s "$requirements" "$installed" && exit 0
scripts/install-debian.sh python3-venv
echo "installing: $(grep -v '^#' "$requirements" | paste -sd ' ') into $environment"
/usr/bin/python3 -m venv --clear "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$installed"
