-- Sums with percentiles cannot be kept up to date row by row. They are made once, when what they
-- are of is at rest, and unmade when something of it comes late: until then reports compute them
-- from the rows, by the same functions. A mark in <table>_unsettled says which way each goes.

create table quality_days (
    circle_id uuid not null,
    day date not null,
    uid text not null,
    direction text not null,
    minutes bigint not null,
    packets_expected bigint not null,
    packets_lost bigint not null,
    jitter_ms numeric not null,
    jitter_ms_p95 double precision not null,
    rtt_ms_p50 double precision,
    rtt_ms_p95 double precision,
    constraint quality_days_pk primary key (circle_id, day, uid, direction)
);

comment on table quality_days is
    'A member''s media in a circle on a UTC day at rest: exactly what quality_days_of says over quality_minutes.';

create index quality_days_day_idx on quality_days (day);

create table quality_days_unsettled (
    circle_id uuid not null,
    day date not null,
    constraint quality_days_unsettled_pk primary key (circle_id, day)
);

comment on table quality_days_unsettled is
    'Days of circles with quality_minutes and without quality_days yet.';

create table join_days (
    day date not null,
    outcome text not null,
    cause text not null,
    stays bigint not null,
    seat_ms_p50 integer,
    seat_ms_p95 integer,
    seat_ms_p99 integer,
    ice_ms_p50 integer,
    ice_ms_p95 integer,
    ice_ms_p99 integer,
    dtls_ms_p50 integer,
    dtls_ms_p95 integer,
    dtls_ms_p99 integer,
    first_packet_ms_p50 integer,
    first_packet_ms_p95 integer,
    first_packet_ms_p99 integer,
    constraint join_days_pk primary key (day, outcome, cause)
);

comment on table join_days is
    'How the joins of a UTC day at rest went: exactly what join_days_of says over attendances.';

create table join_days_unsettled (
    day date constraint join_days_unsettled_pk primary key
);

comment on table join_days_unsettled is 'Days with stays and without join_days yet.';

-- The definitions.

create function quality_days_of(circle uuid, on_day date) returns setof quality_days
language sql stable as $$
    select
        circle_id, on_day, uid, direction,
        count(*),
        sum(packets_expected)::bigint,
        sum(packets_lost)::bigint,
        sum(jitter_us_avg::bigint * sample_count) / sum(sample_count) / 1000,
        percentile_cont(0.95) within group (order by jitter_us_max) / 1000,
        percentile_cont(0.5) within group (order by round_trip_time_us_avg) / 1000,
        percentile_cont(0.95) within group (order by round_trip_time_us_avg) / 1000
    from quality_minutes
    where circle_id = circle
        and minute_at >= on_day::timestamp at time zone 'UTC'
        and minute_at < (on_day + 1)::timestamp at time zone 'UTC'
    group by circle_id, uid, direction
$$;

create function join_days_of(on_day date) returns setof join_days
language sql stable as $$
    with
    stays as (
        select
            case
                when first_packet_ms is not null then 'heard'
                when connected_at is not null then 'silent'
                else 'unconnected'
            end as outcome,
            coalesce(leave_reason, 'inside') as cause,
            extract(epoch from connected_at - joined_at) * 1000 as seat_ms,
            ice_ms, dtls_ms, first_packet_ms
        from circle_days as days
        join attendances using (circle_id)
        where days.day = on_day
            and joined_at >= on_day::timestamp at time zone 'UTC'
            and joined_at < (on_day + 1)::timestamp at time zone 'UTC'
    )
    select
        on_day, outcome, cause, count(*),
        (percentile_cont(0.5) within group (order by seat_ms))::integer,
        (percentile_cont(0.95) within group (order by seat_ms))::integer,
        (percentile_cont(0.99) within group (order by seat_ms))::integer,
        (percentile_cont(0.5) within group (order by ice_ms))::integer,
        (percentile_cont(0.95) within group (order by ice_ms))::integer,
        (percentile_cont(0.99) within group (order by ice_ms))::integer,
        (percentile_cont(0.5) within group (order by dtls_ms))::integer,
        (percentile_cont(0.95) within group (order by dtls_ms))::integer,
        (percentile_cont(0.99) within group (order by dtls_ms))::integer,
        (percentile_cont(0.5) within group (order by first_packet_ms))::integer,
        (percentile_cont(0.95) within group (order by first_packet_ms))::integer,
        (percentile_cont(0.99) within group (order by first_packet_ms))::integer
    from stays
    group by outcome, cause
$$;

-- Ingest calls these in the transaction that writes the rows below.

create function unsettle_quality_days(circles uuid[], days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint;
    held_count bigint;
begin
    select count(*) into touched_count
    from (select distinct circle_id, day from unnest(circles, days) as touched (circle_id, day))
        as distinct_touched;
    loop
        insert into quality_days_unsettled (circle_id, day)
        select distinct circle_id, day
        from unnest(circles, days) as touched (circle_id, day)
        order by circle_id, day
        on conflict do nothing;
        -- A mark that we hold is not settled before our rows are there. One that somebody was
        -- settling just now is gone by here, and made anew.
        select count(*) into held_count
        from (
            select
            from quality_days_unsettled as marks
            where (circle_id, day) in (
                select circle_id, day from unnest(circles, days) as touched (circle_id, day)
            )
            order by circle_id, day
            for key share
        ) as held;
        exit when held_count = touched_count;
    end loop;
    delete from quality_days as settled
    using unnest(circles, days) as touched (circle_id, day)
    where settled.circle_id = touched.circle_id and settled.day = touched.day;
end
$$;

create function unsettle_join_days(days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (select count(distinct day) from unnest(days) as touched (day));
    held_count bigint;
begin
    loop
        insert into join_days_unsettled (day)
        select distinct day from unnest(days) as touched (day) order by day
        on conflict do nothing;
        select count(*) into held_count
        from (
            select from join_days_unsettled where day = any (days) order by day for key share
        ) as held;
        exit when held_count = touched_count;
    end loop;
    delete from join_days where day = any (days);
end
$$;

-- Settles some days of circles that sent no sample since `rest_before`; returns how many.
create function settle_quality_days(rest_before timestamptz, count_max integer) returns integer
language plpgsql set jit = off as $$
declare
    settled_circles uuid[];
    settled_days date[];
begin
    select array_agg(circle_id), array_agg(day) into settled_circles, settled_days
    from (
        select circle_id, day
        from quality_days_unsettled as marks
        where not exists (
            select
            from quality_cursors as cursors
            where cursors.circle_id = marks.circle_id and last_sampled_at >= rest_before
        )
        limit count_max
        for update skip locked
    ) as at_rest;
    insert into quality_days
    select computed.*
    from unnest(settled_circles, settled_days) as settled (circle_id, day)
    cross join lateral quality_days_of(settled.circle_id, settled.day) as computed;
    delete from quality_days_unsettled as marks
    using unnest(settled_circles, settled_days) as settled (circle_id, day)
    where marks.circle_id = settled.circle_id and marks.day = settled.day;
    return coalesce(cardinality(settled_circles), 0);
end
$$;

-- Settles some days before `before_day`; returns how many.
create function settle_join_days(before_day date, count_max integer) returns integer
language plpgsql set jit = off as $$
declare
    settled_days date[];
begin
    select array_agg(day) into settled_days
    from (
        select day
        from join_days_unsettled
        where day < before_day
        order by day desc
        limit count_max
        for update skip locked
    ) as at_rest;
    insert into join_days
    select computed.*
    from unnest(settled_days) as settled (day)
    cross join lateral join_days_of(settled.day) as computed;
    delete from join_days_unsettled where day = any (settled_days);
    return coalesce(cardinality(settled_days), 0);
end
$$;

grant select, insert, update, delete on
    quality_days, quality_days_unsettled, join_days, join_days_unsettled
to circles_ingest;
grant select on quality_days, quality_days_unsettled, join_days, join_days_unsettled to analyst;

-- What is stored already.
insert into quality_days_unsettled (circle_id, day)
select distinct circle_id, (minute_at at time zone 'UTC')::date from quality_minutes;

insert into join_days_unsettled (day) select distinct day from circle_days;

-- Reports by day find their day in these.
create index hand_raises_day_idx on hand_raises (((raised_at at time zone 'UTC')::date));
create index stage_invitations_day_idx
    on stage_invitations (((invited_at at time zone 'UTC')::date));
create index circle_sessions_begin_idx
    on circle_sessions ((coalesce(scheduled_at, started_at, created_at)));
