-- Report: presence_drift
-- One row per session that the tables and its node disagree about now.
--
-- Grain: one member session. Inputs: presence_drift (kept by Jobs), circle_sessions.
-- Range: first_seen_at.
-- Units: times in UTC; seconds.
-- Freshness: the reconciler's last look, each 5 s; as_of is the moment of the query.
-- Example: select * from reports.presence_drift order by drift_seconds desc;

drop view if exists reports.presence_drift;

create view reports.presence_drift as
select
    drift.circle_id,
    circles.title,
    drift.uid,
    drift.session_id,
    drift.node_id,
    drift.connected_says,
    drift.first_seen_at,
    round(extract(epoch from drift.seen_at - drift.first_seen_at), 1) as drift_seconds,
    now() as as_of
from presence_drift as drift
left join circle_sessions as circles using (circle_id);

comment on view reports.presence_drift is
    'One row per session that the tables and its node disagree about now.';
comment on column reports.presence_drift.circle_id is 'The circle.';
comment on column reports.presence_drift.title is 'Its title.';
comment on column reports.presence_drift.uid is 'The member.';
comment on column reports.presence_drift.session_id is 'Their session.';
comment on column reports.presence_drift.node_id is 'The node whose snapshot was looked at.';
comment on column reports.presence_drift.connected_says is
    'Who says that the session has media: node or table.';
comment on column reports.presence_drift.first_seen_at is 'When they were first found to disagree.';
comment on column reports.presence_drift.drift_seconds is 'For how long, up to the last look.';
comment on column reports.presence_drift.as_of is 'When this row was read.';
