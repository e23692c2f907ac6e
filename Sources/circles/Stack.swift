import API
import AsyncHTTPClient
import BlockingThread
import CircleStore
import Database
import Domain
import EventLog
import Foundation
import Ingest
import Jobs
import Logging
import Metrics
import NIOCore
import PrometheusMetrics
import SFU
import ServiceLifecycle
import Tokens

/// Wires the services of one process.
struct Stack: Sendable {
    let settings: Settings
    let databaseURL: String
    let clock: any WallClock = SystemWallClock()
    let registry: PrometheusRegistry

    init(settings: Settings, databaseURL: String, registry: PrometheusRegistry) {
        self.settings = settings
        self.databaseURL = databaseURL
        self.registry = registry
    }

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: "circles.\(label)")
        logger.logLevel = settings.logLevel
        return logger
    }

    // MARK: Set-up

    /// Brings the schema up to date.
    @discardableResult
    func migrate() async throws -> [String] {
        let (settings, databaseURL, now) = (settings, databaseURL, clock.now())
        return try await BlockingThread.run(name: "migrate") {
            let connection = try Connection(url: databaseURL, applicationName: "circles-migrate")
            return try Migrator(sqlDirectory: settings.sqlDirectory)
                .run(on: connection, today: now)
        }
    }

    /// Refuses to run on a schema that is older than this program.
    func requireCurrentSchema() async throws {
        let (settings, databaseURL) = (settings, databaseURL)
        let missing = try await BlockingThread.run(name: "schema") {
            let connection = try Connection(url: databaseURL, applicationName: "circles-schema")
            return try Migrator(sqlDirectory: settings.sqlDirectory).missing(on: connection)
        }
        guard missing.isEmpty else {
            throw Environment.Failure(
                name: Setting.databaseURL.name,
                message:
                    "the database lacks \(missing.joined(separator: ", ")): run circles migrate")
        }
    }

    /// Creates the topics on a real cluster; an embedded broker brings its own.
    func ensureTopics() async throws {
        guard !settings.isKafkaEmbedded else { return }
        let kafka = settings.kafka(bootstrapServers: try settings.environment.string(.kafkaBrokers))
        let (partitions, replication) = (settings.kafkaPartitions, settings.kafkaReplication)
        try await BlockingThread.run(name: "topics") {
            try TopicAdmin.ensure(
                topics: Topic.all, partitionCount: partitions, replicationFactor: replication,
                settings: kafka)
        }
    }

    func locator() throws -> any KafkaLocator {
        if settings.isKafkaEmbedded {
            return EmbeddedBrokerLocator(databaseURL: databaseURL) { [settings] in
                settings.kafka(bootstrapServers: $0)
            }
        }
        return FixedKafkaLocator(
            settings.kafka(bootstrapServers: try settings.environment.string(.kafkaBrokers)))
    }

    // MARK: Services

    func pool(_ name: String, as role: ServiceRole?) -> ConnectionPool {
        ConnectionPool(
            url: databaseURL, applicationName: "circles-\(name)", role: role,
            size: settings.poolSize,
            // A request that waits longer than this for a lock or an answer is given up; the
            // client gets a problem document and nothing is written.
            settings: CircleStore.sessionSettings
                + [("lock_timeout", "5000"), ("statement_timeout", "10000")])
    }

    func store(pool: ConnectionPool) -> CircleStore {
        CircleStore(
            pool: pool, clock: clock,
            settings: .init(
                seatLeaseSeconds: settings.seatLeaseSeconds,
                hostGraceSeconds: settings.hostGraceSeconds))
    }

    /// The API server and the relay.
    func apiServices(
        pool: ConnectionPool, onListening: @escaping @Sendable (Int) async -> Void
    ) async throws -> [any Service] {
        let registry = registry
        let live = LiveFeed(databaseURL: databaseURL, clock: clock, logger: logger("live"))
        let mediaTokens = try settings.admissionTokens()
        var dependencies = APIServer.Dependencies(
            pool: pool, store: store(pool: pool), keys: APIKeys(pool: pool, clock: clock),
            tokens: await TokenVerifier(
                configuration: try settings.tokenVerifier(), clock: clock, fetch: fetchKeys),
            mediaTokens: MediaTokens(configuration: mediaTokens),
            uploads: try await Uploads(
                try settings.uploadStorage(secret: mediaTokens.apiSecret),
                lifetimeSeconds: try settings.uploadSeconds(), now: clock.now()),
            webhooks: try settings.liveKit().map {
                LiveKitWebhooks(apiKey: $0.apiKey, apiSecret: $0.apiSecret)
            },
            clock: clock, live: live, exposition: { registry.exposition() })
        dependencies.unsubscribeTokens = try settings.unsubscribeTokens()
        return [
            OutboxRelay(
                configuration: try settings.relay(databaseURL: databaseURL),
                locator: try locator(), clock: clock, logger: logger("relay")),
            live,
            APIServer.service(
                try settings.api(), dependencies, logger: logger("api"), onListening: onListening),
        ]
    }

    func ingestService() throws -> any Service {
        IngestService(
            configuration: try settings.ingest(databaseURL: databaseURL),
            locator: try locator(), clock: clock, logger: logger("ingest"))
    }

    func sfuService(
        pool: ConnectionPool, onListening: @escaping @Sendable (Int) async -> Void
    ) async throws -> any Service {
        let registry = registry
        return SFUService(
            try settings.sfu(),
            .init(
                store: store(pool: pool),
                tokens: MediaTokens(configuration: try settings.mediaTokens()),
                locator: try locator(), clock: clock, exposition: { registry.exposition() }),
            logger: logger("sfu"), onListening: onListening)
    }

    /// `/metrics` of a process that has no other HTTP face.
    func metricsService(usualPort: Int) throws -> any Service {
        let (host, port) = try settings.metrics(usualPort: usualPort)
        return MetricsService.make(
            host: host, port: port, registry: registry, logger: logger("metrics"))
    }

    func brokerService() -> any Service {
        EmbeddedBrokerService(databaseURL: databaseURL, clock: clock, logger: logger("broker"))
    }

    /// Runs services until SIGTERM or SIGINT, then drains them.
    func run(_ services: [any Service]) async throws {
        try await group(services).run()
    }

    /// The last service to start stops first.
    func group(_ services: [any Service]) -> ServiceGroup {
        ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger("process")))
    }
}

/// Fetches an issuer's keys.
@Sendable
private func fetchKeys(_ url: String) async throws -> RemoteKeySet.Fetched {
    let response = try await HTTPClient.shared.execute(
        HTTPClientRequest(url: url), timeout: .seconds(10))
    guard response.status == .ok else {
        throw Environment.Failure(
            name: Setting.firebaseJWKS.name, message: "answers \(response.status.code)")
    }
    let body = try await response.body.collect(upTo: 1 << 20)
    let maxAge = response.headers[canonicalForm: "cache-control"]
        .compactMap {
            $0.split(separator: "=").count == 2 && $0.hasPrefix("max-age")
                ? Int64($0.split(separator: "=")[1]) : nil
        }
        .first
    return .init(body: String(buffer: body), maxAgeSeconds: maxAge ?? 3600)
}
