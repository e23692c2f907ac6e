import Database
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@testable import Ingest

@Suite("Sums that are made when a day is at rest", .timeLimit(.minutes(10)))
struct SettledRollUpTests {
    private static let begin = IngestorTests.begin

    /// What the report says of every member, and how much of it is settled.
    private static func quality(_ connection: Connection) throws -> [String] {
        try [
            """
            select circle_id, uid, direction, minutes, packets_expected, packets_lost, jitter_ms_p95,
                rtt_ms_p50, mos
            from reports.quality order by 1, 2, 3
            """, "select count(*) from quality_days", "select count(*) from quality_days_unsettled",
        ].map { try IngestorTests.text("\(trusted: $0)", connection) }
    }

    private static func settleQuality(at time: Timestamp, _ connection: Connection) throws -> Int {
        try connection.transaction {
            try connection.query("select settle_quality_days(\(time), 10)")[0]
                .get(0, as: Int.self)
        }
    }

    private static func store(
        _ batches: [QualityBatch], now: Timestamp, _ connection: Connection
    ) throws {
        let records = batches.map {
            LogRecord(
                partition: 0, offset: 0, key: nil, value: QualityCodec.encode($0))
        }
        let store = QualityStore()
        try connection.transaction {
            _ = try store.store(RecordBatch(records: records, now: now), connection: connection)
        }
    }

    @Test("a circle's quality is the same before and after it is settled, and a late sample counts")
    func quality() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        try await test.pool.withConnection { connection in
            var generator = QualityGenerator(seed: 5, begin: Self.begin)
            let batches = generator.generate(batchCount: 60)
            let late = batches[30]
            let last = batches.map(\.sampledAt).max() ?? Self.begin
            try Self.store(batches.filter { $0 != late }, now: last, connection)
            let before = try Self.quality(connection)
            #expect(before[1] == "0")
            #expect(before[2] != "0")
            // Not at rest yet.
            let early = try Self.settleQuality(at: last.adding(seconds: 599), connection)
            #expect(early == 0)
            let rest = last.adding(seconds: 601)
            let settled = try Self.settleQuality(at: rest, connection)
            #expect(settled > 0)
            let after = try Self.quality(connection)
            #expect(after[0] == before[0])
            #expect(after[1] != "0")
            #expect(after[2] == "0")
            let clean = try Verification.checkRollUps(connection).filter { !$0.isClean }
            #expect(clean.isEmpty, "\(clean)")
            try Self.store([late], now: last, connection)
            let unsettled = try Self.quality(connection)
            #expect(unsettled[1] == "0")
            _ = try Self.settleQuality(at: rest, connection)
            let again = try Self.quality(connection)
            #expect(again[0] == unsettled[0])
            #expect(again[0] != before[0])
        }
    }

    /// All rows of the reports that read settled rollups, as text.
    private static func reports(_ connection: Connection) throws -> [String] {
        try [
            "minutes_by_day", "retention", "hand_raise_funnel", "join_funnel", "directory_trends",
            "hosts",
        ].map { name in
            try IngestorTests.text(
                """
                select to_jsonb(rows) - 'as_of' as line from reports.\(trusted: name) as rows
                order by line
                """, connection)
        }
    }

    private static func marks(_ connection: Connection) throws -> String {
        try IngestorTests.text(
            """
            select
                (select count(*) from join_days_unsettled),
                (select count(*) from request_days_unsettled),
                (select count(*) from day_sums_unsettled),
                (select count(*) from category_weeks_unsettled),
                (select count(*) from host_sums_unsettled)
            """, connection)
    }

    private static func settleAll(_ connection: Connection) throws {
        let at = begin.adding(seconds: 30 * 86_400)
        while try connection.transaction({
            try connection.query("select settle_rollups(\(at), 2)")[0].get(0, as: Int.self)
        }) > 0 {}
    }

    @Test(
        "reports are the same before and after their days are settled, and late events count",
        arguments: [UInt64(77), 78, 79, 80])
    func late(seed: UInt64) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: seed)
            let ingestor = Ingestor(target: .live)
            var late: [Event] = []
            for circle in UInt64(0)..<4 {
                var generator = EventGenerator(
                    seed: seed &* 100 &+ circle,
                    begin: Self.begin.adding(seconds: -86_400 * Int64(5 + circle)),
                    stepMicrosecondsMax: 900_000_000)
                // Ended, or its host is never at rest.
                var events = generator.generate(eventCount: 120)
                if case .circleEnded? = events.last?.payload {
                } else {
                    events.append(Self.end(after: events))
                }
                // One source's events come days later.
                let source = circle.isMultiple(of: 2) ? "sfu-1" : "api"
                let cut = events.count / 2
                let isLate = { (index: Int) in
                    index > cut && events[index].position.source == source
                }
                late += events.indices.filter(isLate).map { events[$0] }
                _ = try IngestorTests.ingest(
                    events.indices.filter { !isLate($0) }.map { events[$0] }, ingestor,
                    connection, random: &random)
            }
            try Self.check(connection, seed: seed)
            let before = try Self.reports(connection)
            let fresh = Ingestor(target: .live, recentWeightMax: 0)
            _ = try IngestorTests.ingest(late, fresh, connection, random: &random)
            let after = try Self.reports(connection)
            #expect(after != before, "seed \(seed)")
            try Self.check(connection, seed: seed)
        }
    }

    private static func end(after events: [Event]) -> Event {
        let last = events[events.count - 1]
        let numbers = events.filter { $0.position.source == "api" }.map(\.position.sequence)
        var random = SeededGenerator(seed: 1)
        let at = last.occurredAt.adding(seconds: 60)
        return Event(
            eventID: EventID(now: at, random: &random), circleID: last.circleID,
            position: SourcePosition(
                source: "api", epoch: SourcePosition.apiEpoch, sequence: (numbers.max() ?? 0) + 1),
            occurredAt: at, payload: .circleEnded(actorUID: "host", .host))
    }

    /// Settled or not, reports say the same, and all that is at rest can be settled.
    private static func check(_ connection: Connection, seed: UInt64) throws {
        let unsettled = try reports(connection)
        try settleAll(connection)
        let settled = try reports(connection)
        for (left, right) in zip(unsettled, settled) { #expect(left == right, "seed \(seed)") }
        let problems = try Verification.checkRollUps(connection).filter { !$0.isClean }
        #expect(problems.isEmpty, "seed \(seed): \(problems)")
    }

    @Test("what is at rest has no mark left, and what is not keeps its mark")
    func marksGo() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: 1)
            var generator = EventGenerator(seed: 5, begin: Self.begin.adding(seconds: -86_400 * 9))
            var events = generator.generate(eventCount: 60)
            if case .circleEnded? = events.last?.payload {
            } else {
                events.append(Self.end(after: events))
            }
            let ingestor = Ingestor(target: .live)
            let last = events.removeLast()
            _ = try IngestorTests.ingest(events, ingestor, connection, random: &random)
            try Self.settleAll(connection)
            let live = try Self.marks(connection)
            #expect(live.hasSuffix("|1"), "the host has a live circle: \(live)")
            _ = try IngestorTests.ingest([last], ingestor, connection, random: &random)
            let marked = try Self.marks(connection)
            #expect(!marked.hasPrefix("0|"))
            try Self.settleAll(connection)
            let marks = try Self.marks(connection)
            #expect(marks == "0|0|0|0|0")
        }
    }

    @Test("a row that comes while its day is being settled is not forgotten")
    func settlingMeanwhile() async throws {
        let test = try TestStore(poolSize: 2)
        defer { test.close() }
        var generator = QualityGenerator(seed: 6, begin: Self.begin)
        let batches = generator.generate(batchCount: 40)
        let last = batches.map(\.sampledAt).max() ?? Self.begin
        let rest = last.adding(seconds: 601)
        try await test.pool.withConnection { connection in
            try Self.store(Array(batches.dropLast(10)), now: last, connection)
        }
        for batch in batches.suffix(10) {
            async let stored: Void = test.pool.withConnection { connection in
                try Self.store([batch], now: last, connection)
            }
            async let settled = test.pool.withConnection { connection in
                try Self.settleQuality(at: rest, connection)
            }
            _ = try await (stored, settled)
        }
        let problems = try await test.pool.withConnection { connection in
            try Verification.checkRollUps(connection).filter { !$0.isClean }
                .map { "\($0.check): \($0.detail)" }
        }
        #expect(problems == [])
    }
}
