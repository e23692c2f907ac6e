-- What commands and the directory cost the server.

-- A page of the directory read every circle that there ever was and counted the seats of each.
create index circles_start_idx on circles (start_at desc, circle_id desc);

-- PostgreSQL parses and plans a function in SQL anew in each statement that calls it, unless it can
-- put its text in place; these it cannot, because they run with their owner's rights. It keeps the
-- plans of PL/pgSQL for the session. The bodies are those of 0013.
create or replace function app_is_let_into(circle uuid) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return exists (
        select from invitations
        where invitations.circle_id = circle and invitations.uid = app_uid()
    )
    or exists (select from seats where seats.circle_id = circle and seats.uid = app_uid());
end
$$;

create or replace function app_is_moderator(circle uuid) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return exists (
        select
        from circles
        where circles.circle_id = circle
            and (host_uid = app_uid() or app_uid() = any (co_host_uids))
    );
end
$$;

create or replace function app_may_see(circle uuid) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return exists (
        select
        from circles
        where circles.circle_id = circle
            and (
                privacy <> 'secret' or host_uid = app_uid() or app_uid() = any (co_host_uids)
                or app_is_let_into(circle)
            )
    );
end
$$;

create or replace function app_is_secret(circle uuid) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
    return (select privacy = 'secret' from circles where circles.circle_id = circle);
end
$$;

create or replace function app_number_events(
    circle uuid, last_seq bigint, last_at timestamptz, host_presence text, command_at timestamptz
) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update circles
    set
        event_seq = last_seq,
        last_event_at = last_at,
        host_absent_since = case host_presence
            when 'gone' then command_at
            when 'back' then null
            else host_absent_since
        end
    where circle_id = circle;
end
$$;

-- The guard looks at the API alone; numbering events runs with the owner's rights.
drop trigger circles_description_guard on circles;
create trigger circles_description_guard
before update on circles
for each row when (current_user = 'circles_api')
execute function guard_circle_description();
