#!/usr/bin/env bash
# Fetches Google's conformance vectors for signed URLs, if they are missing, into .build/vectors:
# they are among the tests of Google's Python library (Apache License 2.0), and stay out of this
# repository. GoogleVectorTests reads them.
set -euo pipefail
cd "$(dirname "$0")/.."

package=google-cloud-storage
version=3.17.1
folder=.build/vectors/$package
installed=$folder/version # written last

[ "$(cat "$installed" 2>/dev/null)" = "$version" ] && exit 0
echo "fetching: the vectors of $package $version"
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
python3 -m venv "$download/python"
"$download/python/bin/pip" download --quiet --disable-pip-version-check --no-deps \
    --no-binary :all: --dest "$download" "$package==$version"
mkdir -p "$folder"
tar --extract --gzip --file "$download"/*.tar.gz --directory "$folder" --strip-components 1 \
    --wildcards '*/LICENSE'
tar --extract --gzip --file "$download"/*.tar.gz --directory "$folder" --strip-components 3 \
    --wildcards '*/tests/unit/url_signer_v4_test_data.json'
echo "$version" >"$installed"
