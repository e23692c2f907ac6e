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
            let early = try connection.settleQualityDays(restBefore: last, countMax: 10)
            #expect(early == 0)
            let rest = last.adding(seconds: 1)
            let settled = try connection.settleQualityDays(restBefore: rest, countMax: 10)
            #expect(settled > 0)
            let after = try Self.quality(connection)
            #expect(after[0] == before[0])
            #expect(after[1] != "0")
            #expect(after[2] == "0")
            let clean = try Verification.checkRollUps(connection).filter { !$0.isClean }
            #expect(clean.isEmpty, "\(clean)")
            // Within ten minutes: the store itself settles nothing.
            try Self.store([late], now: last, connection)
            let unsettled = try Self.quality(connection)
            #expect(unsettled[1] == "0")
            _ = try connection.settleQualityDays(restBefore: rest, countMax: 10)
            let again = try Self.quality(connection)
            #expect(again[0] == unsettled[0])
            #expect(again[0] != before[0])
        }
    }

    @Test("joins of a day are the same before and after it is settled, and a late event counts")
    func joins() async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let text = """
            select day, outcome, cause, stays, share, seat_ms_p50, ice_ms_p95, first_packet_ms_p99
            from reports.join_funnel order by 1, 2, 3
            """
        try await test.pool.withConnection { connection in
            func read() throws -> String { try IngestorTests.text("\(trusted: text)", connection) }
            func settledCount() throws -> String {
                try IngestorTests.text("select count(*) from join_days", connection)
            }
            let ingestor = Ingestor(target: .live)
            func ingest(_ events: [Event]) throws {
                var random = SeededGenerator(seed: 9)
                try IngestorTests.ingest(events, ingestor, connection, random: &random)
            }
            var generator = EventGenerator(
                seed: 77, begin: Self.begin.adding(seconds: -86_400 * 5),
                stepMicrosecondsMax: 90_000_000)
            let events = generator.generate(eventCount: 150)
            // A source whose last events come days later.
            let nodes = events.filter { $0.position.source == "sfu-1" }
            try ingest(events.filter { $0.position.source != "sfu-1" })
            let before = try read()
            let today = Int32(Self.begin.microseconds / 86_400_000_000) + 30
            while try connection.settleJoinDays(before: today, countMax: 3) > 0 {}
            let after = try read()
            #expect(after == before)
            let settled = try settledCount()
            #expect(settled != "0")
            try ingest(nodes)
            let changed = try read()
            #expect(changed != before)
            while try connection.settleJoinDays(before: today, countMax: 3) > 0 {}
            let again = try read()
            #expect(again == changed)
            let clean = try Verification.checkRollUps(connection).filter { !$0.isClean }
            #expect(clean.isEmpty, "\(clean)")
        }
    }

    @Test("a row that comes while its day is being settled is not forgotten")
    func settlingMeanwhile() async throws {
        let test = try TestStore(poolSize: 2)
        defer { test.close() }
        var generator = QualityGenerator(seed: 6, begin: Self.begin)
        let batches = generator.generate(batchCount: 40)
        let last = batches.map(\.sampledAt).max() ?? Self.begin
        let rest = last.adding(seconds: 1)
        try await test.pool.withConnection { connection in
            try Self.store(Array(batches.dropLast(10)), now: last, connection)
        }
        for batch in batches.suffix(10) {
            async let stored: Void = test.pool.withConnection { connection in
                try Self.store([batch], now: last, connection)
            }
            async let settled = test.pool.withConnection { connection in
                try connection.settleQualityDays(restBefore: rest, countMax: 10)
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
