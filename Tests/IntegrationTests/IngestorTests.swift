import CircleStore
import Database
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@testable import Ingest

@Suite("Ingestor, against PostgreSQL")
struct IngestorTests {
    static let begin = Timestamp(rfc3339: "2026-11-23T18:00:00Z")!  // well-formed

    /// Stores events in batches of random sizes, as one worker does.
    ///
    /// - Returns: how often circles were folded anew.
    @discardableResult
    static func ingest(
        _ events: [Event], _ ingestor: Ingestor, _ connection: Connection,
        batchCountMax: Int = 30, random: inout SeededGenerator
    ) throws -> IngestOutcome {
        var total = IngestOutcome()
        var rest = events[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Int.random(in: 1...batchCountMax, using: &random))
            rest = rest.dropFirst(batch.count)
            let records = batch.map {
                LogRecord(partition: 0, offset: 0, key: nil, value: EventCodec.encode($0))
            }
            try connection.transaction {
                let outcome = try ingestor.store(
                    RecordBatch(records: records, now: begin), connection: connection)
                total.rebuiltCount += outcome.rebuiltCount
                total.refoldedCount += outcome.refoldedCount
            }
        }
        return total
    }

    static func text(_ sql: SQL, _ connection: Connection) throws -> String {
        let rows = try connection.queryText(sql)
        return (0..<rows.count).map { row in
            rows.columns.indices.map { rows[row, $0] ?? "∅" }.joined(separator: "|")
        }.joined(separator: "\n")
    }

    @Test(
        "1,000 random lives, sources interleaved anew and records doubled, equal the oracle",
        arguments: 0..<10)
    func randomLives(block: Int) async throws {
        let test = try TestStore(poolSize: 1)
        let problems = try await test.pool.withConnection { connection in
            var problems: [String] = []
            for seed in UInt64(block * 100)..<UInt64(block * 100 + 100) {
                var generator = EventGenerator(seed: seed, begin: Self.begin)
                var random = SeededGenerator(seed: seed &+ 1_000_000)
                let events = generator.generate(eventCount: Int.random(in: 1...40, using: &random))
                let ingestor = Ingestor(target: .live)
                try Self.ingest(generator.shuffled(events), ingestor, connection, random: &random)
                if let problem = try Self.compare(events, connection) {
                    problems.append("seed \(seed): \(problem)")
                }
            }
            return problems
        }
        #expect(problems == [])
    }

    /// - Returns: what differs between the tables and the oracle.
    static func compare(_ events: [Event], _ connection: Connection) throws -> String? {
        let oracle = Oracle(events)
        let circleID = events[0].circleID
        let totals = try text(
            """
            select peak_listeners, peak_speakers, participant_us, attendance_count, member_count,
                promotion_count, kick_count
            from circle_sessions where circle_id = \(circleID)
            """, connection)
        if totals != oracle.totals { return "totals \(totals), oracle \(oracle.totals)" }
        let members = try text(
            """
            select session_id, role, is_muted, is_connected, is_speaking
            from members where circle_id = \(circleID) order by session_id::text collate "C"
            """, connection)
        if members != oracle.members { return "members \(members), oracle \(oracle.members)" }
        let hands = try text(
            """
            select session_id, (extract(epoch from raised_at) * 1000000)::bigint,
                (extract(epoch from lowered_at) * 1000000)::bigint
            from hand_raises where circle_id = \(circleID)
            order by session_id::text collate "C", raised_at
            """, connection)
        if hands != oracle.hands { return "hands \(hands), oracle \(oracle.hands)" }
        let talks = try text(
            """
            select session_id, talk_us, ice_ms, first_packet_ms
            from attendances where circle_id = \(circleID)
            order by session_id::text collate "C"
            """, connection)
        if talks != oracle.talks { return "talks \(talks), oracle \(oracle.talks)" }
        let stored = try text(
            "select count(*), max(circle_seq) from events where circle_id = \(circleID)", connection
        )
        let expected = "\(events.count)|\(events.count)"
        return stored == expected ? nil : "stored \(stored), expected \(expected)"
    }

    @Test(
        "missing numbers are gaps until they arrive, and then the tables are as if they always had")
    func gapsHeal() async throws {
        let test = try TestStore(poolSize: 1)
        let problem = try await test.pool.withConnection { connection in
            var generator = EventGenerator(seed: 7, begin: Self.begin)
            let events = generator.generate(eventCount: 60)
            var random = SeededGenerator(seed: 7)
            let ingestor = Ingestor(target: .live)
            let (late, early) = (
                events.filter { $0.position.sequence.isMultiple(of: 5) },
                events.filter { !$0.position.sequence.isMultiple(of: 5) }
            )
            try Self.ingest(early, ingestor, connection, random: &random)
            let gapCount: Int = try connection.query("select count(*) from ingest_gaps")[0].get(0)
            if gapCount == 0 { return Optional("no gap was recorded") }
            // Another worker goes on, with nothing in memory.
            try Self.ingest(late.reversed(), Ingestor(target: .live), connection, random: &random)
            let left = try Self.text(
                "select source, first_seq, last_seq from ingest_gaps", connection)
            if left != "" { return "gaps left: \(left)" }
            return try Self.compare(events, connection)
        }
        #expect(problem == nil)
    }

    @Test("a hole in the API's numbering is filled from the outbox")
    func holesAreFilledFromOutbox() async throws {
        let test = try TestStore()
        let circleID = try await test.makeCircle()
        for index in 1...10 {
            _ = try await test.store.join(circleID, by: Caller(uid: "guest-\(index)"))
        }
        let records = try await test.outboxRecords()
        let kept = [records[1], records[5], records[12]]
        let outcome = try await test.pool.transaction { connection in
            try Ingestor(target: .live).store(
                RecordBatch(
                    records: kept.map {
                        LogRecord(partition: 0, offset: 0, key: nil, value: $0)
                    }, now: Self.begin),
                connection: connection)
        }
        #expect(outcome.acceptedCount == records.count && outcome.filledCount == records.count - 3)
        #expect(outcome.missingCount == 0)
        #expect(try await test.number("select count(*) from members") == 11)
    }

    @Test("unreadable records go to dead_letters with their place, and the rest goes on")
    func deadLetters() async throws {
        let test = try TestStore()
        try await test.makeCircle()
        let good = try await test.outboxRecords()
        var records = [
            LogRecord(partition: 3, offset: 10, key: [1], value: [0xFF, 0xFF, 0xFF]),
            LogRecord(partition: 3, offset: 11, key: nil, value: nil),
        ]
        records += good.map { LogRecord(partition: 3, offset: 12, key: nil, value: $0) }
        let batch = records
        for _ in 1...2 {
            try await test.pool.transaction { connection in
                _ = try Ingestor(target: .live).store(
                    RecordBatch(records: batch, generations: [3: 5], now: Self.begin),
                    connection: connection)
            }
        }
        #expect(
            try await test.text(
                """
                select kafka_partition, log_generation, kafka_offset, record
                from dead_letters order by kafka_offset
                """) == "3|5|10|\\xffffff\n3|5|11|∅")
        #expect(try await test.number("select count(*) from events") == good.count)
    }

    @Test("a worker that lost its claim cannot write")
    func fencing() async throws {
        let test = try TestStore()
        let old = try await test.pool.withConnection {
            try $0.claim([0, 1], topic: "t", worker: "old", now: Self.begin)
        }
        let new = try await test.pool.withConnection {
            try $0.claim([1], topic: "t", worker: "new", now: Self.begin)
        }
        #expect(new[0].epoch == 2)
        await #expect(throws: ClaimLost.self) {
            try await test.pool.transaction { connection in
                try connection.advance(old, topic: "t")
            }
        }
        try await test.pool.transaction { connection in
            try connection.advance(old.filter { $0.partition == 0 }, topic: "t")
            try connection.advance(new, topic: "t")
        }
    }
}
