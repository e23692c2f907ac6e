import Database
import Domain
import TestKit
import Testing

@testable import Jobs

@Suite("What the host's summary reads (SummaryFacts)")
struct SummaryFactsTests {
    private static let id = CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0001)
    private static let before = CircleID(high: 0x019A_AAAA_0000_7000, low: 0x8000_0000_0000_0002)

    /// Minutes after the begin of a circle of 100 minutes, over midnight.
    private static func at(_ minute: Int64) -> Timestamp {
        Timestamp(rfc3339: "2026-11-23T23:00:00Z")?.adding(seconds: minute * 60)
            ?? Timestamp(seconds: 0)
    }

    private func addSession(
        _ store: TestStore, _ id: CircleID, from begin: Int64, to end: Int64, members: Int
    ) async throws {
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into circle_sessions (
                    circle_id, title, category, privacy, host_uid, started_at, ended_at, end_reason,
                    peak_listeners, peak_speakers, participant_us, attendance_count, member_count,
                    hand_raise_count, promotion_count, demotion_count, mute_count, kick_count,
                    ban_count
                ) values (
                    \(id), 'Night', '', 'public', 'ada', \(Self.at(begin)), \(Self.at(end)), 'host',
                    2, 2, 12000000000, 4, \(members), 2, 1, 0, 3, 2, 1
                )
                """)
        }
    }

    private func read(_ store: TestStore) async throws -> SummaryFacts? {
        try await store.pool.withConnection { try SummaryFacts.read(Self.id, $0) }
    }

    /// `minutes` as µs since 1970, for `roles`.
    private func stay(
        _ store: TestStore, _ number: Int64, _ uid: String, _ stints: [(role: String, Int64)],
        until end: Int64, talkSeconds: Int64 = 0
    ) async throws {
        let roles = stints.map {
            "{\"role\": \"\($0.role)\", \"at\": \(Self.at($0.1).microseconds)}"
        }
        let json = "[\(roles.joined(separator: ", "))]"
        let session = SessionID(
            high: 0x019A_AAAA_0000_7000, low: 0x8100_0000_0000_0000 | UInt64(number))
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                """
                insert into attendances (
                    circle_id, session_id, uid, joined_at, left_at, first_role, last_role, roles,
                    stage_us, talk_us, hand_raise_count, promotion_count, was_kicked
                ) values (
                    \(Self.id), \(session), \(uid), \(Self.at(stints[0].1)), \(Self.at(end)),
                    'listener', 'listener', \(json)::text::jsonb, 0, \(talkSeconds * 1_000_000),
                    0, 0, false
                )
                """)
        }
    }

    private func event(
        _ store: TestStore, _ number: Int64, _ type: String, _ uid: String, _ minute: Int64
    ) async throws {
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                "select ensure_history_partition('events', (\(Self.at(minute)) at time zone 'UTC')::date)"
            )
            _ = try connection.query(
                """
                insert into events (
                    circle_id, circle_seq, occurred_at, event_id, event_type, source, source_epoch,
                    source_seq, uid, record
                ) values (
                    \(Self.id), \(number), \(Self.at(minute)), gen_random_uuid(), \(type), 'api', 0,
                    \(number), \(uid), ''
                )
                """)
        }
    }

    @Test("a circle over midnight: stays, hands, talk, time series and the circle before")
    func readsPeople() async throws {
        let store = try TestStore(poolSize: 1)
        defer { store.close() }
        try await addSession(store, Self.before, from: -1000, to: -940, members: 3)
        try await addSession(store, Self.id, from: 0, to: 100, members: 4)
        try await stay(store, 1, "ada", [("host", 0)], until: 100, talkSeconds: 1800)
        try await stay(
            store, 2, "bob", [("listener", 10), ("speaker", 40)], until: 80, talkSeconds: 600)
        try await stay(store, 3, "cleo", [("listener", 20)], until: 30)
        try await stay(store, 4, "cleo", [("listener", 45)], until: 60)
        try await stay(store, 5, "dan", [("listener", 60)], until: 100)
        try await store.pool.withConnection { connection in
            try connection.script(
                """
                insert into hand_raises (circle_id, session_id, raise_number, uid, raised_at)
                select '\(Self.id)', gen_random_uuid(), 1, uid, '\(Self.at(30))'::timestamptz
                from unnest(array['bob', 'cleo', 'dan']) as uid
                """)
        }
        // Of three, one spoke; one was invited only; what came before the hand does not count.
        try await event(store, 1, "speakingStarted", "dan", 5)
        try await event(store, 2, "memberPromoted", "bob", 40)
        try await event(store, 3, "speakingStarted", "bob", 62)
        try await event(store, 4, "stageInvited", "cleo", 50)
        let facts = try #require(try await read(store))
        #expect(facts.hands == .init(raisedCount: 3, calledCount: 2, spokeCount: 1))
        #expect(
            facts.speakers == [
                .init(uid: "ada", talkMicroseconds: 1_800_000_000),
                .init(uid: "bob", talkMicroseconds: 600_000_000),
            ])
        #expect(facts.talkMicroseconds == 2_400_000_000 && facts.talkerCount == 2)
        // Stays: 100, 70, 25 and 40 minutes.
        #expect(facts.medianStayMinutes == 55)
        #expect(
            facts.retention == [
                .init(share: 0.25, comeCount: 3, presentCount: 3),
                .init(share: 0.5, comeCount: 3, presentCount: 3),
                .init(share: 0.75, comeCount: 4, presentCount: 3),
            ])
        #expect(facts.listenerSlices.count == 240 && facts.speakerSlices.count == 240)
        // 2.4 slices a minute: in minutes 5, 25, 50 and 90.
        #expect([12, 60, 120, 216].map { facts.listenerSlices[$0] } == [0, 2, 1, 1])
        #expect([12, 60, 120, 216].map { facts.speakerSlices[$0] } == [1, 1, 2, 1])
        #expect(facts.previous?.memberCount == 3 && facts.previous?.durationMinutes == 60)
        #expect(facts.rsvpCount == 0 && facts.quality == [] && facts.endReason == "host")
    }

    @Test("audio by direction, and the worst minutes with who had them")
    func readsQuality() async throws {
        let store = try TestStore(poolSize: 1)
        defer { store.close() }
        try await addSession(store, Self.id, from: 0, to: 100, members: 2)
        let minutes: [(uid: String, String, Int64, expected: Int, lost: Int, jitter: Int, Int?)] = [
            ("ada", "uplink", 1, 3000, 30, 4000, 40_000),
            ("ada", "uplink", 2, 3000, 600, 8000, nil),
            ("bob", "downlink", 1, 3000, -5, 50_000, 20_000),
            ("bob", "downlink", 2, 10, 10, 1, nil),
            ("cy", "uplink", 3, 3000, 90, 1000, nil), ("dee", "uplink", 3, 3000, 0, 0, nil),
        ]
        for (uid, direction, minute, expected, lost, jitter, roundTrip) in minutes {
            try await store.pool.withConnection { connection in
                _ = try connection.query(
                    """
                    insert into quality_minutes (
                        circle_id, session_id, uid, direction, minute_at, packets_expected,
                        packets_lost, packets_discarded, jitter_us_avg, jitter_us_max,
                        round_trip_time_us_avg, round_trip_time_us_max, sample_count
                    ) values (
                        \(Self.id), gen_random_uuid(), \(uid), \(direction), \(Self.at(minute)),
                        \(expected), \(lost), 0, \(jitter), \(jitter), \(roundTrip), \(roundTrip), 12
                    )
                    """)
            }
        }
        let facts = try #require(try await read(store))
        #expect(facts.quality.map(\.direction) == [.uplink, .downlink])
        #expect(facts.quality[0].lostShare == 0.06)
        #expect(facts.quality[0].jitterMilliseconds == 3.25)
        #expect(facts.quality[0].roundTripMilliseconds == 40)
        #expect(facts.quality[1].roundTripMillisecondsP95 == 20)
        #expect(facts.worstMinutes.map(\.uid) == ["ada", "cy", "ada"])
        #expect(facts.worstMinutes[0].lostShare == 0.2 && facts.worstMinutes[0].at == Self.at(2))
    }

    @Test("nothing at all is read of a circle without people or time; of none there is nothing")
    func readsNothing() async throws {
        let store = try TestStore(poolSize: 1)
        defer { store.close() }
        #expect(try await read(store) == nil)
        try await addSession(store, Self.id, from: 0, to: 0, members: 0)
        let facts = try #require(try await read(store))
        #expect(facts.medianStayMinutes == nil && facts.listenerSlices == [])
        #expect(facts.durationMinutes == 0 && facts.speakers == [] && facts.previous == nil)
    }
}
