#!/usr/bin/env bash
# Installs what the WebRTC clients in Tests/Clients need: Debian packages and a Python environment in
# .build/clients.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    chromium                                               # chromium_client.py
    gstreamer1.0-nice gstreamer1.0-plugins-{base,good,bad} # gstreamer_client.py
    gir1.2-gst-plugins-{base,bad}-1.0 python3-gi           # GStreamer from Python
    python3-venv
)
environment=.build/clients
requirements=Tests/Clients/requirements.txt
installed=$environment/requirements.txt # a copy, written last

scripts/install-debian.sh "${packages[@]}"

cmp -s "$requirements" "$installed" && exit 0
echo "installing: $(grep -v '^#' "$requirements" | paste -sd ' ') into $environment"
# Debian's own Python, because GStreamer's binding is built for it.
/usr/bin/python3 -m venv --clear --system-site-packages "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$installed"
