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
            ("quality_days", settled("quality_days_of(circle_id, day)", by: "quality_days")),
            ("join_days", settled("join_days_of(day)", by: "join_days")),
        ].map { try compare($0.0, with: $0.1, connection) } + [checkTalkMinutes(connection)]
    }

    private static func perCircle(_ function: String) -> String {
        """
        select computed.*
        from (select distinct circle_id from attendances) as circles
        cross join lateral \(function) as computed
        """
    }

    /// What is settled, and what should be because it has no mark.
    private static func settled(_ function: String, by table: String) -> String {
        let rows =
            table == "join_days"
            ? "select distinct day from circle_days"
            : """
            select distinct circle_id, (minute_at at time zone 'UTC')::date as day
            from quality_minutes
            """
        return """
            select computed.*
            from (\(rows) except table \(table)_unsettled) as days
            cross join lateral \(function) as computed
            """
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
