import Database
import Domain
import EventLog
import EventSchema
import TestKit
import Testing

@testable import Ingest

@Suite("Quality samples and minutes, against PostgreSQL")
struct QualityStoreTests {
    private static let begin = IngestorTests.begin

    private static func record(_ batch: QualityBatch) -> LogRecord {
        LogRecord(partition: 0, offset: 0, key: nil, value: QualityCodec.encode(batch))
    }

    /// Stores batches in transactions of random sizes.
    @discardableResult
    private static func store(
        _ batches: [QualityBatch], _ connection: Connection, random: inout SeededGenerator
    ) throws -> IngestOutcome {
        let store = QualityStore()
        var total = IngestOutcome()
        var rest = batches[...]
        while !rest.isEmpty {
            let some = rest.prefix(Int.random(in: 1...6, using: &random))
            rest = rest.dropFirst(some.count)
            let outcome = try connection.transaction {
                try store.store(
                    RecordBatch(records: some.map(record), now: begin), connection: connection)
            }
            total.acceptedCount += outcome.acceptedCount
            total.duplicateCount += outcome.duplicateCount
        }
        return total
    }

    private static func circle(seed: UInt64, batchCount: Int) -> [QualityBatch] {
        var generator = QualityGenerator(seed: seed, begin: begin)
        return generator.generate(batchCount: batchCount)
    }

    @Test("a batch's counters are rows, its unknowns null")
    func storesSamples() async throws {
        let test = try TestStore(poolSize: 1)
        var batch = Self.circle(seed: 1, batchCount: 1)[0]
        var uplink = MemberQuality.Uplink()
        uplink.packetsExpected = 250
        uplink.packetsReceived = 245
        uplink.packetsLost = 5
        uplink.packetsDiscarded = 3
        uplink.bytesReceived = 20_000
        uplink.jitterMicroseconds = 1200
        uplink.nacksSent = 4
        uplink.retransmissionsReceived = 2
        var downlink = MemberQuality.Downlink()
        downlink.packetsSent = 900
        downlink.bytesSent = 70_000
        downlink.packetsExpected = 880
        downlink.packetsLost = -1
        downlink.fractionLostQ8 = 64
        downlink.roundTripTimeMicroseconds = 31_000
        downlink.jitterMicroseconds = 800
        downlink.nacksReceived = 6
        downlink.retransmissionsSent = 5
        let member = Event.Member(uid: "ada", sessionID: SessionID(now: Self.begin))
        batch.members = [MemberQuality(member: member, uplink: uplink, downlink: downlink)]
        let stored = batch
        try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: 1)
            try Self.store([stored], connection, random: &random)
        }
        #expect(
            try await test.text(
                """
                select direction, uid, packets_expected, packets_transferred, packets_lost,
                    packets_discarded, bytes_transferred, jitter_us, round_trip_time_us,
                    fraction_lost, nacks, retransmissions
                from quality_samples order by direction
                """) == """
                    downlink|ada|880|900|-1|0|70000|800|31000|0.25|6|5
                    uplink|ada|250|245|5|3|20000|1200|∅|∅|4|2
                    """)
        #expect(try await test.findings() == [])
    }

    @Test("shuffled, doubled and split at random, samples are stored once and minutes are exact")
    func isExactlyOnce() async throws {
        let test = try TestStore(poolSize: 1)
        let problems = try await test.pool.withConnection { connection in
            var problems: [String] = []
            for seed in UInt64(100)..<130 {
                var random = SeededGenerator(seed: seed &+ 1000)
                let batches = Self.circle(seed: seed, batchCount: 60)
                // As a log gives them, then some again, then all in any order.
                var delivered = batches
                if seed.isMultiple(of: 2) { delivered.shuffle(using: &random) }
                for _ in 0..<20 {
                    delivered.insert(
                        batches.randomElement(using: &random)!,  // there are 60
                        at: Int.random(in: 0...delivered.count, using: &random))
                }
                let outcome = try Self.store(delivered, connection, random: &random)
                if outcome.acceptedCount != batches.count || outcome.duplicateCount != 20 {
                    problems.append("seed \(seed): \(outcome)")
                }
                let minutes = try IngestorTests.text(
                    QualityOracle.query(batches[0].circleID), connection)
                if minutes != QualityOracle(batches).minutes {
                    problems.append(
                        "seed \(seed): \(minutes) for \(QualityOracle(batches).minutes)")
                }
            }
            return problems
        }
        #expect(problems == [])
        #expect(try await test.findings() == [])
    }

    @Test("loss over an interval is exact although most samples of it never came")
    func survivesMissingSamples() async throws {
        let test = try TestStore(poolSize: 1)
        let all = Self.circle(seed: 7, batchCount: 200)
        let problems = try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: 7)
            // The last of each session in each epoch is there, of the rest a fifth.
            let kept = all.enumerated().filter { index, batch in
                guard index + 1 < all.count else { return true }
                let next = all[index + 1]
                let staying = Set(next.members.map(\.member))
                return next.position.epoch != batch.position.epoch
                    || !staying.isSuperset(of: batch.members.map(\.member))
                    || Int.random(in: 0..<5, using: &random) == 0
            }.map(\.element)
            try Self.store(kept, connection, random: &random)
            let sums = try IngestorTests.text(
                """
                select session_id, direction, sum(packets_expected), sum(packets_lost)
                from quality_minutes
                group by session_id, direction
                order by session_id::text collate "C", direction
                """, connection)
            return sums == QualityOracle(all).totals
                ? nil : "\(sums) for \(QualityOracle(all).totals)"
        }
        #expect(problems == nil)
        #expect(try await test.findings() == [])
    }

    @Test("a sample that comes late takes its share out of the minute after it")
    func lateSamplesMoveLoss() async throws {
        let test = try TestStore(poolSize: 1)
        var batches = Self.circle(seed: 3, batchCount: 3)
        let member = Event.Member(uid: "ada", sessionID: SessionID(now: Self.begin))
        for (index, lost) in [(0, 2), (1, 7), (2, 9)] {
            var downlink = MemberQuality.Downlink()
            downlink.packetsExpected = Int64(index + 1) * 100
            downlink.packetsLost = Int64(lost)
            batches[index].position = SourcePosition(
                source: "sfu-1", epoch: 1, sequence: Int64(index + 1))
            batches[index].sampledAt = Self.begin.adding(seconds: Int64(index) * 60 + 50)
            batches[index].members = [MemberQuality(member: member, downlink: downlink)]
        }
        let all = batches
        func lost() async throws -> String {
            try await test.text("select packets_lost from quality_minutes order by minute_at")
        }
        func store(_ batch: QualityBatch) async throws {
            try await test.pool.withConnection { connection in
                var random = SeededGenerator(seed: 3)
                try Self.store([batch], connection, random: &random)
            }
        }
        try await store(all[0])
        try await store(all[2])
        #expect(try await lost() == "2\n7")
        try await store(all[1])
        #expect(try await lost() == "2\n5\n2")
        #expect(try await test.findings() == [])
    }

    @Test("a rollup that was spoilt is found")
    func verificationFinds() async throws {
        let test = try TestStore(poolSize: 1)
        let batches = Self.circle(seed: 9, batchCount: 20)
        try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: 9)
            try Self.store(batches, connection, random: &random)
        }
        #expect(try await test.findings() == [])
        try await test.pool.withConnection { connection in
            try connection.script(
                """
                update quality_minutes set packets_lost = packets_lost + 1
                where ctid = (select min(ctid) from quality_minutes)
                """)
        }
        #expect(try await test.findings().count == 2)
    }

    @Test("what is no batch goes to the dead letters of its topic, and the rest goes on")
    func deadLetters() async throws {
        let test = try TestStore(poolSize: 1)
        let batch = Self.circle(seed: 11, batchCount: 1)[0]
        let records = [
            LogRecord(partition: 2, offset: 5, key: nil, value: [0xFF]),
            LogRecord(partition: 2, offset: 6, key: nil, value: nil), Self.record(batch),
        ]
        let outcome = try await test.pool.transaction { connection in
            try QualityStore().store(
                RecordBatch(records: records, generations: [2: 1], now: Self.begin),
                connection: connection)
        }
        #expect(outcome.deadLetterCount == 2 && outcome.acceptedCount == 1)
        #expect(
            try await test.text(
                """
                select topic, kafka_partition, log_generation, kafka_offset
                from dead_letters order by kafka_offset
                """) == "circles.quality.v1|2|1|5\ncircles.quality.v1|2|1|6")
    }

    @Test(
        "the report's days are what a scan of all batches finds",
        arguments: 70...81 as ClosedRange<UInt64>)
    func reportsDays(seed: UInt64) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let batches = Self.circle(seed: seed, batchCount: 90)
        try await test.pool.withConnection { connection in
            var random = SeededGenerator(seed: seed)
            try Self.store(batches, connection, random: &random)
        }
        let stored = try await test.text(
            """
            select day - date '1970-01-01', uid, direction, minutes, packets_expected,
                packets_lost, loss, jitter_ms, jitter_ms_p95, rtt_ms_p50, rtt_ms_p95, mos
            from reports.quality
            order by concat_ws('|', day - date '1970-01-01', uid, direction) collate "C"
            """)
        // Means of minutes are kept in whole microseconds.
        let differences = ReportOracle.differences(
            stored, QualityOracle(batches).days, slack: 0.000_6)
        #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(3))")
    }
}
