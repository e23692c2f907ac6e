#!/usr/bin/env bash
# Regenerates Sources/EventSchema/Generated from proto/. The result is committed, so that a build
# needs neither protoc nor its plugin.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v protoc >/dev/null || { echo "protoc is missing: apt-get install protobuf-compiler" >&2; exit 1; }
swift package resolve
scratch=.build/protoc-gen-swift
swift build --package-path .build/checkouts/swift-protobuf --scratch-path "$scratch" \
    --product protoc-gen-swift
plugin=$(swift build --package-path .build/checkouts/swift-protobuf --scratch-path "$scratch" \
    --show-bin-path)/protoc-gen-swift
mkdir -p Sources/EventSchema/Generated
protoc --plugin=protoc-gen-swift="$plugin" --proto_path=proto \
    --swift_opt=Visibility=Internal --swift_opt=FileNaming=DropPath \
    --swift_out=Sources/EventSchema/Generated \
    proto/circles/events/v1/events.proto proto/circles/quality/v1/quality.proto
echo "written: $(ls Sources/EventSchema/Generated)"
