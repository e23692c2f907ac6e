-- What Jobs writes: each message that leaves the system, once.

create table notifications (
    kind text not null,
    subject_id uuid not null,
    recipient_uid text not null,
    address text,
    -- pending → sending → sent · failed · uncertain; skipped when there is no address.
    -- `sending` found after a crash becomes `uncertain` and is not sent again: at most once.
    status text not null constraint notifications_status_check
        check (status in ('pending', 'sending', 'sent', 'failed', 'uncertain', 'skipped')),
    attempt_count integer not null,
    next_attempt_at timestamptz not null,
    message_id text not null,
    last_error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint notifications_pk primary key (kind, subject_id, recipient_uid)
);

comment on table notifications is 'One row per message to a person, with what became of it.';

create index notifications_due_idx on notifications (next_attempt_at)
    where status in ('pending', 'sending');

create schema reports;
comment on schema reports is 'What analysts read; see sql/reports.';
