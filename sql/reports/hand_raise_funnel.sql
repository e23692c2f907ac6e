-- Report: hand_raise_funnel
-- One row per UTC day and way onto the stage: asked, let on, spoke.
--
-- Grain: one UTC day of asking and kind. kind hand: a listener raised a hand; kind invitation:
-- a moderator asked a listener. Inputs: request_days, of what is not at
-- rest yet hand_raises and stage_invitations. Range: day.
-- Units: requests; waits in seconds, from asking to the stage. A request counts as spoke when
-- speech began after it led onto the stage and before the session's next request of its kind.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.hand_raise_funnel where kind = 'hand' order by day;

drop view if exists reports.hand_raise_funnel;

create view reports.hand_raise_funnel as
select
    day,
    kind,
    asked,
    accepted,
    declined,
    left_meanwhile,
    open,
    spoke,
    round(accepted::numeric / asked, 4) as accepted_share,
    round(spoke::numeric / asked, 4) as spoke_share,
    wait_seconds_p50,
    wait_seconds_p95,
    wait_seconds_p99,
    now() as as_of
from (
    select
        day, kind, asked, accepted, declined, left_meanwhile, open, spoke, wait_seconds_p50,
        wait_seconds_p95, wait_seconds_p99
    from request_days
    union all
    select
        unsettled.day, kind, asked, accepted, declined, left_meanwhile, open, spoke,
        wait_seconds_p50, wait_seconds_p95, wait_seconds_p99
    from request_days_unsettled as unsettled
    cross join lateral request_days_of(unsettled.day) as computed
) as days;

comment on view reports.hand_raise_funnel is 'One row per UTC day and way onto the stage.';
comment on column reports.hand_raise_funnel.day is 'The day of asking, UTC.';
comment on column reports.hand_raise_funnel.kind is 'hand or invitation.';
comment on column reports.hand_raise_funnel.asked is 'Requests.';
comment on column reports.hand_raise_funnel.accepted is 'Of them, those that led onto the stage.';
comment on column reports.hand_raise_funnel.declined is 'Hands taken down, invitations refused.';
comment on column reports.hand_raise_funnel.left_meanwhile is 'The member left before an answer.';
comment on column reports.hand_raise_funnel.open is 'Without an answer so far.';
comment on column reports.hand_raise_funnel.spoke is 'Accepted, and the member then spoke.';
comment on column reports.hand_raise_funnel.accepted_share is 'accepted by asked, 0 to 1.';
comment on column reports.hand_raise_funnel.spoke_share is 'spoke by asked, 0 to 1.';
comment on column reports.hand_raise_funnel.wait_seconds_p50 is
    'Median seconds from asking to the stage.';
comment on column reports.hand_raise_funnel.wait_seconds_p95 is '95th percentile of the same.';
comment on column reports.hand_raise_funnel.wait_seconds_p99 is '99th percentile of the same.';
comment on column reports.hand_raise_funnel.as_of is 'When this row was read.';
