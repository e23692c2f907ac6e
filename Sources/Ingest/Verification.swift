import Database
import Domain

/// Checks the ingested tables: against a replay of the same events, against plain SQL over
/// history that shares no code with the fold, and the quality rollup against its samples.
public struct Verification: Sendable {
    /// One check and what it found.
    public struct Finding: Sendable {
        public let check: String
        public let detail: String
        public let isClean: Bool
    }

    /// Runs all checks.
    ///
    /// - Parameter comparesReplay: whether schema `replay` holds a fresh rebuild. Circles that
    ///   have moved on since are left out of the comparison and counted.
    @available(*, noasync)
    public static func run(comparesReplay: Bool, on connection: Connection) throws -> [Finding] {
        try connection.transaction {
            try connection.script("set transaction isolation level repeatable read")
            var findings: [Finding] = []
            if comparesReplay { findings += try compareReplay(connection) }
            findings.append(try checkSequences(connection))
            findings.append(try checkTotals(connection))
            findings.append(try checkCursors(connection))
            findings += try checkRollUps(connection)
            findings.append(try checkQualityMinutes(connection))
            findings.append(try checkQualityTotals(connection))
            return findings
        }
    }

    // MARK: Replay

    private static func compareReplay(_ connection: Connection) throws -> [Finding] {
        try connection.script(
            """
            create temporary table comparable_circles on commit drop as
            select circle_id
            from (
                select circle_id, count(*) as event_count from public.events group by circle_id
            ) as live
            join (
                select circle_id, count(*) as event_count from replay.events group by circle_id
            ) as rebuilt using (circle_id, event_count)
            """)
        let counts = try connection.query(
            """
            select
                (select count(*) from comparable_circles),
                (select count(distinct circle_id) from public.events)
            """)[0]
        let (comparable, all): (Int, Int) = (try counts.get(0), try counts.get(1))
        var findings = [
            Finding(
                check: "replay reaches every circle",
                detail: "\(comparable) of \(all) circles compared; the rest moved on meanwhile",
                isClean: comparable > 0 || all == 0)
        ]
        for table in Replay.tables {
            let live = try hash(of: "public." + table, connection)
            let rebuilt = try hash(of: "replay." + table, connection)
            findings.append(
                Finding(
                    check: "\(table) equals its replay",
                    detail: live == rebuilt ? live : "live \(live), replay \(rebuilt)",
                    isClean: live == rebuilt))
        }
        // Their rows are sums over all circles: they can be compared when all stood still.
        guard comparable == all else { return findings }
        for table in Replay.sharedTables {
            let live = try hash(of: "public." + table, of: "true", connection)
            let rebuilt = try hash(of: "replay." + table, of: "true", connection)
            findings.append(
                Finding(
                    check: "\(table) equals its replay",
                    detail: live == rebuilt ? live : "live \(live), replay \(rebuilt)",
                    isClean: live == rebuilt))
        }
        return findings
    }

    /// A hash over a table's rows as a multiset: the count and the sum of the rows' hashes.
    private static func hash(
        of table: String,
        of rows: String = "circle_id in (select circle_id from comparable_circles)",
        _ connection: Connection
    ) throws -> String {
        try connection.query(
            """
            select
                count(*) || ' rows, hash '
                || coalesce(
                    sum(('x' || left(md5(checked::text), 15))::bit(60)::bigint::numeric), 0
                )::text
            from \(trusted: table) as checked
            where \(trusted: rows)
            """)[0].get(0)
    }

    // MARK: Plain SQL over history

    /// `circle_seq` runs 1, 2, 3 … and no source position is stored twice.
    private static func checkSequences(_ connection: Connection) throws -> Finding {
        let row = try connection.query(
            """
            select
                count(*),
                count(*) filter (where event_count <> last_seq or first_seq <> 1),
                coalesce(sum(repeated_count), 0)::bigint
            from (
                select
                    circle_id,
                    count(*) as event_count,
                    min(circle_seq) as first_seq,
                    max(circle_seq) as last_seq,
                    count(*) - count(distinct (source, source_epoch, source_seq))
                        as repeated_count
                from events
                group by circle_id
            ) as circles
            """)[0]
        let (all, broken, repeated): (Int, Int, Int) = (
            try row.get(0), try row.get(1), try row.get(2)
        )
        return Finding(
            check: "circle_seq is gap-free and nothing is stored twice",
            detail: "\(all) circles, \(broken) with a gap, \(repeated) events stored twice",
            isClean: broken == 0 && repeated == 0)
    }

    /// Every stored position is at or below its cursor, and what lies below and is not stored is
    /// a recorded gap.
    private static func checkCursors(_ connection: Connection) throws -> Finding {
        let row = try connection.query(
            """
            select
                count(*),
                count(*) filter (
                    where cursor.last_seq <> coalesce(stored.last_seq, 0)
                        or cursor.last_seq - coalesce(stored.event_count, 0)
                            <> coalesce(gap.missing_count, 0)
                ),
                coalesce(sum(gap.missing_count), 0)::bigint
            from ingest_cursors as cursor
            left join (
                select
                    circle_id, source, source_epoch, max(source_seq) as last_seq,
                    count(*) as event_count
                from events
                group by circle_id, source, source_epoch
            ) as stored using (circle_id, source, source_epoch)
            left join (
                select
                    circle_id, source, source_epoch,
                    sum(last_seq - first_seq + 1) as missing_count
                from ingest_gaps
                group by circle_id, source, source_epoch
            ) as gap using (circle_id, source, source_epoch)
            """)[0]
        let (all, wrong, missing): (Int, Int, Int) = (
            try row.get(0), try row.get(1), try row.get(2)
        )
        return Finding(
            check: "cursors and gaps account for every sequence number",
            detail: "\(all) cursors, \(wrong) wrong, \(missing) events missing",
            isClean: wrong == 0)
    }

    /// Peaks and minutes by brute force: sessions as intervals of positions in canonical order,
    /// occupancy at every position as a running sum.
    private static func checkTotals(_ connection: Connection) throws -> Finding {
        try connection.script(orderedSQL)
        let row = try connection.query(SQL(trusted: totalsSQL))[0]
        let (all, wrong): (Int, Int) = (try row.get(0), try row.get(1))
        return Finding(
            check: "peaks and minutes equal their recomputation in SQL",
            detail: "\(all) circles, \(wrong) wrong", isClean: wrong == 0)
    }

    private static let orderedSQL = """
        create temporary table ordered on commit drop as
        select
            circle_id, event_type, uid, session_id, role, occurred_at,
            row_number() over (
                partition by circle_id
                order by occurred_at, source collate "C", source_epoch, source_seq
            ) as position
        from events
        where event_type in (
            'circleEnded', 'memberJoined', 'memberLeft', 'memberPromoted', 'memberDemoted',
            'memberRoleChanged'
        );
        create index on ordered (circle_id, position);
        create index on ordered (circle_id, session_id, position);
        analyze ordered;

        create temporary table joins on commit drop as
        select distinct on (circle_id, session_id)
            ordered.circle_id, session_id, uid, role, ordered.position, occurred_at
        from ordered
        left join (
            select circle_id, min(position) as position
            from ordered
            where event_type = 'circleEnded'
            group by circle_id
        ) as circle_ends using (circle_id)
        where event_type = 'memberJoined'
            and ordered.position < coalesce(circle_ends.position, 9223372036854775807)
        order by circle_id, session_id, ordered.position;
        create index on joins (circle_id, position);
        analyze joins;
        """

    private static let totalsSQL = """
        with
        stays as (
            select
                joins.circle_id, joins.session_id, joins.uid, joins.role,
                joins.position as join_position, joins.occurred_at as joined_at,
                leave.position as leave_position, leave.occurred_at as left_at
            from joins
            left join lateral (
                select position, occurred_at
                from ordered
                where ordered.circle_id = joins.circle_id
                    and ordered.position > joins.position
                    and (
                        event_type = 'circleEnded'
                        or event_type = 'memberLeft' and ordered.session_id = joins.session_id
                            and ordered.uid = joins.uid
                        or event_type = 'memberJoined' and ordered.uid = joins.uid
                            and exists (
                                select
                                from joins as newer
                                where newer.circle_id = ordered.circle_id
                                    and newer.position = ordered.position
                            )
                    )
                order by position
                limit 1
            ) as leave on true
        ),
        role_changes as (
            select circle_id, session_id, join_position as position, role from stays
            union all
            select ordered.circle_id, ordered.session_id, ordered.position, ordered.role
            from ordered
            join stays
                on stays.circle_id = ordered.circle_id
                and stays.session_id = ordered.session_id
                and stays.uid = ordered.uid
                and ordered.position > stays.join_position
                and (stays.leave_position is null or ordered.position < stays.leave_position)
            where ordered.event_type in (
                'memberPromoted', 'memberDemoted', 'memberRoleChanged'
            )
        ),
        spans as (
            select
                role_changes.circle_id, role_changes.role, role_changes.position as begins,
                coalesce(
                    lead(role_changes.position) over (
                        partition by role_changes.circle_id, role_changes.session_id
                        order by role_changes.position
                    ),
                    stays.leave_position
                ) as ends
            from role_changes
            join stays using (circle_id, session_id)
        ),
        steps as (
            select circle_id, position, sum(listeners) as listeners, sum(speakers) as speakers
            from (
                select
                    circle_id, begins as position, (role = 'listener')::int as listeners,
                    (role <> 'listener')::int as speakers
                from spans
                union all
                select
                    circle_id, ends, -(role = 'listener')::int, -(role <> 'listener')::int
                from spans
                where ends is not null
            ) as changes
            group by circle_id, position
        ),
        occupancy as (
            select
                circle_id,
                sum(listeners) over running as listeners,
                sum(speakers) over running as speakers
            from steps
            window running as (partition by circle_id order by position)
        ),
        peaks as (
            select circle_id, max(listeners) as listeners, max(speakers) as speakers
            from occupancy
            group by circle_id
        ),
        minutes as (
            select
                circle_id,
                sum(extract(epoch from left_at - joined_at) * 1000000)::bigint as participant_us,
                count(*) as attendance_count
            from stays
            group by circle_id
        )
        select
            count(*),
            count(*) filter (
                where circle_sessions.peak_listeners <> coalesce(peaks.listeners, 0)
                    or circle_sessions.peak_speakers <> coalesce(peaks.speakers, 0)
                    or circle_sessions.participant_us <> coalesce(minutes.participant_us, 0)
                    or circle_sessions.attendance_count <> coalesce(minutes.attendance_count, 0)
            )
        from circle_sessions
        left join peaks using (circle_id)
        left join minutes using (circle_id)
        """
}
