import Database
import Domain
import Logging
import TestKit

@testable import Jobs

/// Circles, nodes and rows as Ingest and the API leave them, and the alert job over them, with time
/// that only this moves.
struct AlertScene: Sendable {
    let store: TestStore
    let clock: ManualClock
    private let pool: ConnectionPool
    private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        clock = ManualClock()
        store = try TestStore(clock: clock)
        pool = ConnectionPool(
            url: store.databaseURL, applicationName: "alerts", role: .jobs, size: 2)
    }

    func close() {
        pool.close()
        store.close()
    }

    /// One evaluation by a job that knows nothing of the ones before.
    func evaluate() async throws {
        _ = try await AlertJob(pool: pool, receivers: ["log"], logger: logger).run(at: clock.now())
    }

    /// What the job of that name does once.
    func prune() async throws {
        _ = try await Pruning(pool: pool).run(at: clock.now())
    }

    /// Evaluates each five seconds.
    ///
    /// - Parameter before: what happens before each.
    func pass(seconds: Int64, _ before: () async throws -> Void = {}) async throws {
        for _ in 0..<seconds / 5 {
            clock.advance(seconds: 5)
            try await before()
            try await evaluate()
        }
    }

    /// Of every incident so far: its key, and why it is over.
    func incidents() async throws -> [String] {
        let text = try await store.text(
            "select dedup_key || ' ' || coalesce(clear_reason, 'open') from alerts order by alert_id"
        )
        return text.split(separator: "\n").map(String.init)
    }

    func causes() async throws -> String {
        try await store.text("select cause from alerts order by alert_id")
    }

    /// A circle that is live on a node, with these members.
    func circle(_ uids: [String], node: String = "sfu-1") async throws -> MeasuredCircle {
        let now = clock.now()
        var random = SeededGenerator(
            seed: UInt64(bitPattern: now.microseconds) &+ UInt64(uids.count))
        let begin = now.adding(seconds: -600)
        let circle = MeasuredCircle(
            circleID: CircleID(now: begin), node: node,
            sessions: uids.map { ($0, SessionID(now: begin, random: &random)) })
        try await store.pool.withConnection { connection in
            try connection.query(
                """
                insert into circle_sessions (
                    circle_id, title, category, privacy, host_uid, started_at, peak_listeners,
                    peak_speakers, participant_us, attendance_count, member_count,
                    hand_raise_count, promotion_count, demotion_count, mute_count, kick_count,
                    ban_count
                )
                values (\(circle.circleID), 'Vinyl night', '', 'public', \(uids[0]), \(begin), 0, 0,
                    0, 0, 0, 0, 0, 0, 0, 0, 0)
                """)
            for day in [begin, now.adding(seconds: 86_400)] {
                try connection.query(
                    """
                    select ensure_history_partition(
                        'quality_samples', (\(day)::timestamptz at time zone 'UTC')::date)
                    """)
            }
            for (uid, sessionID) in circle.sessions {
                try connection.query(
                    """
                    insert into members (
                        circle_id, uid, session_id, role, is_muted, is_connected, is_speaking,
                        joined_at
                    )
                    values (\(circle.circleID), \(uid), \(sessionID), 'speaker', false, true,
                        false, \(begin))
                    """)
            }
        }
        return circle
    }

    func end(_ circle: MeasuredCircle) async throws {
        let now = clock.now()
        try await store.pool.withConnection { connection in
            _ = try connection.query(
                """
                update circle_sessions set ended_at = \(now)
                where circle_id = \(circle.circleID)
                """)
        }
    }

    func run(_ sql: SQL) async throws {
        try await store.pool.withConnection { connection in _ = try connection.query(sql) }
    }
}

/// Counters of a circle's members on their node.
final class MeasuredCircle: @unchecked Sendable {
    // Of one test, which takes one step after the other.
    let circleID: CircleID
    let node: String
    let sessions: [(uid: String, sessionID: SessionID)]
    private var sequence: Int64 = 0
    private var totals: [String: (expected: Int64, lost: Int64)] = [:]

    init(circleID: CircleID, node: String, sessions: [(uid: String, sessionID: SessionID)]) {
        self.circleID = circleID
        self.node = node
        self.sessions = sessions
    }

    /// The node's next batch.
    ///
    /// - Parameters:
    ///   - loss: percent by uid; others lose nothing.
    ///   - packets: of each member since the batch before.
    func sample(
        _ direction: String, loss: [String: Double], packets: Int64 = 250,
        intervalSeconds: Int64 = 5, in scene: AlertScene
    ) async throws {
        sequence += 1
        let now = scene.clock.now()
        let rows = sessions.map { uid, sessionID -> (SessionID, String, Int64, Int64) in
            let key = "\(uid)/\(direction)"
            var total = totals[key] ?? (0, 0)
            total.expected += packets
            total.lost += Int64((Double(packets) * (loss[uid] ?? 0) / 100).rounded())
            totals[key] = total
            return (sessionID, uid, total.expected, total.lost)
        }
        let (circleID, node, sequence) = (circleID, node, sequence)
        try await scene.store.pool.withConnection { connection in
            for (sessionID, uid, expected, lost) in rows {
                try connection.query(
                    """
                    insert into quality_samples (
                        circle_id, session_id, direction, source, source_epoch, sampled_at,
                        source_seq, uid, interval_ms, packets_expected, packets_transferred,
                        packets_lost, packets_discarded, bytes_transferred, jitter_us, nacks,
                        retransmissions
                    )
                    values (\(circleID), \(sessionID), \(direction), \(node), 1, \(now),
                        \(sequence), \(uid), \(Int32(intervalSeconds * 1000)), \(expected),
                        \(expected), \(lost), 0, 0, 0, 0, 0)
                    """)
            }
            try connection.query(
                """
                insert into quality_cursors (
                    circle_id, source, source_epoch, last_seq, last_sampled_at
                )
                values (\(circleID), \(node), 1, \(sequence), \(now))
                on conflict (circle_id, source, source_epoch) do update
                set last_seq = excluded.last_seq, last_sampled_at = excluded.last_sampled_at
                """)
        }
    }
}
