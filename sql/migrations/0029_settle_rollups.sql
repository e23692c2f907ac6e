-- How the rollups of the migration before are unmade and made.

-- Each of these marks keys and takes their settled rows away. Who writes rows calls it in the same
-- transaction. A mark that it holds is not settled before those rows are there; one that was being
-- settled just now is gone by then, and made anew.

create function unsettle_quality_days(circles uuid[], days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct circle_id, day from unnest(circles, days) as touched (circle_id, day)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into quality_days_unsettled (circle_id, day)
        select distinct circle_id, day from unnest(circles, days) as touched (circle_id, day) order by circle_id, day
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from quality_days_unsettled
            where (circle_id, day) in (select circle_id, day from unnest(circles, days) as touched (circle_id, day))
            order by circle_id, day
            for key share
        ) as held;
    end loop;
    delete from quality_days as settled
    using unnest(circles, days) as touched (circle_id, day)
    where settled.circle_id = touched.circle_id and settled.day = touched.day;
end
$$;

create function unsettle_join_days(days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct day from unnest(days) as touched (day)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into join_days_unsettled (day)
        select distinct day from unnest(days) as touched (day) order by day
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from join_days_unsettled
            where (day) in (select day from unnest(days) as touched (day))
            order by day
            for key share
        ) as held;
    end loop;
    delete from join_days as settled
    using unnest(days) as touched (day)
    where settled.day = touched.day;
end
$$;

create function unsettle_request_days(days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct day from unnest(days) as touched (day)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into request_days_unsettled (day)
        select distinct day from unnest(days) as touched (day) order by day
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from request_days_unsettled
            where (day) in (select day from unnest(days) as touched (day))
            order by day
            for key share
        ) as held;
    end loop;
    delete from request_days as settled
    using unnest(days) as touched (day)
    where settled.day = touched.day;
end
$$;

create function unsettle_day_sums(days date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct day from unnest(days) as touched (day)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into day_sums_unsettled (day)
        select distinct day from unnest(days) as touched (day) order by day
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from day_sums_unsettled
            where (day) in (select day from unnest(days) as touched (day))
            order by day
            for key share
        ) as held;
    end loop;
    delete from day_sums as settled
    using unnest(days) as touched (day)
    where settled.day = touched.day;
end
$$;

create function unsettle_category_weeks(weeks date[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct week from unnest(weeks) as touched (week)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into category_weeks_unsettled (week)
        select distinct week from unnest(weeks) as touched (week) order by week
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from category_weeks_unsettled
            where (week) in (select week from unnest(weeks) as touched (week))
            order by week
            for key share
        ) as held;
    end loop;
    delete from category_weeks as settled
    using unnest(weeks) as touched (week)
    where settled.week = touched.week;
end
$$;

create function unsettle_host_sums(hosts text[]) returns void
language plpgsql set jit = off as $$
declare
    touched_count bigint := (
        select count(*)
        from (select distinct host_uid from unnest(hosts) as touched (host_uid)) as distinct_touched
    );
    held_count bigint := 0;
begin
    while held_count < touched_count loop
        insert into host_sums_unsettled (host_uid)
        select distinct host_uid from unnest(hosts) as touched (host_uid) order by host_uid
        on conflict do nothing;
        select count(*) into held_count
        from (
            select
            from host_sums_unsettled
            where (host_uid) in (select host_uid from unnest(hosts) as touched (host_uid))
            order by host_uid
            for key share
        ) as held;
    end loop;
    delete from host_sums as settled
    using unnest(hosts) as touched (host_uid)
    where settled.host_uid = touched.host_uid;
end
$$;

-- Of circles that are about to change: by what their rows say and by what they are going to.
create function unsettle_sessions(circles uuid[], hosts text[], weeks date[]) returns void
language plpgsql set jit = off as $$
begin
    perform unsettle_host_sums(array(
        select host_uid
        from circle_sessions
        where circle_id = any (circles) and started_at is not null
        union
        select unnest(hosts)
    ));
    perform unsettle_category_weeks(array(
        select date_trunc('week', started_at at time zone 'UTC')::date
        from circle_sessions
        where circle_id = any (circles) and started_at is not null
        union
        select unnest(weeks)
    ));
end
$$;

-- Of circles some of whose rows are about to go.
create function unsettle_stored_circles(circles uuid[]) returns void
language plpgsql set jit = off as $$
begin
    perform unsettle_join_days(array(
        select distinct (joined_at at time zone 'UTC')::date
        from attendances
        where circle_id = any (circles)
    ));
    perform unsettle_request_days(array(
        select (raised_at at time zone 'UTC')::date from hand_raises where circle_id = any (circles)
        union
        select (invited_at at time zone 'UTC')::date
        from stage_invitations
        where circle_id = any (circles)
    ));
    perform unsettle_day_sums(array(
        select distinct day from circle_days where circle_id = any (circles)
    ));
end
$$;

-- Settles keys of one rollup that are at rest; returns how many.
--
-- `at_rest`: of the marks, with `$1` for the time.
create function settle(rollup text, at_rest text, at timestamptz, count_max integer)
returns integer
language plpgsql set jit = off as $$
declare
    keys text := (
        select string_agg('marks.' || quote_ident(attname), ', ' order by attnum)
        from pg_attribute
        where attrelid = (rollup || '_unsettled')::regclass and attnum > 0 and not attisdropped
    );
    settled tid[];
begin
    -- First the locks, then, in a statement of its own, a look at what their former holders wrote.
    execute format(
        'select array_agg(place) from (select marks.ctid as place from %1$I as marks where %2$s '
        'limit $2 for update skip locked) as locked',
        rollup || '_unsettled', at_rest
    ) into settled using at, count_max;
    if settled is null then
        return 0;
    end if;
    execute format(
        'insert into %1$I select computed.* from %2$I as marks '
        'cross join lateral %3$I(%4$s) as computed where marks.ctid = any ($1)',
        rollup, rollup || '_unsettled', rollup || '_of', keys
    ) using settled;
    execute format('delete from %1$I where ctid = any ($1)', rollup || '_unsettled')
        using settled;
    return cardinality(settled);
end
$$;

create function settle_quality_days(at timestamptz, count_max integer) returns integer
language sql as $$
    select settle(
        'quality_days',
        'not exists (select from quality_cursors as cursors '
        'where cursors.circle_id = marks.circle_id '
        'and last_sampled_at > $1 - interval ''10 minutes'')',
        at, count_max
    )
$$;

-- Settles some of what is at rest at a time: days an hour after their end, circles and hosts ten
-- minutes after the last sample and the end of the last circle. Returns how many.
create function settle_rollups(at timestamptz, count_max integer) returns integer
language sql as $$
    select
        settle_quality_days(at, count_max)
        + settle(
            'host_sums',
            'not exists (select from circle_sessions as circles '
            'where circles.host_uid = marks.host_uid and started_at is not null '
            'and (ended_at is null or ended_at > $1 - interval ''10 minutes''))',
            at, count_max
        )
        + settle(
            'join_days', 'day < (($1 - interval ''1 hour'') at time zone ''UTC'')::date', at, 1
        )
        + settle(
            'request_days', 'day < (($1 - interval ''1 hour'') at time zone ''UTC'')::date', at, 1
        )
        + settle(
            'day_sums', 'day < (($1 - interval ''1 hour'') at time zone ''UTC'')::date', at, 1
        )
        + settle(
            'category_weeks',
            'week + 7 <= (($1 - interval ''1 hour'') at time zone ''UTC'')::date', at, 1
        )
$$;

-- Of everything that is stored.
create function unsettle_all() returns void
language plpgsql set jit = off as $$
begin
    perform unsettle_quality_days(array_agg(circle_id), array_agg(day))
    from (
        select distinct circle_id, (minute_at at time zone 'UTC')::date as day
        from quality_minutes
    ) as days;
    perform unsettle_folds();
end
$$;

-- Of what is a fold over events.
create function unsettle_folds() returns void
language plpgsql set jit = off as $$
begin
    delete from join_days;
    delete from request_days;
    delete from day_sums;
    delete from category_weeks;
    delete from host_sums;
    perform unsettle_join_days(days), unsettle_day_sums(days)
    from (select array(select distinct day from circle_days) as days) as all_days;
    perform unsettle_request_days(array(
        select (raised_at at time zone 'UTC')::date from hand_raises
        union
        select (invited_at at time zone 'UTC')::date from stage_invitations
    ));
    perform unsettle_category_weeks(array(
        select distinct date_trunc('week', started_at at time zone 'UTC')::date
        from circle_sessions
        where started_at is not null
    ));
    perform unsettle_host_sums(array(
        select distinct host_uid from circle_sessions where started_at is not null
    ));
end
$$;

grant select, insert, update, delete on
    quality_days, quality_days_unsettled, join_days, join_days_unsettled, request_days,
    request_days_unsettled, day_sums, day_sums_unsettled, category_weeks,
    category_weeks_unsettled, host_sums, host_sums_unsettled
to circles_ingest;
grant select on
    quality_days, quality_days_unsettled, join_days, join_days_unsettled, request_days,
    request_days_unsettled, day_sums, day_sums_unsettled, category_weeks,
    category_weeks_unsettled, host_sums, host_sums_unsettled
to analyst;

select unsettle_all();

-- The stretch of days that rsvp_conversion is asked for.
create index circle_sessions_begin_idx
    on circle_sessions ((coalesce(scheduled_at, started_at, created_at)));

-- Compiling queries of reports takes longer than running them.
do $$
begin
    execute format('alter database %I set jit = off', current_database());
end
$$;
