#!/usr/bin/env bash
# Installs the Debian packages that building, running and testing need.
set -euo pipefail

packages=(
    pkg-config libpq-dev librdkafka-dev libcurl4-openssl-dev zlib1g-dev # to build
    libssl-dev libopus-dev                                   # to build the media
    libcairo2-dev fonts-dejavu-core                          # to draw the chart in a mail
    postgresql-15                                            # the embedded cluster
    python3-aiosmtpd                                         # the embedded mailbox
)
"$(dirname "$0")/install-debian.sh" "${packages[@]}"
