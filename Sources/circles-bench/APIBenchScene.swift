import API
import BlockingThread
import CircleStore
import Database
import Domain
import Foundation
import Logging
import ServiceLifecycle
import Tokens

/// The database that all contenders work on, and our API on it.
struct APIBenchScene: Sendable {
    static let secret = "bench-secret-bench-secret-bench-secret"
    static let apiKey = "bench-api-key"
    /// Of one circle at most; past it joins are refused and would cost less.
    private static let listenersMax = 100

    let databaseURL: String
    let home: String
    let circleIDs: [CircleID]
    let sessionCount: Int

    init(
        databaseURL: String, home: String, circleCount: Int, sessionCount: Int
    ) async throws {
        self.databaseURL = databaseURL
        self.home = home
        self.sessionCount = sessionCount
        let now = SystemWallClock().now()
        let circleIDs = (0..<circleCount).map { CircleID(now: now.adding(seconds: -Int64($0))) }
        self.circleIDs = circleIDs
        try await BlockingThread.run(name: "set-up") {
            let connection = try Connection(url: databaseURL, applicationName: "bench")
            _ = try Migrator(sqlDirectory: "sql").run(on: connection, today: now)
            try connection.query(
                """
                insert into circles (
                    circle_id, title, category, privacy, creator_uid, host_uid, co_host_uids,
                    cover_url, start_at, duration_min, max_speakers, max_listeners, mic_policy,
                    status, created_at, started_at, last_event_at
                )
                select
                    circle_id, 'Vinyl night ' || number, 'music', 'public', 'host-' || number,
                    'host-' || number, '{}', '', \(now) - number * interval '1 second', 60, 8,
                    \(Int32(Self.listenersMax)), 'handRaise', 'live', \(now), \(now), \(now)
                from unnest(\(circleIDs)) with ordinality as circle (circle_id, number)
                """)
            try connection.query(
                """
                insert into sfu_nodes (node_id, url, epoch, started_at, heartbeat_at)
                values ('sfu-1', 'http://127.0.0.1:7880', 1, \(now), \(now) + interval '1 day')
                """)
            try connection.query(
                "insert into circle_placements select circle_id, 'sfu-1', \(now) from circles")
            // What pgbench's script asks for, which has no arrays and no random bytes of its own.
            try connection.script(
                """
                create table bench_circles as
                select row_number() over () as number, circle_id from circles;
                create unique index on bench_circles (number);
                create function bench_circle(wanted bigint) returns uuid language sql stable as
                $$ select circle_id from bench_circles where number = wanted $$;
                create function bench_record() returns bytea language sql immutable as
                $$ select decode(repeat('0a', 110), 'hex') $$;
                grant select on bench_circles to circles_api;
                """)
        }
    }

    /// Empties what joins fill.
    func reset() async throws {
        let databaseURL = databaseURL
        try await BlockingThread.run(name: "reset") {
            let connection = try Connection(url: databaseURL, applicationName: "bench")
            // The last contender's last requests may still be at work.
            for attempt in 1... {
                do {
                    try connection.script(
                        "truncate seats, outbox; update circles set event_seq = 0")
                    break
                } catch let error as DatabaseError where error.isRetriable && attempt < 10 {
                    continue
                }
            }
            try connection.script("vacuum analyze circles, seats, outbox")
            try connection.script("checkpoint")
        }
    }

    /// Writes one line a request for wrk: joins of users who are nowhere yet, or directory pages.
    func writeRequests(_ work: APIBenchLoad.Work, to path: String) async throws {
        var lines: [String] = []
        // A tenth of the room is left: wrk may read ahead.
        let count = work == .join ? circleIDs.count * Self.listenersMax * 9 / 10 : 1000
        let now = SystemWallClock().now()
        for number in 0..<count {
            let token = try await TokenVerifier.developmentToken(
                uid: "u\(number)", email: nil, secret: Self.secret, now: now,
                lifetimeSeconds: 7200)
            switch work {
            case .join:
                lines.append(
                    "POST /v1/circles/\(circleIDs[number % circleIDs.count])/join \(token)")
            case .directory: lines.append("GET /v1/circles \(token)")
            }
        }
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: path, atomically: false, encoding: .utf8)
    }

    /// Runs `body` while our API serves.
    func withAPI<Result: Sendable>(
        _ body: @escaping @Sendable (_ url: String) async throws -> Result
    ) async throws -> Result {
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
        try await APIKeys(pool: owner, clock: clock).register(Self.apiKey, name: "bench")
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let server = APIServer.service(
            .init(host: "127.0.0.1", port: 0, sfuURL: ""),
            .init(
                pool: pool,
                store: CircleStore(
                    pool: pool, clock: clock, settings: .init(seatLeaseSeconds: 3600)),
                keys: APIKeys(pool: pool, clock: clock),
                tokens: await TokenVerifier(
                    configuration: .init(developmentSecret: Self.secret, firebase: nil),
                    clock: clock, fetch: { _ in throw CancellationError() }),
                mediaTokens: MediaTokens(
                    configuration: .init(apiKey: "circles", apiSecret: Self.secret)),
                uploads: try await Uploads(
                    .folder(path: home + "/uploads", secret: Self.secret), now: clock.now()),
                clock: clock, exposition: { "" }),
            logger: logger, onListening: { listening.yield($0) })
        let group = ServiceGroup(services: [server], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            var result: Result?
            for await port in ports {
                result = try await body("http://127.0.0.1:\(port)")
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            guard let result else { throw BenchFailure(description: "our API did not come up") }
            return result
        }
    }
}
