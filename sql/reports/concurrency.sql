-- Report: concurrency
-- One row per minute: how many circles and people at once.
--
-- Grain: one UTC minute in which any circle had someone inside. Inputs: circle_minutes.
-- Range: minute_at. Ask for a stretch of days, not of years: the cost is that of the range.
-- Units: people at the end of the minute. A live circle stays as its last change left it.
-- Freshness: the last stored event; as_of is the moment of the query.
-- reports.concurrency(from_at, to_at) gives every minute of a range, empty ones as zeros.
-- Example: select max(listeners) from reports.concurrency('2026-11-20', '2026-11-21');

drop function if exists reports.concurrency(timestamptz, timestamptz);

drop view if exists reports.concurrency;

create view reports.concurrency as
select
    minute_at,
    count(*) filter (where listeners + speakers > 0) as circles,
    sum(listeners) as listeners,
    sum(speakers) as speakers,
    sum(listeners + speakers) as members,
    sum(joins) as joins,
    sum(leaves) as leaves,
    now() as as_of
from (
    select minute_at, listeners, speakers, joins, leaves
    from circle_minutes
    union all
    -- Who is inside a circle in which nothing has changed since.
    select minutes.minute_at, last_minute.listeners, last_minute.speakers, 0, 0
    from (select distinct circle_id from members) as open_circles
    cross join lateral (
        select minute_at, listeners, speakers
        from circle_minutes
        where circle_minutes.circle_id = open_circles.circle_id
        order by minute_at desc
        limit 1
    ) as last_minute
    cross join lateral generate_series(
        last_minute.minute_at + interval '1 minute',
        least(
            date_trunc('minute', now(), 'UTC') - interval '1 minute',
            last_minute.minute_at + interval '2 days'
        ),
        interval '1 minute'
    ) as minutes (minute_at)
) as all_minutes
group by minute_at;

create function reports.concurrency(from_at timestamptz, to_at timestamptz)
returns table (
    minute_at timestamptz, circles bigint, listeners bigint, speakers bigint, as_of timestamptz
)
language sql stable as $$
    select
        minutes.minute_at,
        coalesce(known.circles, 0), coalesce(known.listeners, 0), coalesce(known.speakers, 0),
        now()
    from generate_series(
        date_trunc('minute', from_at, 'UTC'), to_at - interval '1 microsecond',
        interval '1 minute'
    ) as minutes (minute_at)
    left join (
        select concurrency.minute_at, circles, listeners, speakers
        from reports.concurrency
        where concurrency.minute_at >= date_trunc('minute', from_at, 'UTC')
            and concurrency.minute_at < to_at
    ) as known using (minute_at)
    order by minutes.minute_at
$$;

comment on function reports.concurrency(timestamptz, timestamptz) is
    'Every minute of a half-open range, empty ones as zeros.';

comment on view reports.concurrency is 'One row per minute in which any circle had someone inside.';
comment on column reports.concurrency.minute_at is 'Begin of the minute.';
comment on column reports.concurrency.circles is 'Circles with anyone inside at its end.';
comment on column reports.concurrency.listeners is 'In the audience at its end.';
comment on column reports.concurrency.speakers is 'On stage at its end.';
comment on column reports.concurrency.members is 'Both together.';
comment on column reports.concurrency.joins is 'Stays that began in it.';
comment on column reports.concurrency.leaves is 'Stays that ended in it.';
comment on column reports.concurrency.as_of is 'When this row was read.';
