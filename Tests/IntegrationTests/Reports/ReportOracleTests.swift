import Database
import Domain
import TestKit
import Testing

@testable import Ingest

@Suite("Reports over random histories, against PostgreSQL", .timeLimit(.minutes(10)))
struct ReportOracleTests {
    /// One line of an oracle, cut.
    private static func fields(_ text: String) -> [[String]] {
        text.split(separator: "\n").map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test(
        "days, cohorts, minutes and ways onto the stage are sums over all events",
        arguments: [UInt64(11_000), 12_000, 13_000])
    func equalsSums(seed: UInt64) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let oracles = try await test.pool.withConnection { connection in
            let ingestor = Ingestor(target: .live)
            return try (UInt64(0)..<12).map { number -> Oracle in
                var random = SeededGenerator(seed: seed &+ number)
                // Over ten days long past, so that every cohort is due.
                let begin = IngestorTests.begin.adding(
                    seconds: -86_400 * 400 + Int64.random(in: 0...864_000, using: &random))
                var generator = EventGenerator(
                    seed: seed &+ number, begin: begin, stepMicrosecondsMax: 600_000_000)
                let events = generator.generate(eventCount: 80)
                try IngestorTests.ingest(
                    generator.shuffled(events), ingestor, connection, random: &random)
                return Oracle(events)
            }
        }
        let days = try await test.text(
            """
            select day - date '1970-01-01', circles, stays, members, new_members,
                round(minutes * 60000) from reports.minutes_by_day order by day
            """)
        #expect(days == Self.days(oracles), "seed \(seed)")
        let cohorts = try await test.text(
            """
            select cohort_day - date '1970-01-01', people, day_1, day_7, day_30
            from reports.retention where kind = 'member' order by cohort_day
            """)
        #expect(cohorts == Self.cohorts(oracles), "seed \(seed)")
        let minutes = try await test.text(
            """
            select (extract(epoch from minute_at) / 60)::bigint, sum(joins), sum(leaves)
            from reports.concurrency where joins > 0 or leaves > 0
            group by minute_at order by minute_at
            """)
        #expect(minutes == Self.changes(oracles), "seed \(seed)")
        let requests = try await test.text(
            """
            select kind, sum(asked), sum(accepted), sum(declined), sum(left_meanwhile), sum(open),
                sum(spoke)
            from reports.hand_raise_funnel group by kind order by kind
            """)
        #expect(requests == Self.requests(oracles), "seed \(seed)")
    }

    private static func days(_ oracles: [Oracle]) -> String {
        var sums: [Int: (circles: Int, stays: Int, uids: Set<String>, inside: Int)] = [:]
        for oracle in oracles {
            let lines = fields(oracle.dayMembers)
            for line in lines {
                let day = Int(line[0]) ?? 0
                sums[day, default: (0, 0, [], 0)].stays += Int(line[2]) ?? 0
                sums[day]?.inside += Int(line[3]) ?? 0
                sums[day]?.uids.insert(line[1])
            }
            for day in Set(lines.map { Int($0[0]) ?? 0 }) { sums[day]?.circles += 1 }
        }
        let firsts = firstDays(oracles)
        return sums.sorted { $0.key < $1.key }.map { day, sum in
            // Reports round to a thousandth of a minute.
            let rounded = Int((Double(sum.inside) / 60_000).rounded())
            return "\(day)|\(sum.circles)|\(sum.stays)|\(sum.uids.count)"
                + "|\(sum.uids.count { firsts[$0] == day })|\(rounded * 60)"
        }.joined(separator: "\n")
    }

    private static func memberDays(_ oracles: [Oracle]) -> [String: Set<Int>] {
        var days: [String: Set<Int>] = [:]
        for line in oracles.flatMap({ fields($0.dayMembers) }) {
            days[line[1], default: []].insert(Int(line[0]) ?? 0)
        }
        return days
    }

    private static func firstDays(_ oracles: [Oracle]) -> [String: Int] {
        memberDays(oracles).compactMapValues { $0.min() }
    }

    private static func cohorts(_ oracles: [Oracle]) -> String {
        let days = memberDays(oracles)
        let firsts = Dictionary(grouping: firstDays(oracles), by: \.value)
        return firsts.sorted { $0.key < $1.key }.map { first, members in
            let back = [1, 7, 30].map { later in
                members.count { days[$0.key]?.contains(first + later) ?? false }
            }
            return "\(first)|\(members.count)|\(back[0])|\(back[1])|\(back[2])"
        }.joined(separator: "\n")
    }

    private static func changes(_ oracles: [Oracle]) -> String {
        var sums: [String: (joins: Int, leaves: Int)] = [:]
        for line in oracles.flatMap({ fields($0.circleMinutes) }) {
            sums[line[0], default: (0, 0)].joins += Int(line[3]) ?? 0
            sums[line[0]]?.leaves += Int(line[4]) ?? 0
        }
        return sums.filter { $0.value != (0, 0) }.sorted { $0.key < $1.key }
            .map { "\($0.key)|\($0.value.joins)|\($0.value.leaves)" }.joined(separator: "\n")
    }

    private static func requests(_ oracles: [Oracle]) -> String {
        [("hand", true), ("invitation", false)].compactMap { kind, isHand in
            let lines = oracles.flatMap { fields($0.requests(isHand: isHand)) }
            guard !lines.isEmpty else { return nil }
            func count(_ answers: Set<String>) -> Int { lines.count { answers.contains($0[3]) } }
            return "\(kind)|\(lines.count)|\(count(["promoted", "accepted"]))"
                + "|\(count(["withdrawn", "declined"]))|\(count(["left"]))|\(count(["∅"]))"
                + "|\(lines.count { $0[4] != "∅" })"
        }.joined(separator: "\n")
    }
}
