# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := bash
# A first build takes a sixth less without debug info (backtraces keep their names), and a fifth less
# if the index, by which SwiftPM looks for tests, leaves the system's modules out.
build_flags := --explicit-target-dependency-import-check error -debug-info-format none \
    -Xswiftc -index-ignore-system-modules

.PHONY: help packages tools docs build demo up test built-tests allocations fuzz lint format \
        bench-api bench-ingest bench-live bench-reports bench-sfu protos

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

packages: ## Install the Debian packages that are missing
	@scripts/install-packages.sh

tools: packages ## Install what only tests run: WebRTC clients, Prometheus, schemathesis and the like
	@scripts/install-clients.sh
	@scripts/install-vectors.sh
	@scripts/install-observability.sh
	@scripts/install-schemathesis.sh
	@scripts/install-swagger-ui.sh

docs: packages ## Fetch Swagger UI's files for /docs
	@scripts/install-swagger-ui.sh

build: packages docs ## Build the program (debug)
	swift build $(build_flags) --product circles

demo: build ## Live one circle from start to end and print what is left of it
	.build/debug/circles demo

up: build ## Run everything on embedded defaults until Ctrl-C
	.build/debug/circles up

test: packages lint ## Set up, build everything and run all tests
	@# Tools are fetched while the compiler is at work.
	@$(MAKE) --no-print-directory --jobs=2 tools built-tests
	scripts/test.sh

built-tests: allocations
	swift build $(build_flags) --build-tests

allocations: packages ## Prove that the packet path allocates nothing (release build)
	swift build -c release --product media-allocations
	.build/release/media-allocations

fuzz: packages ## Fuzz each parser of bytes from outside for 20 seconds
	scripts/fuzz.sh

lint: ## Check the format of all Swift files
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests \
	    --ignore-unparsable-files 2>&1 | { ! grep -v '/Generated/'; }

format: ## Format all Swift files
	swift format --in-place --parallel --recursive Package.swift Sources Tests

bench-api: packages ## Measure the API beside pgbench and Express on the same SQL (release build)
	@scripts/install-bench.sh
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench api

bench-ingest: packages ## Measure Ingest beside a bare copy of the same rows (release build)
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench ingest

bench-live: packages ## Measure the way from a command to those who follow (release build)
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench live

bench-reports: packages ## Measure every report beside raw history in PostgreSQL and chDB (release build)
	@scripts/install-chdb.sh
	swift build -c release --scratch-path .build-release --product circles
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench reports

bench-sfu: packages ## Measure the SFU beside a bare C loop of AES-GCM and sendmmsg (release build)
	swift build -c release --scratch-path .build-release --product circles
	swift build -c release --scratch-path .build-release --product circles-bench
	.build-release/release/circles-bench sfu

protos: ## Regenerate the event schema's Swift from proto/
	scripts/generate-protos.sh
