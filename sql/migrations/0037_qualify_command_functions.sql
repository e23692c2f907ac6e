-- These two run in every command's transaction. A `set search_path` of their own, which keeps the
-- caller from putting other tables and operators before ours, costs a fifth of their time: their
-- names say themselves now where they are.

create or replace function app_is_secret(circle uuid) returns boolean
language plpgsql stable security definer as $$
begin
    return (
        select privacy::text operator(pg_catalog.=) 'secret'
        from public.circles
        where circles.circle_id operator(pg_catalog.=) circle
    );
end
$$;

create or replace function app_number_events(
    circle uuid, last_seq bigint, last_at timestamptz, host_presence text, command_at timestamptz
) returns void
language plpgsql security definer as $$
begin
    update public.circles
    set
        event_seq = last_seq,
        last_event_at = last_at,
        host_absent_since = case
            when host_presence operator(pg_catalog.=) 'gone' then command_at
            when host_presence operator(pg_catalog.=) 'back' then null
            else host_absent_since
        end
    where circle_id operator(pg_catalog.=) circle;
end
$$;

-- It makes tables with its owner's rights, and looked for their parents where its caller said.
alter function ensure_history_partition(text, date) set search_path = public, pg_temp;
