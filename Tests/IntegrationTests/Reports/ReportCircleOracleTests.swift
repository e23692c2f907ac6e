import Database
import Domain
import TestKit
import Testing

@testable import Ingest

@Suite("Reports of circles over random histories, against PostgreSQL", .timeLimit(.minutes(10)))
struct ReportCircleOracleTests {
    /// The same life with a host, a category and people who meant to come of its own.
    private static func varied(_ events: [Event], _ random: inout SeededGenerator) -> [Event] {
        events.map { event in
            var payload = event.payload
            switch payload {
            case .circleCreated(var details):
                details.hostUID = ["host", "ada", "bob"].randomElement(using: &random)!  // three
                details.category = ["", "music"].randomElement(using: &random)!  // two
                payload = .circleCreated(details)
            case .rsvpMade:
                payload = .rsvpMade(
                    uid: ["ada", "bob", "fay"].randomElement(using: &random)!)  // three
            case .rsvpWithdrawn:
                payload = .rsvpWithdrawn(
                    uid: ["ada", "bob", "fay"].randomElement(using: &random)!)  // three
            default: break
            }
            return Event(
                eventID: event.eventID, circleID: event.circleID, position: event.position,
                occurredAt: event.occurredAt, payload: payload)
        }
    }

    private static let queries: [(String, SQL, KeyPath<ReportOracle, [String]> & Sendable)] = [
        (
            "sessions",
            """
            select circle_id, host_uid, category, (extract(epoch from started_at) * 1e6)::bigint,
                (extract(epoch from ended_at) * 1e6)::bigint, end_reason, duration_minutes,
                members, attendances, peak_listeners, peak_speakers, total_minutes, hand_raises,
                promotions, kicks
            from reports.sessions order by circle_id::text collate "C"
            """, \.sessions
        ),
        (
            "live_now",
            """
            select circle_id, listeners, on_stage, connected, speaking, peak_listeners
            from reports.live_now order by circle_id::text collate "C"
            """, \.liveNow
        ),
        (
            "concurrency",
            """
            select (extract(epoch from minute_at) / 60)::bigint, circles, listeners, speakers,
                joins, leaves
            from reports.concurrency order by minute_at
            """, \.concurrency
        ),
        (
            "listener_drop_off",
            """
            select circle_id, (extract(epoch from minute_at) / 60)::bigint, listeners, joins,
                at_risk, dropped, survival, speakers
            from reports.listener_drop_off order by circle_id::text collate "C", minute_at
            """, \.dropOff
        ),
        (
            "talk_time",
            """
            select circle_id, uid, is_creator, talk_seconds, stage_seconds, talk_share, place
            from reports.talk_time order by circle_id::text collate "C", uid collate "C"
            """, \.talkTime
        ),
        (
            "rsvp_conversion",
            """
            select circle_id, (extract(epoch from starts_at) * 1e6)::bigint, rsvps, withdrawn,
                expected, attended, stayed, attended_share, stayed_share
            from reports.rsvp_conversion order by circle_id::text collate "C"
            """, \.conversion
        ),
        (
            "join_funnel",
            """
            select day - date '1970-01-01', outcome, cause, stays, share, seat_ms_p50,
                seat_ms_p95, seat_ms_p99, ice_ms_p50, ice_ms_p95, ice_ms_p99, dtls_ms_p50,
                dtls_ms_p95, dtls_ms_p99, first_packet_ms_p50, first_packet_ms_p95,
                first_packet_ms_p99
            from reports.join_funnel
            order by concat_ws('|', day - date '1970-01-01', outcome, cause) collate "C"
            """, \.joinFunnel
        ),
        (
            "hand_raise_funnel",
            """
            select day - date '1970-01-01', kind, wait_seconds_p50, wait_seconds_p95,
                wait_seconds_p99
            from reports.hand_raise_funnel order by day, kind
            """, \.waits
        ),
        (
            "hosts",
            """
            select host_uid, circles, (extract(epoch from first_started_at) * 1e6)::bigint,
                (extract(epoch from last_started_at) * 1e6)::bigint, days_hosted, attendances,
                members_per_circle, peak_listeners_per_circle, peak_listeners, minutes,
                promotions, kicks, circles_lost
            from reports.hosts order by host_uid collate "C"
            """, \.hosts
        ),
        (
            "directory_trends",
            """
            select week - date '1970-01-01', category, circles, hosts, attendances, minutes,
                peak_listeners, minutes_share, place, minutes_change
            from reports.directory_trends order by week, category collate "C"
            """, \.trends
        ),
    ]

    @Test(
        "what a report says of circles, members and minutes is what a scan of all events finds",
        arguments: [UInt64(14_000), 15_000, 16_000])
    func equalsScans(seed: UInt64) async throws {
        let test = try TestStore(poolSize: 1)
        defer { test.close() }
        let lives = try await test.pool.withConnection { connection in
            let ingestor = Ingestor(target: .live)
            return try (UInt64(0)..<12).map { number -> Oracle in
                var random = SeededGenerator(seed: seed &+ number)
                // Over ten days long past: neither "now" nor a future day is in play.
                let begin = IngestorTests.begin.adding(
                    seconds: -86_400 * 400 + Int64.random(in: 0...864_000, using: &random))
                var generator = EventGenerator(
                    seed: seed &+ number, begin: begin, stepMicrosecondsMax: 240_000_000)
                let events = Self.varied(generator.generate(eventCount: 80), &random)
                try IngestorTests.ingest(
                    generator.shuffled(events), ingestor, connection, random: &random)
                return Oracle(events)
            }
        }
        let oracle = ReportOracle(lives: lives)
        for (name, sql, expected) in Self.queries {
            let stored = try await test.text(sql)
            #expect(stored.isEmpty == false, "\(name) has no row, seed \(seed)")
            let differences = ReportOracle.differences(stored, oracle[keyPath: expected])
            #expect(differences.isEmpty, "\(name), seed \(seed): \(differences.prefix(3))")
        }
    }
}
