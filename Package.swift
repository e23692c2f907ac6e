// swift-tools-version: 6.1
import PackageDescription

// Layers: a target depends only on targets of a lower layer (docs/architecture.md).

func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: [
            .enableUpcomingFeature("ExistentialAny")
        ])
}

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(
    name: "AsyncHTTPClient", package: "async-http-client")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(
    name: "HummingbirdTesting", package: "hummingbird")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let swiftProtobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "circles",
    products: [
        .executable(name: "circles", targets: ["circles"]),
        .executable(name: "circles-bench", targets: ["circles-bench"]),
        .executable(name: "media-allocations", targets: ["media-allocations"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Layer 0: C libraries, pure values, and what needs nothing of ours.
        .systemLibrary(
            name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CSpawn"),
        .target(name: "CLinuxNet"),
        .target(name: "CMallocCount"),
        .target(name: "CPacketLoop", linkerSettings: [.linkedLibrary("crypto")]),
        .target(
            name: "COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "COpus", linkerSettings: [.linkedLibrary("opus")]),
        library("Domain"),
        library("BlockingThread"),
        library("PrometheusMetrics", [coreMetrics]),

        // Layer 1: each a library behind Swift.
        library("EventSchema", ["Domain", swiftProtobuf]),
        library("Database", ["CPostgres", "Domain", "BlockingThread"]),
        library("EventLog", ["BlockingThread", "CKafka", "Domain"]),

        library("JSONText", ["Domain"]),
        library("SyntheticHistory", ["Domain"]),
        library("Embedded", ["CSpawn"]),
        library("MediaCrypto", ["COpenSSL"]),
        library("Opus", ["COpus"]),
        library("Chart", ["CCairo"]),
        library("Datagram", ["CLinuxNet", "Domain"]),
        library("Tokens", ["Domain", "JSONText", crypto, jwtKit]),

        // Layer 2: the commands, and the media core without sockets, threads or clocks.
        library("CircleStore", ["Database", "Domain", "EventSchema"]),
        library("RTC", ["Domain", "MediaCrypto"]),

        // Layer 3: the services.
        library(
            "Ingest",
            [
                "BlockingThread", "Database", "Domain", "EventLog", "EventSchema", crypto, logging,
                metrics, serviceLifecycle,
            ]),

        library(
            "API",
            [
                "BlockingThread", "CircleStore", "CZlib", "Database", "Domain", "EventLog",
                "EventSchema", "JSONText", "Tokens",
                crypto, cryptoExtras, hummingbird, hummingbirdCore, jwtKit, logging, metrics,
                nioCore, nioHTTP1, serviceLifecycle, yams,
            ],
            // The contract, and the page at `/`.
            resources: [.copy("OpenAPI/openapi.yaml"), .copy("Web")]),
        library(
            "Jobs",
            [
                "BlockingThread", "CCurl", "Chart", "CircleStore", "Database", "Domain",
                "EventSchema", "Tokens",
                asyncHTTPClient, crypto, cryptoExtras, logging, metrics, mustache, nioCore,
                nioHTTP1, nioPosix, nioSSL, serviceLifecycle,
            ]),
        library("Reports", ["CZlib", "Database", "Domain", crypto]),
        library(
            "SFU",
            [
                "BlockingThread", "CircleStore", "Database", "Datagram", "Domain", "EventLog",
                "EventSchema", "MediaCrypto", "RTC", "Tokens",
                hummingbird, logging, metrics, nioCore, serviceLifecycle,
            ]),
        library("MediaSwarm", ["Datagram", "Domain", "MediaCrypto", "Opus", "RTC"]),

        // Layer 4: the program.
        .executableTarget(
            name: "circles",
            dependencies: [
                "API", "BlockingThread", "CircleStore", "Database", "Domain", "Embedded",
                "EventLog",
                "Ingest", "Jobs", "MediaCrypto", "MediaSwarm", "PrometheusMetrics", "RTC",
                "Reports", "SFU", "SyntheticHistory", "Tokens",
                argumentParser, asyncHTTPClient, hummingbird, logging, metrics, nioCore,
                serviceLifecycle,
            ],
            swiftSettings: [.enableUpcomingFeature("ExistentialAny")]),

        .executableTarget(
            name: "circles-bench",
            dependencies: [
                "API", "BlockingThread", "CPacketLoop", "CircleStore", "Database", "Domain",
                "Embedded", "EventLog", "EventSchema", "Ingest", "Reports", "Tokens",
                argumentParser, asyncHTTPClient, logging, nioCore, serviceLifecycle,
            ]),

        // Counts what the packet path allocates: `make test` runs it, in a release build.
        .executableTarget(
            name: "media-allocations",
            dependencies: ["CMallocCount", "Domain", "MediaCrypto", "RTC"]),

        // Tests: a mirror of Sources, and the whole system.
        .target(
            name: "TestKit",
            dependencies: [
                "API", "CircleStore", "Database", "Domain", "Embedded", "Tokens", hummingbird,
                hummingbirdTesting, logging, serviceLifecycle,
            ],
            path: "Tests/TestKit"),
        .testTarget(name: "DomainTests", dependencies: ["Domain"]),
        .testTarget(
            name: "EventSchemaTests", dependencies: ["Domain", "EventSchema", swiftProtobuf]),
        .testTarget(name: "JSONTextTests", dependencies: ["Domain", "JSONText"]),
        .testTarget(name: "EventLogTests", dependencies: ["EventLog"]),
        .testTarget(
            name: "PrometheusMetricsTests", dependencies: ["PrometheusMetrics", coreMetrics]),
        .testTarget(name: "IngestTests", dependencies: ["Domain", "Ingest"]),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "CircleStore", "CZlib", "Database", "Domain", "EventSchema", "JSONText",
                "Tokens",
                crypto, hummingbird, jwtKit, logging, nioCore,
            ]),
        .testTarget(name: "TokensTests", dependencies: ["Domain", "Tokens", jwtKit]),
        .testTarget(name: "MediaCryptoTests", dependencies: ["MediaCrypto"]),
        .testTarget(name: "DatagramTests", dependencies: ["Datagram", "Domain"]),
        .testTarget(name: "OpusTests", dependencies: ["Opus"]),
        .testTarget(
            name: "MediaSwarmTests",
            dependencies: ["Datagram", "Domain", "MediaCrypto", "MediaSwarm", "Opus", "RTC"]),
        .testTarget(name: "RTCTests", dependencies: ["Domain", "MediaCrypto", "RTC"]),
        .testTarget(
            name: "SFUTests",
            dependencies: [
                "CircleStore", "Domain", "EventLog", "EventSchema", "MediaCrypto", "RTC", "SFU",
                logging,
            ]),
        .testTarget(
            name: "JobsTests",
            dependencies: [
                "Domain", "Jobs", "TestKit", "Tokens", crypto, cryptoExtras, logging, nioHTTP1,
            ]),
        .testTarget(
            name: "SyntheticHistoryTests", dependencies: ["Domain", "SyntheticHistory"]),
        .testTarget(name: "ChartTests", dependencies: ["Chart", "CZlib"]),
        .testTarget(name: "ReportsTests", dependencies: ["Reports"]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "API", "BlockingThread", "CircleStore", "Database", "Domain", "Embedded",
                "EventLog",
                "Datagram", "EventSchema", "Ingest", "Jobs", "MediaCrypto", "RTC", "Reports", "SFU",
                "SyntheticHistory", "TestKit", "Tokens", "circles",
                asyncHTTPClient, crypto, cryptoExtras, hummingbird, hummingbirdCore,
                hummingbirdHTTP2, logging, nioCore, nioHTTP1, nioSSL, serviceLifecycle,
            ],
            exclude: ["Fixtures"]),
    ]
)
