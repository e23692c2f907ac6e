-- Report: incidents
-- One row per incident that on-call was paged of: what, when, how long.
--
-- Names people: summary, cause, look_further.
-- Grain: one incident. Inputs: alerts and alert_deliveries (kept by Jobs). Range: opened_at.
-- Units: times in UTC; value in the unit of its rule (docs/runbook.md).
-- Freshness: the last evaluation, each 5 s; as_of is the moment of the query.
-- Example: select * from reports.incidents where is_open;

drop view if exists reports.incidents;

create view reports.incidents as
with
deliveries as (
    select
        alert_id,
        string_agg(
            receiver || ' ' || action || ' ' || status, ', ' order by receiver, delivery_id
        ) as told,
        sum(attempt_count)::bigint as attempts
    from alert_deliveries
    group by alert_id
)
select
    alerts.alert_id as incident_id,
    alerts.rule,
    alerts.severity,
    alerts.subject,
    alerts.opened_at,
    alerts.cleared_at,
    alerts.cleared_at is null as is_open,
    alerts.clear_reason,
    round(extract(epoch from coalesce(alerts.cleared_at, now()) - alerts.opened_at) / 60, 1)
        as duration_minutes,
    alerts.value,
    alerts.summary,
    alerts.cause,
    alerts.details ->> 'sparkline' as sparkline,
    alerts.details ->> 'sql' as look_further,
    coalesce(deliveries.told, '') as told,
    coalesce(deliveries.attempts, 0) as attempts,
    alerts.dedup_key,
    now() as as_of
from alerts
left join deliveries using (alert_id);

comment on view reports.incidents is 'One row per incident that on-call was paged of.';
comment on column reports.incidents.incident_id is 'Its number.';
comment on column reports.incidents.rule is 'What was watched; a section of docs/runbook.md each.';
comment on column reports.incidents.severity is 'critical, error or warning.';
comment on column reports.incidents.subject is 'What it is about: a circle and direction, a node, a table.';
comment on column reports.incidents.opened_at is 'When the evaluation found it.';
comment on column reports.incidents.cleared_at is 'When it was over; null while it is open.';
comment on column reports.incidents.is_open is 'Whether it is not over.';
comment on column reports.incidents.clear_reason is 'recovered, ended, silent or ruleOff; null while it is open.';
comment on column reports.incidents.duration_minutes is 'From opened_at to cleared_at, or up to now.';
comment on column reports.incidents.value is 'What was measured last, in the rule''s unit.';
comment on column reports.incidents.summary is 'The page''s title.';
comment on column reports.incidents.cause is 'What was behind it, as far as the rule knows.';
comment on column reports.incidents.sparkline is 'The five minutes before, 10 s a step; empty where a rule draws none.';
comment on column reports.incidents.look_further is 'A query to look further.';
comment on column reports.incidents.told is 'Each receiver and action with what became of it.';
comment on column reports.incidents.attempts is 'Messages that were begun, all receivers together.';
comment on column reports.incidents.dedup_key is 'What receivers know it by.';
comment on column reports.incidents.as_of is 'When this row was read.';
