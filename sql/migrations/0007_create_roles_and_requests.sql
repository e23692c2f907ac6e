-- Members and roles: whose quota a circle counts against, hosts that are gone, invitations onto the
-- stage, devices, RSVPs, reports of users, and the audit trail of moderation.

alter table circles add column creator_uid text;
update circles set creator_uid = host_uid;
alter table circles alter column creator_uid set not null;
-- Since when a live circle's host is gone; null while they are there or have never been.
alter table circles add column host_absent_since timestamptz;

comment on column circles.creator_uid is
    'Who created it: the creation limit counts by it, the summary goes there. The host may change.';

drop index circles_host_idx;
-- The creation limit counts a creator's rows of the last day.
create index circles_creator_idx on circles (creator_uid, created_at);
-- What looks for hosts that do not come back.
create index circles_host_absent_idx on circles (host_absent_since)
    where status = 'live' and host_absent_since is not null;

-- The device that the member came in with; null when it did not say.
alter table seats add column device_id text;
-- When a moderator asked the member onto the stage and who; null without a pending invitation.
alter table seats add column invited_at timestamptz;
alter table seats add column invited_by_uid text;

create table rsvps (
    circle_id uuid not null constraint rsvps_circle_fk references circles,
    uid text not null,
    made_at timestamptz not null,
    constraint rsvps_pk primary key (circle_id, uid)
);

comment on table rsvps is 'Who means to come to a scheduled circle; a row goes when they think better of it.';

create index rsvps_uid_idx on rsvps (uid);

create table push_tokens (
    uid text not null,
    device_id text not null,
    platform text not null constraint push_tokens_platform_check
        check (platform in ('ios', 'android', 'web')),
    push_token text not null,
    updated_at timestamptz not null,
    constraint push_tokens_pk primary key (uid, device_id)
);

comment on table push_tokens is 'Where a user''s pushes go: one row per device.';

-- A token belongs to one installation: who signs in there last has it.
create unique index push_tokens_token_idx on push_tokens (push_token);

create table user_reports (
    report_id uuid constraint user_reports_pk primary key,
    circle_id uuid not null constraint user_reports_circle_fk references circles,
    reporter_uid text not null,
    reported_uid text not null,
    category text not null constraint user_reports_category_check
        check (category in ('harassment', 'hateSpeech', 'spam', 'impersonation', 'other')),
    comment text not null,
    reported_at timestamptz not null
);

comment on table user_reports is 'Reports of users about others, with their words.';

create index user_reports_circle_idx on user_reports (circle_id, reporter_uid);

create table moderation_audit (
    audit_id bigint generated always as identity constraint moderation_audit_pk primary key,
    circle_id uuid not null constraint moderation_audit_circle_fk references circles,
    actor_uid text not null,
    action text not null,
    target_uid text not null,
    reason text not null,
    acted_at timestamptz not null,
    -- The number of the event that says the same, among the API's events of the circle.
    source_seq bigint not null,
    trace_id text not null
);

comment on table moderation_audit is
    'Who did what to whom, when and why: one row per act of moderation, written with it in one transaction and never changed.';
comment on column moderation_audit.actor_uid is 'Empty when nobody did it.';
comment on column moderation_audit.action is 'The type of the event.';

create index moderation_audit_circle_idx on moderation_audit (circle_id, audit_id);
create index moderation_audit_target_idx on moderation_audit (target_uid, audit_id);
