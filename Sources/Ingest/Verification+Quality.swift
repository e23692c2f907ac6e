import Database

extension Verification {
    /// The rollup is what its definition says over all samples, to the row.
    static func checkQualityMinutes(_ connection: Connection) throws -> Finding {
        let row = try connection.query(
            """
            with
            computed as (
                select minutes.*
                from (select distinct circle_id from quality_samples) as circles
                cross join lateral quality_minutes_of(
                    circles.circle_id, '-infinity', 'infinity'
                ) as minutes
            ),
            differing as (
                (table computed except all table quality_minutes)
                union all
                (table quality_minutes except all table computed)
            )
            select
                (select count(*) from quality_minutes),
                (select count(*) from differing)
            """)[0]
        let (all, differing): (Int, Int) = (try row.get(0), try row.get(1))
        return Finding(
            check: "quality minutes equal their samples",
            detail: "\(all) rows, \(differing) that only one side has",
            isClean: differing == 0)
    }

    /// The lost packets of a series' minutes add up to its last counter, and cursors reach as far
    /// as the samples.
    static func checkQualityTotals(_ connection: Connection) throws -> Finding {
        let row = try connection.query(
            """
            with
            last_samples as (
                select distinct on (circle_id, session_id, direction, source, source_epoch)
                    circle_id, session_id, direction, source, source_epoch, packets_lost
                from quality_samples
                order by
                    circle_id, session_id, direction, source, source_epoch, sampled_at desc,
                    source_seq desc
            ),
            sampled as (
                select circle_id, session_id, direction, sum(packets_lost) as packets_lost
                from last_samples
                group by circle_id, session_id, direction
            ),
            summed as (
                select circle_id, session_id, direction, sum(packets_lost) as packets_lost
                from quality_minutes
                group by circle_id, session_id, direction
            ),
            sources as (
                select
                    circle_id, source, source_epoch, max(source_seq) as last_seq,
                    max(sampled_at) as last_sampled_at
                from quality_samples
                group by circle_id, source, source_epoch
            )
            select
                (select count(*) from sampled),
                (
                    select count(*)
                    from sampled
                    full join summed using (circle_id, session_id, direction)
                    where sampled.packets_lost is distinct from summed.packets_lost
                ),
                (
                    select count(*)
                    from sources
                    left join quality_cursors using (circle_id, source, source_epoch)
                    -- A batch without members moves the cursor and leaves no sample.
                    where coalesce(quality_cursors.last_seq < sources.last_seq, true)
                        or quality_cursors.last_sampled_at < sources.last_sampled_at
                )
            """)[0]
        let (all, wrong, behind): (Int, Int, Int) = (
            try row.get(0), try row.get(1), try row.get(2)
        )
        return Finding(
            check: "lost packets add up to the last counters",
            detail: "\(all) sessions and directions, \(wrong) wrong; \(behind) cursors behind",
            isClean: wrong == 0 && behind == 0)
    }
}
