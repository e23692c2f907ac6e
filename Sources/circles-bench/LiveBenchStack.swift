import API
import AsyncHTTPClient
import CircleStore
import Database
import Domain
import EventLog
import Ingest
import Logging
import NIOCore
import ServiceLifecycle
import Tokens

/// All services between a command and those who follow its circle, in this process.
struct LiveBenchStack: Sendable {
    let store: CircleStore
    let kafka: KafkaSettings
    let clock: any WallClock
    private let url: String
    private let http: HTTPClient
    private let pool: ConnectionPool

    private static let secret = "bench-secret-bench-secret-bench-secret"
    private static let apiKey = "bench-api-key"

    static func run(
        databaseURL: String, kafka: KafkaSettings, sessionCount: Int,
        _ body: @escaping @Sendable (LiveBenchStack) async throws -> Void
    ) async throws {
        let clock = SystemWallClock()
        var logger = Logger(label: "bench")
        logger.logLevel = .warning
        let pool = ConnectionPool(
            url: databaseURL, applicationName: "circles-api", role: .api,
            size: sessionCount, settings: CircleStore.sessionSettings)
        let owner = ConnectionPool(url: databaseURL, applicationName: "bench", size: 1)
        defer {
            pool.close()
            owner.close()
        }
        let store = CircleStore(
            pool: pool, clock: clock, settings: .init(seatLeaseSeconds: 3600))
        let keys = APIKeys(pool: pool, clock: clock)
        try await APIKeys(pool: owner, clock: clock).register(apiKey, name: "bench")
        let feed = LiveFeed(databaseURL: databaseURL, clock: clock, logger: logger)
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = APIServer.service(
            .init(host: "127.0.0.1", port: 0, sfuURL: ""),
            .init(
                pool: pool, store: store, keys: keys,
                tokens: await TokenVerifier(
                    configuration: .init(developmentSecret: secret, firebase: nil), clock: clock,
                    fetch: { _ in throw CancellationError() }),
                mediaTokens: MediaTokens(
                    configuration: .init(apiKey: "circles", apiSecret: secret)),
                uploads: try await Uploads(
                    .folder(path: "/tmp/circles-covers-unused", secret: secret), now: clock.now()),
                clock: clock, live: feed, exposition: { "" }),
            logger: logger, onListening: { listening.yield($0) })
        let locator = FixedKafkaLocator(kafka)
        let group = ServiceGroup(
            services: [
                IngestService(
                    configuration: .init(databaseURL: databaseURL), locator: locator,
                    clock: clock, logger: logger),
                OutboxRelay(
                    configuration: .init(databaseURL: databaseURL), locator: locator,
                    clock: clock, logger: logger),
                feed, server,
            ], logger: logger)
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 10_000
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            for await port in ports {
                try await body(
                    LiveBenchStack(
                        store: store, kafka: kafka, clock: clock,
                        url: "http://127.0.0.1:\(port)", http: http, pool: pool))
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try await http.shutdown()
    }

    /// Returns once Ingest has stored every event: it has its partitions then, and joining its
    /// group is no part of what an event takes.
    func settle() async throws {
        while try await pool.withConnection({ connection in
            try connection.query(
                """
                select exists (
                    select
                    from circles
                    where event_seq > (select count(*) from events where events.circle_id = circles.circle_id)
                )
                """
            ).first?.get(0) ?? false
        }) {
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Opens an event stream.
    func events(of circleID: CircleID, as uid: String) async throws -> HTTPClientResponse.Body {
        var request = HTTPClientRequest(url: "\(url)/v1/circles/\(circleID)/events")
        let token = try await TokenVerifier.developmentToken(
            uid: uid, email: nil, secret: Self.secret, now: clock.now(), lifetimeSeconds: 3600)
        request.headers.add(name: "X-API-Key", value: Self.apiKey)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let response = try await http.execute(request, timeout: .hours(1))
        guard response.status == .ok else {
            throw BenchFailure(description: "\(uid) got \(response.status) for a stream")
        }
        return response.body
    }
}
