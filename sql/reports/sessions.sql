-- Report: sessions
-- One row per circle that went live: when, how many, how long.
--
-- Grain: one circle. Inputs: circle_sessions (kept by Ingest). Range: started_at.
-- Units: times in UTC; total_minutes = participant-minutes (the sum of all stays that are over).
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.sessions where started_at >= now() - interval '7 days';

drop view if exists reports.sessions;

create view reports.sessions as
select
    circle_id,
    title,
    category,
    privacy,
    host_uid,
    started_at,
    ended_at,
    end_reason,
    round(extract(epoch from ended_at - started_at) / 60, 1) as duration_minutes,
    member_count as members,
    attendance_count as attendances,
    peak_listeners,
    peak_speakers,
    total_minutes,
    hand_raise_count as hand_raises,
    promotion_count as promotions,
    kick_count as kicks,
    now() as as_of
from circle_sessions
where started_at is not null;

comment on view reports.sessions is 'One row per circle that went live.';
comment on column reports.sessions.circle_id is 'The circle.';
comment on column reports.sessions.title is 'Its title, as last changed before it began.';
comment on column reports.sessions.category is 'Its category; empty when it has none.';
comment on column reports.sessions.privacy is 'public, private or secret.';
comment on column reports.sessions.host_uid is 'Who created it.';
comment on column reports.sessions.started_at is 'When it went live.';
comment on column reports.sessions.ended_at is 'When it ended; null while it is live.';
comment on column reports.sessions.end_reason is 'host, overrun, empty or hostLost.';
comment on column reports.sessions.duration_minutes is 'From start to end; null while live.';
comment on column reports.sessions.members is 'Different people who were in it.';
comment on column reports.sessions.attendances is 'Member sessions; coming back after a leave is another.';
comment on column reports.sessions.peak_listeners is 'Most listeners at once.';
comment on column reports.sessions.peak_speakers is 'Most people on stage at once, host included.';
comment on column reports.sessions.total_minutes is 'Participant-minutes of the stays that are over.';
comment on column reports.sessions.hand_raises is 'Hands raised.';
comment on column reports.sessions.promotions is 'Listeners brought onto the stage.';
comment on column reports.sessions.kicks is 'Members removed by a moderator.';
comment on column reports.sessions.as_of is 'When this row was read.';
