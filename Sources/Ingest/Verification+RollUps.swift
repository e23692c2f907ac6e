import Database

extension Verification {
    /// The rollups are what their definitions say over all attendances, to the row.
    @available(*, noasync)
    public static func checkRollUps(_ connection: Connection) throws -> [Finding] {
        try connection.script("set local jit = off")
        return try [
            ("circle_minutes", perCircle("circle_minutes_of(circle_id, '-infinity')")),
            ("circle_day_members", perCircle("circle_day_members_of(circle_id)")),
            (
                "circle_days",
                """
                select
                    circle_id, day, count(*)::integer, sum(stay_count)::integer,
                    sum(participant_us)::bigint
                from circle_day_members
                group by circle_id, day
                """
            ),
            (
                "daily_members",
                """
                select uid, day, count(*)::integer, min(min(day)) over (partition by uid)
                from circle_day_members
                group by uid, day
                """
            ),
            ("known_members", "select uid, min(day) from circle_day_members group by uid"),
        ].map { try compare($0.0, with: $0.1, connection) } + checkSettled(connection)
            + [checkTalkMinutes(connection)]
    }

    private static func perCircle(_ function: String) -> String {
        """
        select computed.*
        from (select distinct circle_id from attendances) as circles
        cross join lateral \(function) as computed
        """
    }

    /// What has no mark is settled, and right.
    private static func checkSettled(_ connection: Connection) throws -> [Finding] {
        let days = "select distinct day from circle_days"
        return try [
            (
                "quality_days",
                """
                select distinct circle_id, (minute_at at time zone 'UTC')::date as day
                from quality_minutes
                """, "circle_id, day"
            ),
            ("join_days", days, "day"),
            ("day_sums", days, "day"),
            (
                "request_days",
                """
                select (raised_at at time zone 'UTC')::date as day from hand_raises
                union
                select (invited_at at time zone 'UTC')::date from stage_invitations
                """, "day"
            ),
            (
                "category_weeks",
                """
                select distinct date_trunc('week', started_at at time zone 'UTC')::date as week
                from circle_sessions
                where started_at is not null
                """, "week"
            ),
            (
                "host_sums",
                "select distinct host_uid from circle_sessions where started_at is not null",
                "host_uid"
            ),
        ].map { table, keys, key in
            try compare(
                table,
                with: """
                    select computed.*
                    from ((\(keys)) except table \(table)_unsettled) as keys
                    cross join lateral \(table)_of(\(key)) as computed
                    """, connection)
        }
    }

    private static func compare(
        _ table: String, with definition: String, _ connection: Connection
    ) throws -> Finding {
        let row = try connection.query(
            """
            with
            computed as materialized (\(trusted: definition)),
            differing as (
                (table computed except all table \(trusted: table))
                union all
                (table \(trusted: table) except all table computed)
            )
            select
                (select count(*) from \(trusted: table)),
                (select count(*) from differing)
            """)[0]
        let (all, differing): (Int, Int) = (try row.get(0), try row.get(1))
        return Finding(
            check: "\(table) equals its definition",
            detail: "\(all) rows, \(differing) that only one side has",
            isClean: differing == 0)
    }

    /// Each session's minutes of speech add up to its speech.
    private static func checkTalkMinutes(_ connection: Connection) throws -> Finding {
        let row = try connection.query(
            """
            select count(*), count(*) filter (where talk_us <> coalesce(summed_us, 0))
            from attendances
            full join (
                select circle_id, session_id, sum(talk_us) as summed_us
                from talk_minutes
                group by circle_id, session_id
            ) as summed using (circle_id, session_id)
            where talk_us is distinct from 0 or summed_us is not null
            """)[0]
        let (all, wrong): (Int, Int) = (try row.get(0), try row.get(1))
        return Finding(
            check: "talk minutes add up to the sessions' talk time",
            detail: "\(all) sessions, \(wrong) wrong", isClean: wrong == 0)
    }
}
