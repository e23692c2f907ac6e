-- Columns: cohort_day, people, day_1, day_7, day_30
-- Where: kind = 'member'
with
ends as (
    select circle_id, min(occurred_at) as ended_at
    from events
    where event_type = 'circleEnded'
    group by circle_id
),
stays as (
    select
        events.circle_id, session_id, min(uid) as uid,
        min(occurred_at) filter (where event_type = 'memberJoined') as joined_at,
        coalesce(min(occurred_at) filter (where event_type = 'memberLeft'), min(ended_at))
            as left_at
    from events
    left join ends using (circle_id)
    where event_type in ('memberJoined', 'memberLeft')
    group by events.circle_id, session_id
),
days as (
    select distinct uid, (generate_series(
        date_trunc('day', joined_at, 'UTC'), left_at - interval '1 microsecond', '1 day'
    ) at time zone 'UTC')::date as day
    from stays
),
firsts as (select uid, min(day) as first_day from days group by uid),
cohorts as (
    select
        first_day as cohort_day, count(*) filter (where day = first_day) as people,
        count(*) filter (where day - first_day = 1) as day_1,
        count(*) filter (where day - first_day = 7) as day_7,
        count(*) filter (where day - first_day = 30) as day_30
    from days
    join firsts using (uid)
    group by first_day
)
select
    cohort_day, people,
    case when (now() at time zone 'UTC')::date > cohort_day + 1 then day_1 end,
    case when (now() at time zone 'UTC')::date > cohort_day + 7 then day_7 end,
    case when (now() at time zone 'UTC')::date > cohort_day + 30 then day_30 end
from cohorts
where cohort_day >= '{from}'::date and cohort_day < '{to}'::date
order by cohort_day
