-- What the Jobs processes share: who does which job until when, and what became of the last run.

create table jobs (
    name text constraint jobs_pk primary key,
    interval_ms bigint not null,
    next_run_at timestamptz not null,
    lease_holder text,
    lease_expires_at timestamptz,
    -- Rises with each claim: who lost the lease cannot record a result.
    fence bigint not null default 0,
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_count bigint,
    last_detail text,
    last_error text,
    failure_count integer not null default 0,
    run_count bigint not null default 0
);

comment on table jobs is
    'One row per scheduled job. All times are by the clock of this database.';
comment on column jobs.interval_ms is 'From the begin of one run to the begin of the next.';
comment on column jobs.failure_count is 'Failed runs since the last good one.';

grant select, insert, update on jobs to circles_jobs;

-- What sweeps remove beside what commands do; to skip what is locked they lock it themselves.
grant select, update, delete on idempotency_keys, webhook_deliveries, media_connections
to circles_jobs;

-- Drops one UTC day of history, when it is older than `kept_days`. Partitions belong to the owner of
-- their parent, and so does this function; the lock is waited for so briefly that no writer feels
-- it, and who calls tries again later.
create function drop_history_partition(parent text, day date, kept_days integer) returns boolean
language plpgsql security definer
set search_path = public, pg_temp
set lock_timeout = '100ms' as $$
declare
    partition_name text := parent || '_' || to_char(day, 'YYYYMMDD');
begin
    if parent not in ('events', 'quality_samples') then
        raise exception 'no history: %', parent using errcode = 'invalid_parameter_value';
    end if;
    if kept_days < 30 then
        raise exception 'history is kept for 30 days at least'
            using errcode = 'invalid_parameter_value';
    end if;
    if day >= (now() at time zone 'UTC')::date - kept_days or to_regclass(partition_name) is null
    then
        return false;
    end if;
    execute format('drop table %I', partition_name);
    return true;
end
$$;

revoke execute on function drop_history_partition from public;
grant execute on function drop_history_partition to circles_jobs;

-- The days that have a partition.
create function history_days(parent text) returns setof date
language sql stable security definer set search_path = public, pg_temp as $$
    select to_date(right(child.relname, 8), 'YYYYMMDD')
    from pg_inherits
    join pg_class as child on child.oid = pg_inherits.inhrelid
    where pg_inherits.inhparent = parent::regclass
        and child.relname ~ ('^' || parent || '_[0-9]{8}$')
$$;
