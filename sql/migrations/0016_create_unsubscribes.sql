-- Who wants no more of which kind of mail.

create table unsubscribes (
    uid text not null,
    -- As in notifications.
    kind text not null,
    unsubscribed_at timestamptz not null,
    constraint unsubscribes_pk primary key (uid, kind)
);

comment on table unsubscribes is 'One row per person and kind of mail that they have stopped.';

grant select, insert on unsubscribes to circles_api;
grant select on unsubscribes to circles_jobs;

alter table unsubscribes enable row level security;
create policy unsubscribes_own on unsubscribes to circles_api
    using (uid = app_uid()) with check (uid = app_uid());
create policy unsubscribes_system on unsubscribes for select to circles_jobs using (true);

-- A host's circle before this one.
create index circle_sessions_host_started_idx on circle_sessions (host_uid, started_at);
