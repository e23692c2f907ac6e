#!/usr/bin/env bash
# Fetches Swagger UI's files for /docs into .build/swagger-ui, once per version. They come from the
# Python package drf-spectacular-sidecar, which carries them as they are; nothing of it is run.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2026.10.1
sha256=fe1d005d8ac9b5d0472f2fe5deeb2e7d6dcffaa24118044f22578b4b8c4b31f2
directory=.build/swagger-ui
installed=$directory/version # written last

[ "$(cat "$installed" 2>/dev/null)" = "$version" ] && exit 0
echo "installing: Swagger UI of drf-spectacular-sidecar $version into $directory"
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
requirement="drf-spectacular-sidecar==$version --hash=sha256:$sha256"
echo "$requirement" >"$download/requirements.txt"
python3 -m pip --version >/dev/null 2>&1 || scripts/install-debian.sh python3-pip
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --requirement "$download/requirements.txt" --dest "$download"
rm -rf "$directory"
mkdir -p "$directory"
python3 - "$download"/*.whl "$directory" <<'PYTHON'
import pathlib, sys, zipfile

wheel, directory = sys.argv[1:]
folder = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist/"
names = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "LICENSE"]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        pathlib.Path(directory, name).write_bytes(archive.read(folder + name))
PYTHON
echo "$version" >"$installed"
