-- Report: minutes_by_day
-- One row per UTC day: circles, people and minutes.
--
-- Grain: one UTC day. Inputs: day_sums, of what is not at rest yet circle_days and
-- daily_members. Range: day.
-- Units: participant-minutes of stays that are over, split at midnight; a stay that is not over
-- counts as a stay on the day it began, with no minutes yet.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select day, minutes from reports.minutes_by_day where day >= current_date - 28;

drop view if exists reports.minutes_by_day;

create view reports.minutes_by_day as
select
    day,
    circles,
    stays,
    members,
    new_members,
    round(participant_us / 60000000.0, 3) as minutes,
    round(participant_us / 60000000.0 / members, 3) as minutes_per_member,
    now() as as_of
from (
    select day, circles, stays, members, new_members, participant_us
    from day_sums
    union all
    select unsettled.day, circles, stays, members, new_members, participant_us
    from day_sums_unsettled as unsettled
    cross join lateral day_sums_of(unsettled.day) as computed
) as days;

comment on view reports.minutes_by_day is 'One row per UTC day on which anyone was in a circle.';
comment on column reports.minutes_by_day.day is 'The day, UTC.';
comment on column reports.minutes_by_day.circles is 'Circles that anyone was in.';
comment on column reports.minutes_by_day.stays is 'Member sessions that touch the day.';
comment on column reports.minutes_by_day.members is 'Different people.';
comment on column reports.minutes_by_day.new_members is
    'Of them, those who were in a circle for the first time.';
comment on column reports.minutes_by_day.minutes is 'Participant-minutes of stays that are over.';
comment on column reports.minutes_by_day.minutes_per_member is 'Minutes by members.';
comment on column reports.minutes_by_day.as_of is 'When this row was read.';
