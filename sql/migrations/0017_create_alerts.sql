-- What pages on-call: incidents, and what each receiver was told of them.

-- The table of 0004's plan, `alerts`, holds one row per incident.
create table alerts (
    alert_id bigint generated always as identity constraint alerts_pk primary key,
    rule text not null,
    subject text not null,
    dedup_key text not null,
    severity text not null constraint alerts_severity_check
        check (severity in ('critical', 'error', 'warning')),
    summary text not null,
    cause text not null,
    value double precision not null,
    details jsonb not null,
    opened_at timestamptz not null,
    -- The last evaluation that had a say, and since when evaluations found nothing bad.
    observed_at timestamptz not null,
    calm_since timestamptz,
    cleared_at timestamptz,
    clear_reason text constraint alerts_clear_reason_check
        check (clear_reason in ('recovered', 'ended', 'silent', 'ruleOff')),
    constraint alerts_cleared_check check ((cleared_at is null) = (clear_reason is null))
);

comment on table alerts is 'One row per incident, open until cleared_at.';
comment on column alerts.dedup_key is 'What receivers know the incident by: one open incident each.';
comment on column alerts.value is 'What the rule measured last, in the rule''s unit (docs/runbook.md).';
comment on column alerts.details is
    'labels (what it is about), facts, curve (numbers over time), sparkline, sql (to look further).';
comment on column alerts.clear_reason is
    'recovered: measured to be well; ended: what it was about is over; silent: nothing is measured any more; ruleOff: an operator switched the rule off.';

create unique index alerts_open_idx on alerts (dedup_key) where cleared_at is null;
create index alerts_key_idx on alerts (dedup_key, observed_at desc);
create index alerts_opened_idx on alerts (opened_at);

create table alert_deliveries (
    delivery_id bigint generated always as identity constraint alert_deliveries_pk primary key,
    alert_id bigint not null constraint alert_deliveries_alert_fk references alerts,
    dedup_key text not null,
    receiver text not null,
    action text not null constraint alert_deliveries_action_check
        check (action in ('trigger', 'resolve')),
    -- pending → sending → sent · failed · uncertain; skipped when the other action made it void.
    -- `sending` is committed before the first byte goes out. Left by a crash it goes back to
    -- pending where the receiver knows repeats by their key, and becomes uncertain where not.
    status text not null constraint alert_deliveries_status_check
        check (status in ('pending', 'sending', 'sent', 'failed', 'uncertain', 'skipped')),
    attempt_count integer not null,
    next_attempt_at timestamptz not null,
    last_error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint alert_deliveries_action_unique unique (alert_id, receiver, action)
);

comment on table alert_deliveries is
    'One row per incident, receiver and action, with what became of it. Of one receiver and key an earlier row is done before a later one is begun.';
comment on column alert_deliveries.next_attempt_at is
    'When it is due; of a sent trigger at Alertmanager: when it is said again.';

create index alert_deliveries_due_idx on alert_deliveries (receiver, delivery_id)
    where status in ('pending', 'sending');
create index alert_deliveries_alert_idx on alert_deliveries (alert_id);

-- What a rule counted last, for numbers that only ever rise.
create table alert_marks (
    rule text constraint alert_marks_pk primary key,
    value bigint not null,
    rising_since timestamptz,
    risen_at timestamptz,
    noted_at timestamptz not null
);

comment on table alert_marks is
    'Per rule about a count: the count that is known, since when it is higher, and when it last was found risen.';

grant select, insert, update, delete on alerts, alert_deliveries, alert_marks to circles_jobs;
grant select on quality_cursors, outbox to circles_jobs;
grant select on alerts to analyst;
