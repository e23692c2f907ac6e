-- Analysts share the database with the circles that are live: a query of theirs ends after 30
-- seconds, and they have ten sessions at most.
--
-- A role's settings are those of who signs in: they hold for a session that takes the role on only
-- once it says `set statement_timeout`, so that each analyst signs in with a user of their own for
-- whom the same two lines are said.

do $$
begin
    -- Databases of one cluster may be migrated at the same time.
    perform pg_advisory_xact_lock(hashtext('circles roles'));
    alter role analyst connection limit 10;
    alter role analyst set statement_timeout = '30s';
    alter role analyst set idle_in_transaction_session_timeout = '60s';
    alter role analyst set default_transaction_read_only = on;
end
$$;
