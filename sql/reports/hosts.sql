-- Report: hosts
-- One row per host: what they hosted, how many came, who came back.
--
-- Grain: one creator of circles that went live. Inputs: host_sums, of those
-- who are not at rest circle_sessions. Range: last_started_at.
-- Units: circles, people, participant-minutes of stays that are over.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.hosts order by minutes desc limit 20;

drop view if exists reports.hosts;

create view reports.hosts as
select
    host_uid,
    circles,
    first_started_at,
    last_started_at,
    days_hosted,
    attendances,
    members_per_circle,
    peak_listeners_per_circle,
    peak_listeners,
    minutes,
    promotions,
    kicks,
    circles_lost,
    now() as as_of
from (
    select
        host_uid, circles, first_started_at, last_started_at, days_hosted, attendances,
        members_per_circle, peak_listeners_per_circle, peak_listeners, minutes, promotions, kicks,
        circles_lost
    from host_sums
    union all
    select
        unsettled.host_uid, circles, first_started_at, last_started_at, days_hosted, attendances,
        members_per_circle, peak_listeners_per_circle, peak_listeners, minutes, promotions, kicks,
        circles_lost
    from host_sums_unsettled as unsettled
    cross join lateral host_sums_of(unsettled.host_uid) as computed
) as hosts;

comment on view reports.hosts is 'One row per creator of circles that went live.';
comment on column reports.hosts.host_uid is 'Who created the circles.';
comment on column reports.hosts.circles is 'Circles that went live.';
comment on column reports.hosts.first_started_at is 'When the first did.';
comment on column reports.hosts.last_started_at is 'When the last did.';
comment on column reports.hosts.days_hosted is 'UTC days on which one went live.';
comment on column reports.hosts.attendances is 'Member sessions in them.';
comment on column reports.hosts.members_per_circle is 'Different people in a circle, on average.';
comment on column reports.hosts.peak_listeners_per_circle is
    'Most listeners at once, on average over circles.';
comment on column reports.hosts.peak_listeners is 'Most listeners at once in any of them.';
comment on column reports.hosts.minutes is 'Participant-minutes.';
comment on column reports.hosts.promotions is 'Listeners brought onto the stage.';
comment on column reports.hosts.kicks is 'Members removed by a moderator.';
comment on column reports.hosts.circles_lost is 'Circles that ended because no host came back.';
comment on column reports.hosts.as_of is 'When this row was read.';
