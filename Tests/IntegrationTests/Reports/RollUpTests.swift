import Database
import Domain
import TestKit
import Testing

@testable import Ingest

@Suite("Rollups, against PostgreSQL", .timeLimit(.minutes(10)))
struct RollUpTests {
    /// What differs between the rollups of a circle and the oracle.
    static func compare(_ events: [Event], _ connection: Connection) throws -> [String] {
        let oracle = Oracle(events)
        let circleID = events[0].circleID
        let us = "(extract(epoch from"
        let queries: [(name: String, sql: SQL, expected: String)] = [
            (
                "circle_minutes",
                """
                select (extract(epoch from minute_at) / 60)::bigint, listeners, speakers, joins,
                    leaves, leaves_by_end
                from circle_minutes where circle_id = \(circleID) order by minute_at
                """, oracle.circleMinutes
            ),
            (
                "circle_day_members",
                """
                select day - date '1970-01-01', uid, stay_count, participant_us
                from circle_day_members where circle_id = \(circleID)
                order by day, uid collate "C"
                """, oracle.dayMembers
            ),
            (
                "talk_minutes",
                """
                select session_id, (extract(epoch from minute_at) / 60)::bigint, talk_us
                from talk_minutes where circle_id = \(circleID)
                order by session_id::text collate "C", minute_at
                """, oracle.talkMinutes
            ),
            (
                "hand_raises",
                """
                select session_id, \(trusted: us) raised_at) * 1000000)::bigint,
                    \(trusted: us) lowered_at) * 1000000)::bigint, lower_reason,
                    \(trusted: us) spoke_at) * 1000000)::bigint
                from hand_raises where circle_id = \(circleID)
                order by session_id::text collate "C", raised_at
                """, oracle.requests(isHand: true)
            ),
            (
                "stage_invitations",
                """
                select session_id, \(trusted: us) invited_at) * 1000000)::bigint,
                    \(trusted: us) answered_at) * 1000000)::bigint, answer,
                    \(trusted: us) spoke_at) * 1000000)::bigint
                from stage_invitations where circle_id = \(circleID)
                order by session_id::text collate "C", invited_at
                """, oracle.requests(isHand: false)
            ),
            (
                "circle_rsvps",
                """
                select uid, \(trusted: us) made_at) * 1000000)::bigint,
                    \(trusted: us) withdrawn_at) * 1000000)::bigint
                from circle_rsvps where circle_id = \(circleID) order by uid collate "C"
                """, oracle.rsvps
            ),
        ]
        return try queries.compactMap { name, sql, expected in
            let stored = try IngestorTests.text(sql, connection)
            return stored == expected ? nil : "\(name): stored \(stored)\noracle \(expected)"
        }
    }

    @Test(
        "random lives of up to two days, in any order of arrival, equal the oracle and their replay",
        arguments: [Int64(2_000_000), 90_000_000, 1_500_000_000])
    func randomLives(stepMicrosecondsMax: Int64) async throws {
        let test = try TestStore(poolSize: 1)
        let problems = try await test.pool.withConnection { connection in
            var problems: [String] = []
            for seed in UInt64(9000)..<9040 {
                var generator = EventGenerator(
                    seed: seed, begin: IngestorTests.begin,
                    stepMicrosecondsMax: stepMicrosecondsMax)
                var random = SeededGenerator(seed: seed &+ 1_000_000)
                let events = generator.generate(
                    eventCount: Int.random(in: 20...100, using: &random))
                let ingestor = Ingestor(
                    target: .live, recentWeightMax: seed.isMultiple(of: 2) ? 500_000 : 0)
                try IngestorTests.ingest(
                    generator.shuffled(events), ingestor, connection, batchCountMax: 8,
                    random: &random)
                problems += try Self.compare(events, connection).map { "seed \(seed): \($0)" }
            }
            return problems
        }
        #expect(problems == [])
        let findings = try await test.findings()
        #expect(findings == [], "\(findings)")
    }

    @Test("a rollup that says something else than its attendances is found")
    func findsWrongRows() async throws {
        for change in [
            "update circle_minutes set listeners = listeners + 1",
            "delete from circle_minutes where ctid = (select min(ctid) from circle_minutes)",
            "update circle_day_members set participant_us = participant_us + 1",
            "update circle_days set member_count = member_count + 1",
            "update daily_members set circle_count = circle_count + 1",
            "update known_members set first_day = first_day - 1",
            "update talk_minutes set talk_us = talk_us + 1",
        ] {
            let test = try TestStore(poolSize: 1)
            let wrong = try await test.pool.withConnection { connection in
                var generator = EventGenerator(seed: 3, begin: IngestorTests.begin)
                var random = SeededGenerator(seed: 3)
                try IngestorTests.ingest(
                    generator.generate(eventCount: 120), Ingestor(target: .live), connection,
                    random: &random)
                try connection.script(change)
                return try connection.transaction {
                    try Verification.checkRollUps(connection).count { !$0.isClean }
                }
            }
            #expect(wrong > 0, "\(change)")
            test.close()
        }
    }
}
