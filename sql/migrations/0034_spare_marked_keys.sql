-- What unsettle_<rollup> of migration 0029 does for a key that is marked already, as nearly all are:
-- it holds the mark, and no more. Who inserted the mark took the settled row away in the same
-- transaction, and who settles it deletes the mark in theirs: beside a mark there is no settled row.
--
-- The plans are kept, and made for tables that may have grown since.

do $migration$
declare
    definition constant text := $definition$
        create or replace function unsettle_%1$s(%2$s) returns void
        language plpgsql
        set jit = off set plan_cache_mode = force_generic_plan set enable_seqscan = off as $body$
        declare
            touched_count bigint := (
                select count(*) from (select distinct %4$s from unnest(%3$s) as touched (%4$s)) as distinct_touched
            );
            held_count bigint;
            is_marked_before boolean := true;
        begin
            loop
                select count(*) into held_count
                from (
                    select
                    from %1$s_unsettled
                    where (%4$s) in (select %4$s from unnest(%3$s) as touched (%4$s))
                    order by %4$s
                    for key share
                ) as held;
                exit when held_count >= touched_count;
                -- One that was being settled just now is gone by then, and made anew.
                is_marked_before := false;
                insert into %1$s_unsettled (%4$s)
                select distinct %4$s from unnest(%3$s) as touched (%4$s) order by %4$s
                on conflict do nothing;
            end loop;
            if not is_marked_before then
                delete from %1$s as settled
                using unnest(%3$s) as touched (%4$s)
                where (%5$s) = (%6$s);
            end if;
        end
        $body$
    $definition$;
    rollup record;
begin
    for rollup in
        select name, parameters, arguments, columns,
            regexp_replace(columns, '(\w+)', 'settled.\1', 'g') as settled_columns,
            regexp_replace(columns, '(\w+)', 'touched.\1', 'g') as touched_columns
        from (
            values
            ('quality_days', 'circles uuid[], days date[]', 'circles, days', 'circle_id, day'),
            ('join_days', 'days date[]', 'days', 'day'),
            ('request_days', 'days date[]', 'days', 'day'),
            ('day_sums', 'days date[]', 'days', 'day'),
            ('category_weeks', 'weeks date[]', 'weeks', 'week'),
            ('host_sums', 'hosts text[]', 'hosts', 'host_uid')
        ) as rollups (name, parameters, arguments, columns)
    loop
        execute format(
            definition, rollup.name, rollup.parameters, rollup.arguments, rollup.columns,
            rollup.settled_columns, rollup.touched_columns
        );
    end loop;
end
$migration$;

-- Looks once at what the circles' rows say.
create or replace function unsettle_sessions(circles uuid[], hosts text[], weeks date[])
returns void
language plpgsql
set jit = off set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    stored_hosts text[];
    stored_weeks date[];
begin
    select
        array_agg(distinct host_uid),
        array_agg(distinct date_trunc('week', started_at at time zone 'UTC')::date)
    into stored_hosts, stored_weeks
    from circle_sessions
    where circle_id = any (circles) and started_at is not null;
    perform unsettle_host_sums(stored_hosts || hosts);
    perform unsettle_category_weeks(stored_weeks || weeks);
end
$$;
