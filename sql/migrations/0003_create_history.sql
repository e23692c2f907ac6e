-- Every accepted event with its original bytes, by day.

create table events (
    circle_id uuid not null,
    circle_seq bigint not null,
    occurred_at timestamptz not null,
    event_id uuid not null,
    event_type text not null,
    source text not null,
    source_epoch bigint not null,
    source_seq bigint not null,
    uid text,
    session_id uuid,
    actor_uid text,
    role text,
    reason text,
    record bytea not null,
    constraint events_pk primary key (circle_id, circle_seq, occurred_at)
) partition by range (occurred_at);

comment on table events is 'History: one row per event, gap-free circle_seq per circle.';
comment on column events.circle_seq is 'Order of acceptance in the circle: 1, 2, 3 … without a gap.';
comment on column events.record is 'The event as its source encoded it.';

-- Makes the partition of one UTC day unless it is there. Attaching, unlike creating in place,
-- does not lock readers and writers of the other days out.
create function ensure_history_partition(parent text, day date) returns void
language plpgsql as $$
declare
    partition_name text := parent || '_' || to_char(day, 'YYYYMMDD');
begin
    if to_regclass(partition_name) is not null then
        return;
    end if;
    -- One lock for all days: two transactions that need the same days in another order wait
    -- for each other here, once, and not crosswise.
    perform pg_advisory_xact_lock(hashtext('history of ' || parent));
    -- to_regclass may still remember that there was none; a query sees what has been committed.
    if exists (
        select
        from pg_class
        where relname = partition_name
            and relnamespace = (
                select relnamespace from pg_class where oid = parent::regclass
            )
    ) then
        return;
    end if;
    execute format('create table %I (like %I including defaults including constraints)',
        partition_name, parent);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent, partition_name,
        day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
end
$$;

-- Makes the partitions from `first_day` on for `day_count` days.
create function ensure_history_partitions(parent text, first_day date, day_count integer)
returns void
language sql as $$
    select ensure_history_partition(parent, first_day + day_offset)
    from generate_series(0, day_count - 1) as day_offset
$$;
