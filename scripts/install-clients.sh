#!/usr/bin/env bash
# Installs what the WebRTC clients in Tests/Clients need, if any is missing: Debian packages
# (as root, or as a user with sudo) and a Python environment in .build/clients.
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

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "not root and no sudo: install ${missing[*]} by hand" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

cmp -s "$requirements" "$installed" && exit 0
echo "installing: $(grep -v '^#' "$requirements" | paste -sd ' ') into $environment"
# Debian's own Python, because GStreamer's binding is built for it.
/usr/bin/python3 -m venv --clear --system-site-packages "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$installed"
