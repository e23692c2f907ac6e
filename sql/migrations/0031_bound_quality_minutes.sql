-- quality_minutes_of had no bound that the planner could use: with 400 days of history each batch of
-- samples planned for every day's partition, twice.

drop function quality_minutes_of(uuid, timestamptz, timestamptz);

-- The one definition of quality_minutes: a circle's rows of the minutes from `first_at` up to
-- `end_at`, both full minutes. Ingest writes them by it, `circles verify` holds them against it.
-- All samples of the circle up to `end_at` lie from `since` on and before `until`: where these are
-- constants, the planner leaves the other days' partitions alone.
create function quality_minutes_of(
    circle uuid, first_at timestamptz, end_at timestamptz,
    since timestamptz default '-infinity', until timestamptz default 'infinity'
) returns setof quality_minutes
language sql stable as $$
    with
    sampled as (
        select
            session_id, uid, direction, source, source_epoch, sampled_at, source_seq,
            packets_expected, packets_lost, packets_discarded, jitter_us, round_trip_time_us,
            lag(packets_expected) over series as former_expected,
            lag(packets_lost) over series as former_lost,
            lag(packets_discarded) over series as former_discarded,
            row_number() over series as series_position
        from quality_samples
        where circle_id = circle and sampled_at >= first_at and sampled_at < end_at
            and sampled_at >= since and sampled_at < until
        window series as (
            partition by session_id, direction, source, source_epoch
            order by sampled_at, source_seq
        )
    ),
    differences as (
        select
            session_id, uid, direction, jitter_us, round_trip_time_us,
            date_trunc('minute', sampled_at, 'UTC') as minute_at,
            greatest(
                sampled.packets_expected - coalesce(former_expected, former.packets_expected, 0), 0
            ) as packets_expected,
            sampled.packets_lost - coalesce(former_lost, former.packets_lost, 0) as packets_lost,
            greatest(
                sampled.packets_discarded - coalesce(former_discarded, former.packets_discarded, 0), 0
            ) as packets_discarded
        from sampled
        -- Only the first of each series has its predecessor outside.
        left join lateral (
            select earlier.packets_expected, earlier.packets_lost, earlier.packets_discarded
            from quality_samples as earlier
            where sampled.series_position = 1
                and earlier.circle_id = circle
                and earlier.session_id = sampled.session_id
                and earlier.direction = sampled.direction
                and earlier.source = sampled.source
                and earlier.source_epoch = sampled.source_epoch
                and earlier.sampled_at < first_at
                -- Ingest takes no sample that is older: partitions before it are not looked at.
                and earlier.sampled_at >= uuid_created_at(circle) - interval '1 day'
                and earlier.sampled_at >= since and earlier.sampled_at < until
            order by earlier.sampled_at desc, earlier.source_seq desc
            limit 1
        ) as former on true
    )
    select
        circle, session_id, uid, direction, minute_at,
        sum(packets_expected)::bigint,
        sum(packets_lost)::bigint,
        sum(packets_discarded)::bigint,
        round(avg(jitter_us))::integer,
        max(jitter_us),
        round(avg(round_trip_time_us))::integer,
        max(round_trip_time_us),
        count(*)::integer
    from differences
    group by session_id, uid, direction, minute_at
$$;
