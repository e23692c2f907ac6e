-- Report: directory_trends
-- One row per week and category: circles, people, minutes, and the change.
--
-- Grain: one UTC week (Monday first) and category; empty: without one. Inputs: category_weeks,
-- of what is not at rest yet circle_sessions. Range: week. Units: circles, attendances, participant-minutes of stays that are over.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.directory_trends where week = '2026-11-23' order by place;

drop view if exists reports.directory_trends;

create view reports.directory_trends as
select
    week,
    category,
    circles,
    hosts,
    attendances,
    minutes,
    peak_listeners,
    round(minutes / nullif(sum(minutes) over (partition by week), 0), 4) as minutes_share,
    rank() over (partition by week order by minutes desc) as place,
    case
        when lag(week) over earlier = week - 7
        then round(minutes / nullif(lag(minutes) over earlier, 0) - 1, 4)
    end as minutes_change,
    now() as as_of
from (
    select week, category, circles, hosts, attendances, minutes, peak_listeners
    from category_weeks
    union all
    select
        unsettled.week, category, circles, hosts, attendances, minutes, peak_listeners
    from category_weeks_unsettled as unsettled
    cross join lateral category_weeks_of(unsettled.week) as computed
) as weeks
window earlier as (partition by category order by week);

comment on view reports.directory_trends is 'One row per week and category.';
comment on column reports.directory_trends.week is 'Monday of the week, UTC.';
comment on column reports.directory_trends.category is 'The category; empty: circles without one.';
comment on column reports.directory_trends.circles is 'Circles that went live.';
comment on column reports.directory_trends.hosts is 'Different people who created them.';
comment on column reports.directory_trends.attendances is 'Member sessions in them.';
comment on column reports.directory_trends.minutes is 'Participant-minutes.';
comment on column reports.directory_trends.peak_listeners is
    'Most listeners at once in any of them.';
comment on column reports.directory_trends.minutes_share is 'Of the week''s minutes, 0 to 1.';
comment on column reports.directory_trends.place is
    '1 for the category with most minutes in the week.';
comment on column reports.directory_trends.minutes_change is
    'Growth of minutes over the week before: 0.1 is 10 % more; null when there were none.';
comment on column reports.directory_trends.as_of is 'When this row was read.';
