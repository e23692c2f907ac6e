-- Analysts share the database with the circles that are live: a query of theirs ends after 30
-- seconds, they have ten sessions at most, and they write nothing.
--
-- Settings of a role hold for who signs in as it. A user of their own that is a member of it needs
-- the same lines.

do $$
begin
    -- Roles belong to the cluster, whose databases may be migrated at the same time: who comes
    -- second is refused, and finds it done.
    for attempt in 1 .. 20 loop
        if exists (
            select
            from pg_roles
            where rolname = 'analyst' and rolconnlimit = 10
                and rolconfig @> array[
                    'statement_timeout=30s', 'idle_in_transaction_session_timeout=60s',
                    'default_transaction_read_only=on'
                ]
        ) then
            return;
        end if;
        begin
            alter role analyst connection limit 10;
            alter role analyst set statement_timeout = '30s';
            alter role analyst set idle_in_transaction_session_timeout = '60s';
            alter role analyst set default_transaction_read_only = 'on';
            return;
        exception
            -- "tuple concurrently updated" has no code of its own.
            when internal_error then
                if attempt = 20 then
                    raise;
                end if;
                perform pg_sleep(0.05);
        end;
    end loop;
end
$$;
