import Database
import Domain
import EventSchema
import Metrics

/// Whether `members` says of each session's media what its node says.
///
/// A snapshot's fold is in the tables in the transaction that stores the snapshot, so a session
/// of which nothing was heard since must be as the snapshot has it. Circles with media on two
/// nodes at once are left out: their snapshots contradict each other for a moment.
struct PresenceRule: AlertSource {
    /// Nodes tell everything every 10 s.
    static let snapshotAgeSecondsMax: Int64 = 30
    /// What differs for less long pages nobody: two snapshots.
    static let holdSeconds: Int64 = 20
    /// Circles that are looked at in one evaluation, the newest first.
    static let circleCountMax = 500

    var rules: [AlertRule] { [.presenceDrift] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        let drifted = try connection.transaction(mode: "isolation level repeatable read read only")
        { try findDrift(connection, now: now) }
        Gauge(label: "circles_jobs_presence_drift_sessions").record(drifted.count)
        try write(drifted, connection, now: now)
        // Right after a node's start it may not know of all yet.
        let lasting = try connection.query(
            """
            select distinct circle_id::text, count(*) over ()
            from presence_drift
            where first_seen_at <= \(now.adding(seconds: -Self.holdSeconds))
            order by 1
            limit 10
            """
        ).map { (circle: try $0.get(0, as: String.self), count: try $0.get(1, as: Int64.self)) }
        let count = lasting.first?.count ?? 0
        return [
            AlertReading(
                rule: .presenceDrift, subject: "members", dedupKey: "presenceDrift",
                level: count > 0 ? .bad : .calm, value: Double(count),
                summary: "\(count) members are not in the tables as their node says",
                cause: "the fold and the nodes' snapshots differ",
                details: AlertDetails(
                    facts: ["circles": lasting.map(\.circle).joined(separator: " ")],
                    sql: "select * from reports.presence_drift order by drift_seconds desc;"))
        ]
    }

    /// Makes the table what was found, and keeps when each was found first.
    private func write(_ drifted: [Drift], _ connection: Connection, now: Timestamp) throws {
        try connection.transaction {
            connection.later(
                """
                delete from presence_drift as stored
                where not exists (
                    select
                    from unnest(\(drifted.map(\.circleID)), \(drifted.map(\.sessionID)))
                        as found (circle_id, session_id)
                    where found.circle_id = stored.circle_id
                        and found.session_id = stored.session_id
                )
                """)
            guard !drifted.isEmpty else { return }
            connection.later(
                """
                insert into presence_drift (
                    circle_id, session_id, uid, node_id, connected_says, first_seen_at, seen_at
                )
                select circle_id, session_id, uid, node_id, says, \(now), \(now)
                from unnest(
                    \(drifted.map(\.circleID)), \(drifted.map(\.sessionID)),
                    \(drifted.map(\.uid)), \(drifted.map(\.node)), \(drifted.map(\.says))
                ) as found (circle_id, session_id, uid, node_id, says)
                order by circle_id, session_id
                on conflict (circle_id, session_id) do update
                set
                    uid = excluded.uid, node_id = excluded.node_id,
                    connected_says = excluded.connected_says, seen_at = excluded.seen_at
                """)
        }
    }

    struct Drift: Equatable {
        let circleID: CircleID
        let sessionID: SessionID
        let uid: String
        let node: String
        /// Who says that it has media: `node` or `table`.
        let says: String
    }

    func findDrift(_ connection: Connection, now: Timestamp) throws -> [Drift] {
        let since = now.adding(seconds: -Self.snapshotAgeSecondsMax)
        let snapshots = try connection.query(
            """
            with
            live as (
                select circle_id
                from circle_sessions
                where started_at is not null and ended_at is null
                order by started_at desc
                limit \(Self.circleCountMax)
            )
            select newest.circle_id, newest.record, newest.occurred_at, newest.source
            from live
            cross join lateral (
                select circle_id, record, occurred_at, source
                from events
                where events.circle_id = live.circle_id and event_type = 'nodeSnapshot'
                    and occurred_at >= \(since)
                order by occurred_at desc, circle_seq desc
                limit 1
            ) as newest
            where not exists (
                select
                from events
                where events.circle_id = newest.circle_id and event_type = 'nodeSnapshot'
                    and occurred_at >= \(since) and source <> newest.source
            )
            """
        ).map { row in
            (
                circleID: try row.get(0, as: CircleID.self),
                record: try row.get(1, as: Bytes.self).array,
                at: try row.get(2, as: Timestamp.self), node: try row.get(3, as: String.self)
            )
        }
        return try snapshots.flatMap { snapshot -> [Drift] in
            // A record of a newer schema that this program cannot read says nothing here.
            guard case .nodeSnapshot(let listed)? = try? EventCodec.decode(snapshot.record).payload
            else { return [] }
            return try drift(
                snapshot.circleID, listed.map(\.member.sessionID), node: snapshot.node,
                since: snapshot.at, connection)
        }
    }

    /// Sessions that the snapshot has and the table has not, or the other way round.
    private func drift(
        _ circleID: CircleID, _ listed: [SessionID], node: String, since: Timestamp,
        _ connection: Connection
    ) throws -> [Drift] {
        try connection.query(
            """
            with
            told as (
                select session_id, uid
                from attendances
                where circle_id = \(circleID) and left_at is null
                    and session_id = any (\(listed)::uuid[])
            ),
            kept as (
                select session_id, uid
                from members
                where circle_id = \(circleID) and is_connected
            )
            select
                session_id, coalesce(told.uid, kept.uid),
                case when told.session_id is null then 'table' else 'node' end
            from told
            full join kept using (session_id)
            where (told.session_id is null or kept.session_id is null)
                and not exists (
                    select
                    from events
                    where events.circle_id = \(circleID)
                        and events.session_id = coalesce(told.session_id, kept.session_id)
                        and occurred_at >= \(since)
                )
            """
        ).map { row in
            Drift(
                circleID: circleID, sessionID: try row.get(0), uid: try row.get(1), node: node,
                says: try row.get(2))
        }
    }
}
