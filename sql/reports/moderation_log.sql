-- Report: moderation_log
-- One row per act of moderation: who did what to whom, when and why.
--
-- Grain: one act. Inputs: moderation_audit, circle_sessions. Range: acted_at.
-- Units: times in UTC. Freshness: the last committed command; as_of is the moment of the query.
-- Example: select * from reports.moderation_log where target_uid = '…' order by acted_at;

drop view if exists reports.moderation_log;

create view reports.moderation_log as
select
    audit.audit_id,
    audit.acted_at,
    audit.circle_id,
    circles.title,
    audit.action,
    audit.actor_uid,
    audit.target_uid,
    audit.reason,
    now() as as_of
from moderation_audit as audit
left join circle_sessions as circles using (circle_id);

comment on view reports.moderation_log is 'One row per act of moderation.';
comment on column reports.moderation_log.audit_id is 'Number of the act.';
comment on column reports.moderation_log.acted_at is 'When.';
comment on column reports.moderation_log.circle_id is 'The circle.';
comment on column reports.moderation_log.title is
    'Its title; null while Ingest has not stored the circle.';
comment on column reports.moderation_log.action is 'The type of the event, such as memberKicked.';
comment on column reports.moderation_log.actor_uid is 'Who did it; empty when nobody did.';
comment on column reports.moderation_log.target_uid is 'To whom.';
comment on column reports.moderation_log.reason is 'The moderator''s words.';
comment on column reports.moderation_log.as_of is 'When this row was read.';
