import Database
import Domain
import EventSchema
import TestKit
import Testing

@testable import Jobs

@Suite("Pages about the pipeline, against PostgreSQL", .timeLimit(.minutes(5)))
struct PipelineRuleTests {
    private func withScene(_ body: (AlertScene) async throws -> Void) async throws {
        let scene = try AlertScene()
        defer { scene.close() }
        try await body(scene)
    }

    /// An event that waits since now, for a broker or for Ingest.
    private func wait(_ scene: AlertScene, isPublished: Bool) async throws {
        let now = scene.clock.now()
        let published: Timestamp? = isPublished ? now : nil
        try await scene.run(
            """
            insert into outbox (
                circle_id, source_seq, event_type, trace_id, record, created_at, published_at
            )
            values (gen_random_uuid(), 1, 'memberJoined', '', '', \(now), \(published))
            """)
    }

    @Test(
        "an event that waits half a minute pages once, and it is over when it is gone",
        arguments: [(false, "outboxAge"), (true, "ingestLag")])
    func outbox(isPublished: Bool, rule: String) async throws {
        try await withScene { scene in
            try await wait(scene, isPublished: isPublished)
            try await scene.pass(seconds: 30)
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            try await scene.pass(seconds: 60)
            incidents = try await scene.incidents()
            #expect(incidents == ["\(rule) open"])
            try await scene.run("delete from outbox")
            try await scene.pass(seconds: 50)
            incidents = try await scene.incidents()
            #expect(incidents == ["\(rule) open"])
            try await scene.pass(seconds: 15)
            incidents = try await scene.incidents()
            #expect(incidents == ["\(rule) recovered"])
        }
    }

    @Test("numbers that stay missing for a minute page; holes that fill, and known ones, do not")
    func gaps() async throws {
        try await withScene { scene in
            func gap(_ count: Int64) async throws {
                try await scene.run("delete from ingest_gaps")
                guard count > 0 else { return }
                try await scene.run(
                    """
                    insert into ingest_gaps values (gen_random_uuid(), 'sfu-1', 1, 5, \(4 + count))
                    """)
            }
            // Known since before the first evaluation.
            try await gap(3)
            try await scene.pass(seconds: 120)
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            // An event that was overtaken.
            try await gap(9)
            try await scene.pass(seconds: 40)
            try await gap(3)
            try await scene.pass(seconds: 120)
            incidents = try await scene.incidents()
            #expect(incidents == [])
            try await gap(9)
            try await scene.pass(seconds: 90)
            incidents = try await scene.incidents()
            #expect(incidents == ["ingestGaps open"])
            // It stays a hole, and is told for ten minutes.
            try await scene.pass(seconds: 720)
            incidents = try await scene.incidents()
            #expect(incidents == ["ingestGaps recovered"])
        }
    }

    @Test("records that cannot be read page once, for as long as they are recent")
    func deadLetters() async throws {
        try await withScene { scene in
            func letter(_ offset: Int64) async throws {
                let now = scene.clock.now()
                try await scene.run(
                    """
                    insert into dead_letters
                    values ('circles.events.v1', 0, 0, \(offset), 'malformed', null, '', \(now))
                    """)
            }
            try await letter(1)
            try await scene.pass(seconds: 30)
            try await letter(2)
            try await scene.pass(seconds: 300)
            var incidents = try await scene.incidents()
            #expect(incidents == ["deadLetters open"])
            let cause = try await scene.causes()
            #expect(cause == "malformed")
            try await scene.pass(seconds: 420)
            incidents = try await scene.incidents()
            #expect(incidents == ["deadLetters recovered"])
        }
    }

    @Test("a job that is late or keeps failing pages, and its next good run ends that")
    func jobs() async throws {
        try await withScene { scene in
            func job(_ name: String, dueSecondsAgo: Int64, failures: Int32) async throws {
                let due = scene.clock.now().adding(seconds: -dueSecondsAgo)
                try await scene.run(
                    """
                    insert into jobs (name, interval_ms, next_run_at, failure_count, last_error)
                    values (\(name), 5000, \(due), \(failures), 'no such table')
                    on conflict (name) do update
                    set next_run_at = excluded.next_run_at, failure_count = excluded.failure_count
                    """)
            }
            try await scene.pass(seconds: 60) {
                try await job("reminders", dueSecondsAgo: 100, failures: 0)
                try await job("summaries", dueSecondsAgo: 0, failures: 2)
            }
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            try await scene.pass(seconds: 60) {
                try await job("reminders", dueSecondsAgo: 130, failures: 0)
                try await job("summaries", dueSecondsAgo: 0, failures: 3)
            }
            incidents = try await scene.incidents()
            #expect(incidents == ["job:reminders open", "job:summaries open"])
            try await scene.pass(seconds: 90) {
                try await job("reminders", dueSecondsAgo: 0, failures: 0)
                try await job("summaries", dueSecondsAgo: 0, failures: 0)
            }
            incidents = try await scene.incidents()
            #expect(incidents == ["job:reminders recovered", "job:summaries recovered"])
        }
    }

    @Test("incidents that are over go after 400 days, with what was told of them")
    func pruning() async throws {
        try await withScene { scene in
            try await wait(scene, isPublished: false)
            try await scene.pass(seconds: 60)
            try await scene.run("delete from outbox")
            try await scene.pass(seconds: 90)
            try await wait(scene, isPublished: false)
            try await scene.pass(seconds: 60)
            func counts() async throws -> String {
                try await scene.store.text(
                    "select (select count(*) from alerts), (select count(*) from alert_deliveries)")
            }
            let before = try await counts()
            #expect(before == "2|2")
            scene.clock.advance(seconds: 399 * 86_400)
            try await scene.prune()
            let kept = try await counts()
            #expect(kept == before)
            scene.clock.advance(seconds: 2 * 86_400)
            try await scene.prune()
            let after = try await counts()
            #expect(after == "1|1", "the open one stays")
        }
    }

    // MARK: Drift

    /// What a node says of a circle now.
    private func snapshot(
        _ circle: MeasuredCircle, _ uids: [String], sequence: Int64, _ scene: AlertScene
    ) async throws {
        let now = scene.clock.now()
        let listed = circle.sessions.filter { uids.contains($0.uid) }.map {
            Event.SnapshotMember(
                member: Event.Member(uid: $0.uid, sessionID: $0.sessionID), isSpeaking: false)
        }
        let event = Event(
            eventID: EventID(now: now), circleID: circle.circleID,
            position: SourcePosition(source: circle.node, epoch: 1, sequence: sequence),
            occurredAt: now, payload: .nodeSnapshot(listed))
        let record = Bytes(EventCodec.encode(event))
        try await scene.run(
            "select ensure_history_partition('events', (\(now)::timestamptz at time zone 'UTC')::date)"
        )
        try await scene.run(
            """
            insert into events (
                circle_id, circle_seq, occurred_at, event_id, event_type, source, source_epoch,
                source_seq, record
            )
            values (\(circle.circleID), \(sequence), \(now), gen_random_uuid(), 'nodeSnapshot',
                \(circle.node), 1, \(sequence), \(record))
            """)
    }

    /// The stays of a circle's members, which are not over.
    private func attend(_ circle: MeasuredCircle, _ scene: AlertScene) async throws {
        let at = scene.clock.now().adding(seconds: -300)
        for (uid, sessionID) in circle.sessions {
            try await scene.run(
                """
                insert into attendances (
                    circle_id, session_id, uid, joined_at, first_role, last_role, roles, stage_us,
                    talk_us, hand_raise_count, promotion_count, was_kicked
                )
                values (\(circle.circleID), \(sessionID), \(uid), \(at), 'speaker', 'speaker', '[]',
                    0, 0, 0, 0, false)
                """)
        }
    }

    @Test("members who are not as their node says page when that lasts, not for a moment")
    func drift() async throws {
        try await withScene { scene in
            let circle = try await scene.circle(["ada", "bob"])
            try await attend(circle, scene)
            var sequence: Int64 = 0
            func pass(_ uids: [String], seconds: Int64) async throws {
                for _ in 0..<seconds / 10 {
                    sequence += 1
                    try await snapshot(circle, uids, sequence: sequence, scene)
                    try await scene.pass(seconds: 10)
                }
            }
            try await pass(["ada", "bob"], seconds: 60)
            // A node that has just started knows of one so far.
            try await pass(["ada"], seconds: 10)
            try await pass(["ada", "bob"], seconds: 60)
            var incidents = try await scene.incidents()
            #expect(incidents == [])
            try await pass(["ada"], seconds: 60)
            incidents = try await scene.incidents()
            #expect(incidents == ["presenceDrift open"])
            try await pass(["ada", "bob"], seconds: 80)
            incidents = try await scene.incidents()
            #expect(incidents == ["presenceDrift recovered"])
        }
    }
}
