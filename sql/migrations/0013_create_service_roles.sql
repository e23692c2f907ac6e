-- Who may do what in the database: a role for each service, and row-level security that mirrors the
-- API's rules. A mistake in the API's own checks then changes and shows nothing that it must not.
--
-- Roles belong to the whole cluster. Whoever migrates needs CREATEROLE, or the roles must be there:
--     create role circles_api nologin;  … and so on for each name below.
-- A service signs in with a user of its own that is a member of its role, and takes the role on.

do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'circles_api', 'circles_ingest', 'circles_jobs', 'circles_sfu', 'analyst'
    ] loop
        -- Databases of one cluster may be migrated at the same time.
        perform pg_advisory_xact_lock(hashtext('circles roles'));
        if not exists (select from pg_roles where rolname = role_name) then
            begin
                execute format('create role %I nologin', role_name);
            exception
                when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
end
$$;

grant select on schema_migrations to circles_api, circles_ingest, circles_jobs, circles_sfu;
grant select on embedded_brokers to circles_api, circles_ingest, circles_jobs, circles_sfu;

-- The API: commands as users, the outbox's relay, live updates, keys.
grant select, insert, update on circles to circles_api;
grant select, insert, delete on invitations to circles_api;
grant select, insert, update, delete on seats, rsvps, push_tokens to circles_api;
grant select, insert on bans, user_reports to circles_api;
grant select, insert, update, delete on outbox, idempotency_keys, circle_placements to circles_api;
grant select, insert, update, delete on webhook_deliveries, media_connections to circles_api;
grant select on sfu_nodes, api_keys to circles_api;
-- The trail is written and never changed.
grant insert on moderation_audit to circles_api, circles_jobs, circles_sfu;
grant select on
    members, hand_raises, attendances, circle_sessions, events, ingest_cursors, ingest_offsets,
    ingest_gaps
to circles_api;

-- Jobs and SFU nodes: commands of the system itself.
grant select, insert, update on circles to circles_jobs, circles_sfu;
grant select, insert, update, delete on seats, circle_placements to circles_jobs, circles_sfu;
grant select, insert, delete on invitations to circles_jobs, circles_sfu;
grant select, insert on outbox to circles_jobs, circles_sfu;
grant select, insert, update on sfu_nodes to circles_sfu;
grant select on sfu_nodes to circles_jobs;
grant select on bans, rsvps to circles_jobs, circles_sfu;
grant select, delete on push_tokens to circles_jobs;
grant select on
    members, hand_raises, attendances, circle_sessions, events, ingest_cursors, ingest_offsets,
    ingest_gaps, quality_samples, quality_minutes, dead_letters
to circles_jobs;
grant select on attendances to circles_sfu;
grant select, insert, update, delete on notifications to circles_jobs;

-- Ingest: state, history and rollups; of the outbox it reads what a log has forgotten.
grant select, insert, update, delete on
    members, hand_raises, attendances, circle_sessions, events, ingest_cursors, ingest_offsets,
    ingest_gaps, dead_letters, quality_samples, quality_cursors, quality_minutes
to circles_ingest;
grant select on outbox to circles_ingest;
-- Partitions are made by the owner of their parent.
alter function ensure_history_partition(text, date) security definer;

-- Analysts: reports and history, and nothing else.
grant usage on schema reports to analyst;
grant select on all tables in schema reports to analyst;
alter default privileges in schema reports grant select on tables to analyst;
grant select on
    events, circle_sessions, attendances, hand_raises, quality_samples, quality_minutes
to analyst;

-- The API says for each transaction on whose behalf it runs; nothing said is nobody. A space
-- is in no uid.
create function app_uid() returns text
language sql stable parallel safe as $$
    select nullif(current_setting('circles.uid', true), '')
$$;

create function app_is_system() returns boolean
language sql stable parallel safe as $$
    select current_setting('circles.uid', true) = ' system'
$$;

-- The functions below look past the policies of the tables they read: policies that read each
-- other's tables would go round in circles.
create function app_is_let_into(circle uuid) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select
        exists (
            select from invitations
            where invitations.circle_id = circle and invitations.uid = app_uid()
        )
        or exists (select from seats where seats.circle_id = circle and seats.uid = app_uid())
$$;

create function app_is_moderator(circle uuid) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select exists (
        select
        from circles
        where circles.circle_id = circle
            and (host_uid = app_uid() or app_uid() = any (co_host_uids))
    )
$$;

create function app_may_see(circle uuid) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select exists (
        select
        from circles
        where circles.circle_id = circle
            and (
                privacy <> 'secret' or host_uid = app_uid() or app_uid() = any (co_host_uids)
                or app_is_let_into(circle)
            )
    )
$$;

create function app_is_secret(circle uuid) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select privacy = 'secret' from circles where circles.circle_id = circle
$$;

-- Numbers events in their circle's row. A command may have just taken its caller's right to see
-- the circle away (who leaves a secret one), and its events are numbered all the same.
create function app_number_events(
    circle uuid, last_seq bigint, last_at timestamptz, host_presence text, command_at timestamptz
) returns void
language sql security definer set search_path = public, pg_temp as $$
    update circles
    set
        event_seq = last_seq,
        last_event_at = last_at,
        host_absent_since = case host_presence
            when 'gone' then command_at
            when 'back' then null
            else host_absent_since
        end
    where circle_id = circle
$$;

-- A push token is with whom it was registered last: the others lose it.
create function app_take_push_token(token text, device text) returns void
language sql security definer set search_path = public, pg_temp as $$
    delete from push_tokens
    where push_token = token and (uid, device_id) is distinct from (app_uid(), device)
$$;

-- Whether the circle is secret: kept with the seat, so that counting those of any other asks nothing
-- further. A circle that has seats is live, and its privacy does not change.
alter table seats add column is_secret boolean not null default false;
update seats set is_secret = app_is_secret(circle_id);

alter table circles enable row level security;
alter table invitations enable row level security;
alter table seats enable row level security;
alter table bans enable row level security;
alter table rsvps enable row level security;
alter table push_tokens enable row level security;
alter table user_reports enable row level security;
alter table moderation_audit enable row level security;

-- A secret circle is invisible to those outside.
create policy circles_seen on circles for select to circles_api using (
    privacy <> 'secret' or app_is_system() or host_uid = app_uid()
    or app_uid() = any (co_host_uids) or app_is_let_into(circle_id)
);
-- Who creates a circle is its host.
create policy circles_created on circles for insert to circles_api with check (
    host_uid = app_uid() and creator_uid = app_uid()
);
-- Every command locks its circle; who may change what in it is the trigger's to say.
create policy circles_changed on circles for update to circles_api using (
    privacy <> 'secret' or app_is_system() or host_uid = app_uid()
    or app_uid() = any (co_host_uids) or app_is_let_into(circle_id)
) with check (true);

-- Only the host and co-hosts change, start and end a circle; nobody makes themselves host.
create function guard_circle_description() returns trigger
language plpgsql as $$
begin
    if current_user <> 'circles_api' or app_is_system() then
        return new;
    end if;
    if new.host_uid is distinct from old.host_uid
        or new.creator_uid is distinct from old.creator_uid
        or app_uid() is null
        or not (app_uid() = old.host_uid or app_uid() = any (old.co_host_uids))
    then
        raise insufficient_privilege using
            message = format('%s may not change circle %s', app_uid(), old.circle_id);
    end if;
    return new;
end
$$;

create trigger circles_description_guard
before update on circles
for each row execute function guard_circle_description();

-- One's own invitations, and those of circles that one runs.
create policy invitations_seen on invitations for select to circles_api using (
    uid = app_uid() or app_is_system() or app_is_moderator(circle_id)
);
create policy invitations_made on invitations for insert to circles_api with check (
    app_is_system() or app_is_moderator(circle_id)
);
create policy invitations_dropped on invitations for delete to circles_api using (
    app_is_system() or app_is_moderator(circle_id)
);

-- Seats are seen with their circle, taken for oneself, and changed by their member and by
-- moderators; those whose lease has run out are anyone's to clear.
create policy seats_seen on seats for select to circles_api using (
    not is_secret or uid = app_uid() or app_is_system() or app_may_see(circle_id)
);
create policy seats_taken on seats for insert to circles_api with check (
    uid = app_uid() and is_secret = app_is_secret(circle_id)
);
create policy seats_changed on seats for update to circles_api using (
    uid = app_uid() or app_is_system() or app_is_moderator(circle_id)
);
create policy seats_vacated on seats for delete to circles_api using (
    uid = app_uid() or app_is_system() or app_is_moderator(circle_id)
    or lease_expires_at < now()
);

-- Bans are made by moderators, and known to them and to the banned.
create policy bans_seen on bans for select to circles_api using (
    uid = app_uid() or app_is_system() or app_is_moderator(circle_id)
);
create policy bans_made on bans for insert to circles_api with check (
    actor_uid = app_uid() and app_is_moderator(circle_id)
);

-- RSVPs, devices and reports are everyone's own.
create policy rsvps_own on rsvps to circles_api
    using (uid = app_uid()) with check (uid = app_uid() and app_may_see(circle_id));
create policy push_tokens_own on push_tokens to circles_api
    using (uid = app_uid()) with check (uid = app_uid());
create policy user_reports_seen on user_reports for select to circles_api using (
    reporter_uid = app_uid()
);
create policy user_reports_made on user_reports for insert to circles_api with check (
    reporter_uid = app_uid() and app_may_see(circle_id)
);
-- Nobody writes into the trail in another's name.
create policy moderation_audit_made on moderation_audit for insert to circles_api with check (
    actor_uid = app_uid() or app_is_system()
);

-- The system's own services work on every row that their grants reach.
create policy circles_system on circles to circles_jobs, circles_sfu using (true) with check (true);
create policy invitations_system on invitations to circles_jobs, circles_sfu
    using (true) with check (true);
create policy seats_system on seats to circles_jobs, circles_sfu using (true) with check (true);
create policy bans_system on bans for select to circles_jobs, circles_sfu using (true);
create policy rsvps_system on rsvps for select to circles_jobs, circles_sfu using (true);
create policy push_tokens_system on push_tokens to circles_jobs using (true);
create policy moderation_audit_system on moderation_audit for insert to circles_jobs, circles_sfu
    with check (true);
