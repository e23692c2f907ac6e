-- Sums with percentiles, distinct counts or maxima cannot be kept up to date row by row. They are
-- made once, when what they are of is at rest, and unmade when something of it comes late: until
-- then reports compute them from the rows, by the same functions. For each of these rollups there
-- are three things:
--     <rollup>            what is settled
--     <rollup>_unsettled  a mark for each key that is not: what it is made of changes, or did lately
--     <rollup>_of(key)    the one definition, for a key

create table quality_days (
    circle_id uuid not null,
    day date not null,
    uid text not null,
    direction text not null,
    minutes bigint not null,
    packets_expected bigint not null,
    packets_lost bigint not null,
    loss numeric,
    jitter_ms numeric not null,
    jitter_ms_p95 numeric not null,
    rtt_ms_p50 numeric,
    rtt_ms_p95 numeric,
    mos numeric,
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

create function quality_days_of(circle uuid, on_day date) returns setof quality_days
language sql stable as $$
    select
        circle, on_day, uid, direction, minutes, packets_expected, packets_lost,
        round(
            least(greatest(packets_lost::numeric / nullif(packets_expected, 0), 0), 1), 5
        ),
        round(jitter_ms, 3),
        round(jitter_ms_p95::numeric, 3),
        round(rtt_ms_p50::numeric, 3),
        round(rtt_ms_p95::numeric, 3),
        round(
            mos_of(
                packets_lost::float8 / nullif(packets_expected, 0), jitter_ms::float8,
                coalesce(rtt_ms_p50, 0)
            )::numeric,
            2
        )
    from (
        select
            uid, direction,
            count(*) as minutes,
            sum(packets_expected)::bigint as packets_expected,
            sum(packets_lost)::bigint as packets_lost,
            sum(jitter_us_avg::bigint * sample_count) / sum(sample_count) / 1000 as jitter_ms,
            percentile_cont(0.95) within group (order by jitter_us_max) / 1000 as jitter_ms_p95,
            percentile_cont(0.5) within group (order by round_trip_time_us_avg) / 1000
                as rtt_ms_p50,
            percentile_cont(0.95) within group (order by round_trip_time_us_avg) / 1000
                as rtt_ms_p95
        from quality_minutes
        where circle_id = circle
            and minute_at >= on_day::timestamp at time zone 'UTC'
            and minute_at < (on_day + 1)::timestamp at time zone 'UTC'
        group by uid, direction
    ) as summed
$$;

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

create table request_days (
    day date not null,
    kind text not null,
    asked bigint not null,
    accepted bigint not null,
    declined bigint not null,
    left_meanwhile bigint not null,
    open bigint not null,
    spoke bigint not null,
    wait_seconds_p50 numeric,
    wait_seconds_p95 numeric,
    wait_seconds_p99 numeric,
    constraint request_days_pk primary key (day, kind)
);

comment on table request_days is
    'Raised hands and invitations of a UTC day at rest: exactly what request_days_of says over hand_raises and stage_invitations.';

create table request_days_unsettled (
    day date constraint request_days_unsettled_pk primary key
);

create function request_days_of(on_day date) returns setof request_days
language sql stable as $$
    with
    requests as (
        select
            'hand' as kind, raised_at as asked_at, lowered_at as answered_at, spoke_at,
            case lower_reason when 'promoted' then 'accepted' when 'withdrawn' then 'declined'
                else lower_reason end as answer
        from hand_raises
        where raised_at >= on_day::timestamp at time zone 'UTC'
            and raised_at < (on_day + 1)::timestamp at time zone 'UTC'
        union all
        select 'invitation', invited_at, answered_at, spoke_at, answer
        from stage_invitations
        where invited_at >= on_day::timestamp at time zone 'UTC'
            and invited_at < (on_day + 1)::timestamp at time zone 'UTC'
    ),
    waits as (
        select
            kind, spoke_at, answer,
            case when answer = 'accepted' then extract(epoch from answered_at - asked_at) end
                as wait_seconds
        from requests
    )
    select
        on_day, kind,
        count(*),
        count(*) filter (where answer = 'accepted'),
        count(*) filter (where answer = 'declined'),
        count(*) filter (where answer = 'left'),
        count(*) filter (where answer is null),
        count(*) filter (where spoke_at is not null),
        round((percentile_cont(0.5) within group (order by wait_seconds))::numeric, 3),
        round((percentile_cont(0.95) within group (order by wait_seconds))::numeric, 3),
        round((percentile_cont(0.99) within group (order by wait_seconds))::numeric, 3)
    from waits
    group by kind
$$;

create table day_sums (
    day date constraint day_sums_pk primary key,
    circles bigint not null,
    stays bigint not null,
    participant_us numeric not null,
    members bigint not null,
    new_members bigint not null
);

comment on table day_sums is
    'Circles, people and minutes of a UTC day at rest: exactly what day_sums_of says over circle_days and daily_members.';

create table day_sums_unsettled (
    day date constraint day_sums_unsettled_pk primary key
);

create function day_sums_of(on_day date) returns setof day_sums
language sql stable as $$
    select
        on_day, sums.circles, sums.stays, sums.participant_us, people.members,
        people.new_members
    from (
        select
            count(*) as circles, sum(stay_count) as stays, sum(participant_us) as participant_us
        from circle_days
        where day = on_day
    ) as sums
    cross join (
        select count(*) as members, count(*) filter (where first_day = day) as new_members
        from daily_members
        where day = on_day
    ) as people
    where sums.circles > 0
$$;

create table category_weeks (
    week date not null,
    category text not null,
    circles bigint not null,
    hosts bigint not null,
    attendances bigint not null,
    minutes numeric not null,
    peak_listeners integer not null,
    constraint category_weeks_pk primary key (week, category)
);

comment on table category_weeks is
    'Circles that went live in a UTC week at rest: exactly what category_weeks_of says over circle_sessions.';

create table category_weeks_unsettled (
    week date constraint category_weeks_unsettled_pk primary key
);

create function category_weeks_of(in_week date) returns setof category_weeks
language sql stable as $$
    select
        in_week, category, count(*), count(distinct host_uid), sum(attendance_count),
        sum(total_minutes), max(peak_listeners)
    from circle_sessions
    where started_at >= in_week::timestamp at time zone 'UTC'
        and started_at < (in_week + 7)::timestamp at time zone 'UTC'
    group by category
$$;

create table host_sums (
    host_uid text constraint host_sums_pk primary key,
    circles bigint not null,
    first_started_at timestamptz not null,
    last_started_at timestamptz not null,
    -- The first two days on which a circle of theirs went live.
    first_day date not null,
    second_day date,
    days_hosted bigint not null,
    attendances bigint not null,
    members_per_circle numeric not null,
    peak_listeners_per_circle numeric not null,
    peak_listeners integer not null,
    minutes numeric not null,
    promotions bigint not null,
    kicks bigint not null,
    circles_lost bigint not null
);

comment on table host_sums is
    'A creator whose circles are all at rest: exactly what host_sums_of says over circle_sessions.';

create table host_sums_unsettled (
    host_uid text constraint host_sums_unsettled_pk primary key
);

create index circle_sessions_host_idx on circle_sessions (host_uid, started_at);

create function host_sums_of(host text) returns setof host_sums
language sql stable as $$
    with
    hosted as (
        select
            started_at, (started_at at time zone 'UTC')::date as day, attendance_count,
            member_count, peak_listeners, total_minutes, promotion_count, kick_count, end_reason
        from circle_sessions
        where host_uid = host and started_at is not null
    )
    select
        host, count(*), min(started_at), max(started_at),
        min(day), (select min(day) from hosted where day > (select min(day) from hosted)),
        count(distinct day),
        sum(attendance_count),
        round(avg(member_count), 2),
        round(avg(peak_listeners), 2),
        max(peak_listeners),
        sum(total_minutes),
        sum(promotion_count),
        sum(kick_count),
        count(*) filter (where end_reason = 'hostLost')
    from hosted
    having count(*) > 0
$$;
