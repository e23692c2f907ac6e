-- Report: hand_raise_funnel
-- One row per UTC day and way onto the stage: asked, let on, spoke.
--
-- Grain: one UTC day of asking and kind. kind hand: a listener raised a hand; kind invitation:
-- a moderator asked a listener. Inputs: hand_raises, stage_invitations. Range: day.
-- Units: requests; waits in seconds, from asking to the stage. A request counts as spoke when
-- speech began after it led onto the stage and before the session's next request of its kind.
-- Freshness: the last stored event; as_of is the moment of the query.
-- Example: select * from reports.hand_raise_funnel where kind = 'hand' order by day;

drop view if exists reports.hand_raise_funnel;

create view reports.hand_raise_funnel as
with
requests as (
    select
        'hand' as kind, raised_at as asked_at, lowered_at as answered_at, spoke_at,
        case lower_reason when 'promoted' then 'accepted' when 'withdrawn' then 'declined'
            else lower_reason end as answer
    from hand_raises
    union all
    select 'invitation', invited_at, answered_at, spoke_at, answer
    from stage_invitations
)
select
    (asked_at at time zone 'UTC')::date as day,
    kind,
    count(*) as asked,
    count(*) filter (where answer = 'accepted') as accepted,
    count(*) filter (where answer = 'declined') as declined,
    count(*) filter (where answer = 'left') as left_meanwhile,
    count(*) filter (where answer is null) as open,
    count(*) filter (where spoke_at is not null) as spoke,
    round(count(*) filter (where answer = 'accepted')::numeric / count(*), 4) as accepted_share,
    round(count(*) filter (where spoke_at is not null)::numeric / count(*), 4) as spoke_share,
    round(
        percentile_cont(0.5) within group (order by extract(epoch from answered_at - asked_at))
            filter (where answer = 'accepted')::numeric,
        3
    ) as wait_seconds_p50,
    round(
        percentile_cont(0.95) within group (order by extract(epoch from answered_at - asked_at))
            filter (where answer = 'accepted')::numeric,
        3
    ) as wait_seconds_p95,
    round(
        percentile_cont(0.99) within group (order by extract(epoch from answered_at - asked_at))
            filter (where answer = 'accepted')::numeric,
        3
    ) as wait_seconds_p99,
    now() as as_of
from requests
group by 1, 2;

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
