#!/usr/bin/env bash
# Installs what `make bench-api` runs beside our API, if any is missing: wrk and Node as packages, and
# Debian's Express and pg unpacked into .build/express: a machine whose Node is not Debian's cannot
# install those.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v wrk >/dev/null || missing+=(wrk)
command -v node >/dev/null || missing+=(nodejs)
scripts/install-debian.sh "${missing[@]}"

modules=.build/express
[ -f "$modules/complete" ] && exit 0
echo "unpacking: node-express node-pg into $modules"
rm -rf "$modules"
mkdir -p "$modules/packages"
closure=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances node-express node-pg | grep -E '^(node-|libjs-)[a-z0-9.+-]+$' | sort -u)
(cd "$modules/packages" && apt-get download -qq $closure)
for package in "$modules"/packages/*.deb; do dpkg-deb -x "$package" "$modules"; done
touch "$modules/complete"
