import Database
import Domain

/// Packet loss, from the counters that SFU nodes report every few seconds.
///
/// The window ends with the circle's newest sample and looks back 30 s of the node's own time, so
/// a node's clock needs not be right; but the newest sample itself must be recent by ours, so
/// that a restored or replayed database pages nobody.
///
/// How late a page can be, with samples each 5 s: the first sample that holds a bad packet comes
/// after 5 s at most, the one 30 s later ends a window with nothing good in it (5 + 30), it is
/// stored within 1 s, seen by the next evaluation within 5 s and sent within 1 s: 42 s, when the
/// loss is barely above the threshold; the worse, the sooner.
struct LossRule: Sendable {
    /// A circle whose newest sample is older is not measured now: three intervals of 5 s, or of
    /// what the node's batches say.
    static let sampleAgeSecondsMax: Int64 = 15
    /// A node that samples more seldom is not measured at all.
    static let intervalMillisecondsMax: Int64 = 30_000
    /// A window's begin is looked for this far back; without a sample there a session that is
    /// older begins with the first that there is.
    static let lookBackSeconds: Int64 = 120
    /// Curves are drawn for so many bad circles an evaluation; further ones have none.
    static let curveCountMax = 20

    /// One circle and direction on one node.
    struct Measured: Equatable {
        let circleID: CircleID
        let node: String
        let title: String
        let window: LossWindow
    }

    /// Everything that is measured now.
    func measure(_ connection: Connection, now: Timestamp) throws -> [Measured] {
        var byCircle: [Key: (title: String, members: [MemberLoss])] = [:]
        for row in try rows(connection, now: now) {
            let key = Key(circleID: row.circleID, node: row.node, direction: row.direction)
            byCircle[key, default: (row.title, [])].members.append(row.loss)
        }
        return byCircle.map { key, circle in
            Measured(
                circleID: key.circleID, node: key.node, title: circle.title,
                window: LossWindow(key.direction, members: circle.members))
        }.sorted {
            ($0.circleID.description, $0.node, $0.window.direction.rawValue)
                < ($1.circleID.description, $1.node, $1.window.direction.rawValue)
        }
    }

    private struct Key: Hashable {
        let circleID: CircleID
        let node: String
        let direction: LossDirection
    }

    private struct MeasuredRow {
        let circleID: CircleID
        let node: String
        let title: String
        let direction: LossDirection
        let loss: MemberLoss
    }

    /// A newest sample that is older is of nobody that is measured.
    static func newestSampleAt(now: Timestamp) -> Timestamp {
        now.adding(
            microseconds: -max(sampleAgeSecondsMax * 1_000_000, 3000 * intervalMillisecondsMax))
    }

    /// Two probes of an index for each session and direction, whatever history there is.
    private func rows(_ connection: Connection, now: Timestamp) throws -> [MeasuredRow] {
        let intervalMax = Self.intervalMillisecondsMax
        let recent = Self.newestSampleAt(now: now)
        // Bounds of their own, so that older partitions are not even planned for.
        let oldest = recent.adding(seconds: -Self.lookBackSeconds)
        let rows = try connection.query(
            """
            with
            live as (
                select
                    circle_id, source, source_epoch, title, last_sampled_at,
                    last_sampled_at - make_interval(secs => \(Double(LossWindow.seconds)))
                        as begin_at,
                    -- The sample that a window begins with may lie half an interval before or after
                    -- its begin, so that samples a little early or late make no longer windows.
                    last_sampled_at - make_interval(
                        secs => \(Double(LossWindow.seconds)) - newest.interval_ms / 2000.0
                    ) as begin_before,
                    last_sampled_at - make_interval(secs => \(Double(Self.lookBackSeconds)))
                        as look_back_at
                from circle_sessions
                join quality_cursors as cursors using (circle_id)
                cross join lateral (
                    select interval_ms
                    from quality_samples as samples
                    where samples.circle_id = cursors.circle_id
                        and samples.sampled_at = cursors.last_sampled_at
                        and samples.source = cursors.source
                        and samples.source_epoch = cursors.source_epoch
                        and samples.sampled_at >= \(recent)
                    limit 1
                ) as newest
                where started_at is not null and ended_at is null
                    and last_sampled_at >= \(recent)
                    and interval_ms <= \(intervalMax)
                    and last_sampled_at >= \(now) - make_interval(
                        secs => greatest(
                            \(Double(Self.sampleAgeSecondsMax)), 3 * interval_ms / 1000.0
                        )
                    )
            )
            select
                live.circle_id, live.source, live.title, directions.direction, members.uid,
                greatest(newest.packets_expected - coalesce(
                    earlier.packets_expected, first.packets_expected, 0), 0),
                newest.packets_lost - coalesce(earlier.packets_lost, first.packets_lost, 0)
            from live
            join members using (circle_id)
            cross join (values ('uplink'), ('downlink')) as directions (direction)
            cross join lateral (
                select packets_expected, packets_lost
                from quality_samples as samples
                where samples.circle_id = live.circle_id
                    and samples.session_id = members.session_id
                    and samples.direction = directions.direction
                    and samples.source = live.source
                    and samples.source_epoch = live.source_epoch
                    and samples.sampled_at > live.begin_before
                    and samples.sampled_at >= \(oldest)
                    and samples.sampled_at <= live.last_sampled_at
                order by sampled_at desc, source_seq desc
                limit 1
            ) as newest
            left join lateral (
                select packets_expected, packets_lost
                from quality_samples as samples
                where samples.circle_id = live.circle_id
                    and samples.session_id = members.session_id
                    and samples.direction = directions.direction
                    and samples.source = live.source
                    and samples.source_epoch = live.source_epoch
                    and samples.sampled_at <= live.begin_before
                    and samples.sampled_at >= live.look_back_at
                    and samples.sampled_at >= \(oldest)
                order by sampled_at desc, source_seq desc
                limit 1
            ) as earlier on true
            -- A session that began within the time looked at counts from 0; an older one whose
            -- earlier samples are missing from its first, or what it lost long ago would page.
            left join lateral (
                select packets_expected, packets_lost
                from quality_samples as samples
                where earlier.packets_expected is null
                    and uuid_created_at(members.session_id) < live.begin_at
                    and samples.circle_id = live.circle_id
                    and samples.session_id = members.session_id
                    and samples.direction = directions.direction
                    and samples.source = live.source
                    and samples.source_epoch = live.source_epoch
                    and samples.sampled_at > live.begin_before
                    and samples.sampled_at >= \(oldest)
                    and samples.sampled_at <= live.last_sampled_at
                order by sampled_at, source_seq
                limit 1
            ) as first on true
            """)
        return try rows.map { row in
            guard let direction = LossDirection(rawValue: try row.get(3)) else {
                preconditionFailure("the query names two directions")
            }
            return MeasuredRow(
                circleID: try row.get(0), node: try row.get(1), title: try row.get(2),
                direction: direction,
                loss: MemberLoss(
                    uid: try row.get(4), packetsExpected: try row.get(5),
                    packetsLost: try row.get(6)))
        }
    }
}
