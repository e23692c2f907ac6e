import Database
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@testable import API
@testable import Ingest
@testable import Jobs

/// What runs all day opens the partitions of its own days, whatever history there is.
@Suite("Statements that run all day, over 400 days of history")
struct HistoryPruningTests {
    private static let now = SystemWallClock().now()
    /// A circle's own day, the one before it, and those made ahead.
    private static let partitionCountMax = 40

    /// - Returns: how many partitions `body` had opened, to plan or to read.
    private func openedCount(
        of parent: String, _ body: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> Int {
        let test = try TestStore(poolSize: 1)
        defer { test.pool.close() }
        return try await test.pool.withConnection { connection in
            try connection.query(
                "select ensure_history_partitions(\(parent), current_date - 400, 402)")
            return try connection.transaction {
                try body(connection)
                return try connection.query(
                    """
                    select count(distinct relation)
                    from pg_locks
                    join pg_inherits on inhrelid = relation
                    where pid = pg_backend_pid() and inhparent = \(parent)::regclass
                    """)[0].get(0, as: Int.self)
            }
        }
    }

    @Test("what reads everything opens every day: the count below counts")
    func everything() async throws {
        let count = try await openedCount(of: "events") { connection in
            try connection.query("select count(*) from events")
        }
        #expect(count >= 400)
    }

    @Test("the news of circles")
    func news() async throws {
        let count = try await openedCount(of: "events") { connection in
            let positions = (0..<3).map { _ in
                LiveHub.Position(circleID: CircleID(now: Self.now), cursor: 0)
            }
            try connection.query(LiveReader.newsQuery(positions, before: nil, countMax: 256))
        }
        #expect((1...Self.partitionCountMax).contains(count))
    }

    @Test("the news of circles at a signal, without the days to come")
    func promptNews() async throws {
        let count = try await openedCount(of: "events") { connection in
            let positions = [
                LiveHub.Position(circleID: CircleID(now: Self.now), cursor: 0)
            ]
            let end = Self.now.adding(seconds: 86_400)
            try connection.query(LiveReader.newsQuery(positions, before: end, countMax: 256))
        }
        #expect((1...4).contains(count))
    }

    @Test("quality samples, in time and late")
    func quality() async throws {
        let count = try await openedCount(of: "quality_samples") { connection in
            var generator = QualityGenerator(seed: 1, begin: Self.now.adding(seconds: -600))
            let batches = generator.generate(batchCount: 20)
            let store = QualityStore()
            for some in [batches.suffix(10), batches.prefix(10)] {
                let records = some.map {
                    LogRecord(partition: 0, offset: 0, key: nil, value: QualityCodec.encode($0))
                }
                _ = try store.store(
                    RecordBatch(records: records, now: Self.now), connection: connection)
            }
        }
        #expect((1...Self.partitionCountMax).contains(count))
    }

    @Test("the measuring of loss")
    func loss() async throws {
        let count = try await openedCount(of: "quality_samples") { connection in
            _ = try LossRule().measure(connection, now: Self.now)
        }
        #expect((1...Self.partitionCountMax).contains(count))
    }

    @Test("drift of presence")
    func drift() async throws {
        let count = try await openedCount(of: "events") { connection in
            _ = try PresenceRule().findDrift(connection, now: Self.now)
        }
        #expect((1...Self.partitionCountMax).contains(count))
    }
}
