#!/usr/bin/env bash
# Installs the Debian packages that building, running and testing need, if any is missing.
# As root, or as a user with sudo.
set -euo pipefail

packages=(
    pkg-config libpq-dev librdkafka-dev libcurl4-openssl-dev zlib1g-dev # to build
    libssl-dev libopus-dev                                   # to build the media
    libcairo2-dev fonts-dejavu-core                          # to draw the chart in a mail
    postgresql-15                                            # the embedded cluster
    python3-aiosmtpd                                         # the embedded mailbox
)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "not root and no sudo: install ${missing[*]} by hand" >&2; exit 1; }
    as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
