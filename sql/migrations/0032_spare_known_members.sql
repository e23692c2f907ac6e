-- roll_up_members rewrote each member's row of known_members, and read all days of each, whenever
-- they came to a circle: what it cost grew with the days that they had been there.

-- Counts circles of members' days up or down. Several workers may do so for one member at a time:
-- each takes the member's row first, in the order of uids, and then sees what the others did.
create or replace function roll_up_members(uids text[], days date[], changes integer[])
returns void
language plpgsql set jit = off as $$
declare
    -- Whose first day is another one now.
    moved_uids text[];
begin
    with
    moved as (
        insert into known_members as known (uid, first_day)
        select uid, min(case when change > 0 then day else 'infinity' end)
        from unnest(uids, days, changes) as changed (uid, day, change)
        group by uid
        order by uid
        on conflict (uid) do update
        set first_day = excluded.first_day
        -- A row that stays as it is is locked all the same.
        where known.first_day > excluded.first_day
        returning known.uid
    )
    select array_agg(uid) into moved_uids from moved;

    insert into daily_members as stored (uid, day, circle_count, first_day)
    select uid, day, change, known.first_day
    from unnest(uids, days, changes) as changed (uid, day, change)
    join known_members as known using (uid)
    on conflict (uid, day) do update
    set circle_count = stored.circle_count + excluded.circle_count;

    -- Seldom: a late event took a stay back.
    if exists (select from unnest(changes) as change where change < 0) then
        delete from daily_members as stored
        using unnest(uids, days) as changed (uid, day)
        where stored.uid = changed.uid and stored.day = changed.day and circle_count = 0;

        with
        moved as (
            update known_members as known
            set first_day = left_days.first_day
            from (
                select changed.uid, min(stored.day) as first_day
                from (select distinct uid from unnest(uids) as touched (uid)) as changed
                join daily_members as stored using (uid)
                group by changed.uid
            ) as left_days
            where known.uid = left_days.uid and known.first_day <> left_days.first_day
            returning known.uid
        )
        select moved_uids || array_agg(uid) into moved_uids from moved;

        delete from known_members as known
        where uid = any (uids)
            and not exists (select from daily_members as stored where stored.uid = known.uid);
    end if;

    update daily_members as stored
    set first_day = known.first_day
    from known_members as known
    where known.uid = any (moved_uids) and stored.uid = known.uid
        and stored.first_day <> known.first_day;
end
$$;
