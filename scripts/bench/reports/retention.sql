-- Columns: cohort_day, people, day_1, day_7, day_30
-- Where: kind = 'member'
with
days as (
    select distinct uid, (occurred_at at time zone 'UTC')::date as day
    from events
    where event_type = 'memberJoined'
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
