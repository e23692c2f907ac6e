# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := bash
build_flags := --explicit-target-dependency-import-check error

.PHONY: help packages clients build demo up test allocations fuzz lint format bench-ingest \
        bench-live bench-sfu protos

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

packages: ## Install the Debian packages that are missing
	@scripts/install-packages.sh

clients: packages ## Install the WebRTC clients that tests drive: Chromium, aiortc, GStreamer
	@scripts/install-clients.sh

build: packages ## Build the program (debug)
	swift build $(build_flags) --product circles

demo: build ## Live one circle from start to end and print what is left of it
	.build/debug/circles demo

up: build ## Run everything on embedded defaults until Ctrl-C
	.build/debug/circles up

test: packages clients lint allocations ## Build everything and run all tests
	swift build $(build_flags) --build-tests
	swift test --skip-build

allocations: packages ## Prove that the packet path allocates nothing (release build)
	swift build -c release --scratch-path .build-release --product media-allocations
	.build-release/release/media-allocations

fuzz: packages ## Fuzz each parser of bytes from outside for 20 seconds
	scripts/fuzz.sh

lint: ## Check the format of all Swift files
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests \
	    --ignore-unparsable-files 2>&1 | { ! grep -v '/Generated/'; }

format: ## Format all Swift files
	swift format --in-place --parallel --recursive Package.swift Sources Tests

bench-ingest: packages ## Measure Ingest beside a bare copy of the same rows (release build)
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench ingest

bench-live: packages ## Measure the way from a command to those who follow (release build)
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench live

bench-sfu: packages ## Measure the SFU beside a bare C loop of AES-GCM and sendmmsg (release build)
	swift build -c release --scratch-path .build-release --product circles
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench sfu

protos: ## Regenerate the event schema's Swift from proto/
	scripts/generate-protos.sh
