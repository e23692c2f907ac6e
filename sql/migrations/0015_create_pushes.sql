-- Pushes to devices, each at most once, and how far the reminders of a circle are.

create table pushes (
    kind text not null,
    circle_id uuid not null,
    uid text not null,
    device_id text not null,
    -- The planned start that it reminds of: a circle that is moved has new ones.
    start_at timestamptz not null,
    -- pending → sending → sent · failed · uncertain, or back to pending when it surely did not
    -- arrive; pending → skipped when it must not or need not go out; skipped → pending when the
    -- reason is gone. `sending` found after a crash becomes `uncertain` and is not sent again.
    status text not null constraint pushes_status_check
        check (status in ('pending', 'sending', 'sent', 'failed', 'uncertain', 'skipped')),
    reason text,
    attempt_count integer not null,
    due_at timestamptz not null,
    next_attempt_at timestamptz not null,
    -- What the receiver calls it.
    message_name text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pushes_pk primary key (kind, circle_id, uid, device_id, start_at)
);

comment on table pushes is 'One row per push to a device, with what became of it: the row is the claim.';
comment on column pushes.reason is
    'Why it is skipped, failed or uncertain, or why it waits for another attempt.';

create index pushes_due_idx on pushes (kind, next_attempt_at) where status = 'pending';
create index pushes_sending_idx on pushes (updated_at) where status = 'sending';

create table reminder_rounds (
    circle_id uuid not null,
    start_at timestamptz not null,
    begun_at timestamptz not null,
    -- RSVPs up to this uid have their pushes.
    after_uid text not null,
    -- Null until every RSVP has been gone through; then those made since are looked for.
    late_since timestamptz,
    constraint reminder_rounds_pk primary key (circle_id, start_at)
);

comment on table reminder_rounds is
    'Circles whose reminders are due, and how far their RSVPs have been gone through; a row goes with the start.';

-- RSVPs that come when the round is through.
create index rsvps_made_idx on rsvps (circle_id, made_at);

grant select, insert, update, delete on pushes, reminder_rounds to circles_jobs;
