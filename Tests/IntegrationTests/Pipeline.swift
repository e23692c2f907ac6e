import API
import BlockingThread
import CircleStore
import Database
import Domain
import EventLog
import Foundation
import Ingest
import Logging
import ServiceLifecycle
import Synchronization
import TestKit

/// Where tests say that the broker is.
final class MovableLocator: KafkaLocator {
    private let endpoint = Mutex<KafkaEndpoint?>(nil)

    func locate() -> KafkaEndpoint? {
        endpoint.withLock { $0 }
    }

    /// Points to a broker; `nil` when there is none.
    func point(to broker: EmbeddedBroker?) {
        endpoint.withLock { endpoint in
            endpoint = broker.map {
                KafkaEndpoint(
                    settings: KafkaSettings(
                        bootstrapServers: $0.bootstrapServers, sessionTimeoutMilliseconds: 4000),
                    incarnation: $0.bootstrapServers)
            }
        }
    }
}

/// Relay and Ingest of one test, with a broker of their own.
final class Pipeline: Sendable {
    let test: TestStore
    let locator = MovableLocator()

    init() throws {
        test = try TestStore(poolSize: 8)
    }

    static func makeBroker() async throws -> EmbeddedBroker {
        try await BlockingThread.run(name: "broker") {
            try EmbeddedBroker(partitionCount: Topic.partitionCountDefault)
        }
    }

    /// Runs `body` while the relay and, unless it is not to, Ingest work.
    func run(
        ingests: Bool = true, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        var services: [any Service] = [
            OutboxRelay(
                configuration: .init(databaseURL: test.databaseURL), locator: locator,
                clock: test.clock, logger: logger)
        ]
        if ingests {
            services.append(
                IngestService(
                    configuration: .init(databaseURL: test.databaseURL), locator: locator,
                    clock: test.clock, logger: logger))
        }
        let group = ServiceGroup(services: services, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body()
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    struct Timeout: Error, CustomStringConvertible {
        let description: String
    }

    /// Waits until every event of every command is stored and the outbox is empty.
    func settle() async throws {
        try await waitUntil("the outbox is empty") { [test] in
            try await test.number("select count(*) from outbox") == 0
        }
    }

    /// Asks every 20 ms, for two minutes at most: rows in a database have no other signal.
    func waitUntil(
        _ what: String, _ condition: @escaping @Sendable () async throws -> Bool
    ) async throws {
        for _ in 0..<6000 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Timeout(
            description: "not in two minutes: \(what); outbox: "
                + (try await test.text(
                    """
                    select count(*), count(published_at), max(rejected_count) from outbox
                    """)))
    }

    /// Every command's event is stored, once, in order.
    func mismatches() async throws -> String {
        try await test.text(
            """
            select circles.circle_id, circles.event_seq, stored.event_count, stored.last_seq
            from circles
            left join (
                select circle_id, count(*) as event_count, max(source_seq) as last_seq
                from events group by circle_id
            ) as stored using (circle_id)
            where stored.event_count is distinct from circles.event_seq
                or stored.last_seq is distinct from circles.event_seq
            """)
    }

    /// What `circles verify` finds wrong.
    func findings() async throws -> [String] {
        try await test.findings()
    }

    /// A circle in which people come, raise hands, speak and go; leaves it open.
    func live(_ name: String, members: Int) async throws -> CircleID {
        let circleID = try await test.makeCircle(host: "host-\(name)")
        let host = Caller(uid: "host-\(name)")
        for index in 1...members {
            let caller = Caller(uid: "\(name)-\(index)")
            _ = try await test.store.join(circleID, by: caller)
            if index.isMultiple(of: 3) {
                _ = try await test.store.raiseHand(circleID, by: caller)
            }
            if index.isMultiple(of: 6) {
                try await test.bringOnStage(caller.uid, in: circleID, host: host.uid)
                _ = try await test.store.demote(caller.uid, in: circleID, by: host)
            }
            if index.isMultiple(of: 5) { try await test.store.leave(circleID, by: caller) }
        }
        return circleID
    }
}

extension TestStore {
    /// What `circles verify` finds wrong.
    func findings() async throws -> [String] {
        let (url, clock) = (databaseURL, clock)
        return try await BlockingThread.run(name: "verify") {
            _ = try Replay(databaseURL: url, clock: clock).run(from: .history)
            let connection = try Connection(url: url, applicationName: "tests")
            return try Verification.run(comparesReplay: true, on: connection)
                .filter { !$0.isClean }.map { "\($0.check): \($0.detail)" }
        }
    }
}
