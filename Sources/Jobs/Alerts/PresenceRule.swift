import Database
import Domain
import EventSchema

/// Whether `members` says of each session's media what its node says.
///
/// A snapshot's fold is in the tables in the transaction that stores the snapshot, so a session
/// of which nothing was heard since must be as the snapshot has it. Circles with media on two
/// nodes at once are left out: their snapshots contradict each other for a moment.
struct PresenceRule: AlertSource {
    /// Nodes tell everything every 10 s.
    static let snapshotAgeSecondsMax: Int64 = 30
    /// Circles that are looked at in one evaluation, the newest first.
    static let circleCountMax = 500

    var rules: [AlertRule] { [.presenceDrift] }

    func read(_ connection: Connection, now: Timestamp) throws -> [AlertReading] {
        let drifted = try connection.transaction(mode: "isolation level repeatable read read only")
        { try findDrift(connection, now: now) }
        let count = drifted.reduce(0) { $0 + $1.sessionCount }
        let circles = drifted.map(\.circleID.description)
        return [
            AlertReading(
                rule: .presenceDrift, subject: "members", dedupKey: "presenceDrift",
                level: count > 0 ? .bad : .calm, value: Double(count),
                summary: "\(count) members of \(circles.count) circles are not in the tables as "
                    + "their node says",
                cause: "the fold and the nodes' snapshots differ",
                details: AlertDetails(
                    facts: ["circles": circles.prefix(10).joined(separator: " ")],
                    sql: "select circle_id, uid, session_id, is_connected from members "
                        + "where circle_id = any ('{\(circles.prefix(10).joined(separator: ","))}')"
                        + ";"))
        ]
    }

    struct Drift: Equatable {
        let circleID: CircleID
        let sessionCount: Int
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
            select newest.circle_id, newest.record, newest.occurred_at
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
                at: try row.get(2, as: Timestamp.self)
            )
        }
        return try snapshots.compactMap { snapshot in
            // A record of a newer schema that this program cannot read says nothing here.
            guard case .nodeSnapshot(let listed)? = try? EventCodec.decode(snapshot.record).payload
            else { return nil }
            let count = try drift(
                snapshot.circleID, listed.map(\.member.sessionID), since: snapshot.at, connection)
            return count > 0 ? Drift(circleID: snapshot.circleID, sessionCount: count) : nil
        }
    }

    /// Sessions that the snapshot has and the table has not, or the other way round.
    private func drift(
        _ circleID: CircleID, _ listed: [SessionID], since: Timestamp, _ connection: Connection
    ) throws -> Int {
        try connection.query(
            """
            with
            told as (
                select attendances.session_id
                from attendances
                where circle_id = \(circleID) and left_at is null
                    and session_id = any (\(listed)::uuid[])
            ),
            kept as (
                select session_id from members where circle_id = \(circleID) and is_connected
            )
            select count(*)
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
            """)[0].get(0)
    }
}
