-- Report: retention
-- One row per cohort: how many came back after a day, a week, a month.
--
-- Grain: one UTC day and kind. A member's cohort is the day they were first in a circle, a
-- host's the day that the first circle they created went live. Inputs: daily_members,
-- host_sums. Range: cohort_day.
-- Units: people. Members count when they are in a circle on exactly that day; hosts when a
-- circle of theirs goes live within so many days after the first day. Null until that day is over.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.retention where kind = 'member' order by cohort_day;

drop view if exists reports.retention;

create view reports.retention as
with
cohorts as (
    select
        first_day as cohort_day,
        'member' as kind,
        count(*) filter (where day = first_day) as people,
        count(*) filter (where day - first_day = 1) as day_1,
        count(*) filter (where day - first_day = 7) as day_7,
        count(*) filter (where day - first_day = 30) as day_30
    from daily_members
    where day - first_day in (0, 1, 7, 30)
    group by first_day
    union all
    select
        first_day, 'host', count(*),
        count(*) filter (where second_day - first_day <= 1),
        count(*) filter (where second_day - first_day <= 7),
        count(*) filter (where second_day - first_day <= 30)
    from (
        select first_day, second_day
        from host_sums
        union all
        select first_day, second_day
        from host_sums_unsettled as unsettled
        cross join lateral host_sums_of(unsettled.host_uid) as computed
    ) as hosts
    group by first_day
),
due as (
    select
        cohort_day, kind, people,
        case when today > cohort_day + 1 then day_1 end as day_1,
        case when today > cohort_day + 7 then day_7 end as day_7,
        case when today > cohort_day + 30 then day_30 end as day_30
    from cohorts
    cross join (select (now() at time zone 'UTC')::date as today) as clock
)
select
    cohort_day,
    kind,
    people,
    day_1,
    day_7,
    day_30,
    round(day_1::numeric / people, 4) as day_1_share,
    round(day_7::numeric / people, 4) as day_7_share,
    round(day_30::numeric / people, 4) as day_30_share,
    now() as as_of
from due;

comment on view reports.retention is 'One row per cohort of new members and of new hosts.';
comment on column reports.retention.cohort_day is 'The first day, UTC.';
comment on column reports.retention.kind is 'member or host.';
comment on column reports.retention.people is 'How many began on that day.';
comment on column reports.retention.day_1 is
    'Back on the next day (hosts: hosted again within a day).';
comment on column reports.retention.day_7 is 'Back on the seventh day (hosts: within seven days).';
comment on column reports.retention.day_30 is
    'Back on the thirtieth day (hosts: within thirty days).';
comment on column reports.retention.day_1_share is 'day_1 by people, 0 to 1.';
comment on column reports.retention.day_7_share is 'day_7 by people, 0 to 1.';
comment on column reports.retention.day_30_share is 'day_30 by people, 0 to 1.';
comment on column reports.retention.as_of is 'When this row was read.';
