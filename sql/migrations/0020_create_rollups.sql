-- What reports read instead of history: rows per minute and per day that Ingest keeps in the
-- transaction that stores the events. All of it is a function of the set of events, as the tables
-- before are.

-- Part one: folds that Ingest computes itself.

alter table hand_raises add column spoke_at timestamptz;
comment on column hand_raises.spoke_at is
    'When the member first began to speak after this hand brought them onto the stage.';

alter table attendances add column connected_at timestamptz;
comment on column attendances.connected_at is 'When a node first had the session''s media.';

create table stage_invitations (
    circle_id uuid not null,
    session_id uuid not null,
    -- 1 for the session's first.
    invite_number integer not null,
    uid text not null,
    actor_uid text not null,
    invited_at timestamptz not null,
    answered_at timestamptz,
    answer text constraint stage_invitations_answer_check
        check (answer in ('accepted', 'declined', 'left')),
    spoke_at timestamptz,
    constraint stage_invitations_pk primary key (circle_id, session_id, invite_number)
);

comment on table stage_invitations is
    'Every invitation onto the stage; answered_at is null while it is open.';
comment on column stage_invitations.spoke_at is
    'When the member first began to speak after they accepted.';

create index stage_invitations_time_idx on stage_invitations (invited_at);
create index hand_raises_time_idx on hand_raises (raised_at);

create table circle_rsvps (
    circle_id uuid not null,
    uid text not null,
    made_at timestamptz not null,
    withdrawn_at timestamptz,
    constraint circle_rsvps_pk primary key (circle_id, uid)
);

comment on table circle_rsvps is
    'Who meant to come to a circle, those who thought better of it included.';
comment on column circle_rsvps.made_at is 'When they last said so.';
comment on column circle_rsvps.withdrawn_at is 'When they thought better of it; null if they did not.';

create index circle_rsvps_time_idx on circle_rsvps (made_at);

create table talk_minutes (
    circle_id uuid not null,
    session_id uuid not null,
    minute_at timestamptz not null,
    uid text not null,
    talk_us bigint not null,
    constraint talk_minutes_pk primary key (circle_id, session_id, minute_at)
);

comment on table talk_minutes is
    'Microseconds of speech of a member session in each minute in which it spoke: attendances.talk_us by minutes.';
comment on column talk_minutes.minute_at is
    'Begin of the minute. A session''s 2,880th minute takes in what comes after it.';

-- Part two: sums over attendances. Each has one definition, a function named <table>_of, by which
-- Ingest writes it and `circles verify` checks it.

create table circle_minutes (
    circle_id uuid not null,
    minute_at timestamptz not null,
    listeners integer not null,
    speakers integer not null,
    joins integer not null,
    leaves integer not null,
    leaves_by_end integer not null,
    constraint circle_minutes_pk primary key (circle_id, minute_at)
);

comment on table circle_minutes is
    'A circle''s minutes from its first join to the last change of who is inside: exactly what circle_minutes_of says over attendances. A circle that is older than two days gets no further minutes.';
comment on column circle_minutes.minute_at is 'Begin of the minute.';
comment on column circle_minutes.listeners is 'In the audience at the end of the minute.';
comment on column circle_minutes.speakers is
    'On stage at the end of the minute: speakers, co-hosts, hosts.';
comment on column circle_minutes.joins is 'Stays that began in the minute.';
comment on column circle_minutes.leaves is 'Stays that ended in the minute, for whatever reason.';
comment on column circle_minutes.leaves_by_end is 'Of these, how many because the circle ended.';

-- Sums over all circles of a stretch of time never look at the table itself.
create index circle_minutes_time_idx on circle_minutes (minute_at)
    include (listeners, speakers, joins, leaves, circle_id);

create table circle_day_members (
    circle_id uuid not null,
    day date not null,
    uid text not null,
    stay_count integer not null,
    participant_us bigint not null,
    constraint circle_day_members_pk primary key (circle_id, day, uid)
);

comment on table circle_day_members is
    'Who was in a circle on a UTC day: exactly what circle_day_members_of says over attendances.';
comment on column circle_day_members.stay_count is
    'Stays that touch the day; one that is not over counts on the day it began.';
comment on column circle_day_members.participant_us is
    'Time inside on that day in stays that are over, microseconds. A stay''s third day takes in what comes after it.';

create table circle_days (
    circle_id uuid not null,
    day date not null,
    member_count integer not null,
    stay_count integer not null,
    participant_us bigint not null,
    constraint circle_days_pk primary key (circle_id, day)
);

comment on table circle_days is 'circle_day_members, summed over members.';

create index circle_days_day_idx on circle_days (day) include (stay_count, participant_us);

create table known_members (
    uid text constraint known_members_pk primary key,
    first_day date not null
);

comment on table known_members is
    'Everyone who was ever in a circle, with their first day. Who changes the days of a member locks their row first.';

create table daily_members (
    uid text not null,
    day date not null,
    circle_count integer not null,
    first_day date not null,
    constraint daily_members_pk primary key (uid, day)
);

comment on table daily_members is 'Who was in any circle on a UTC day: circle_day_members, summed over circles.';
comment on column daily_members.circle_count is 'In how many circles.';
comment on column daily_members.first_day is 'As in known_members.';

create index daily_members_day_idx on daily_members (day);
-- What retention counts: the days on which a cohort is looked at again.
create index daily_members_cohort_idx on daily_members (first_day, day)
    where day - first_day in (0, 1, 7, 30);

-- A circle's minutes from `first_at`, a full minute, on. Nothing that happened at or after it
-- changes an earlier one.
create function circle_minutes_of(circle uuid, first_at timestamptz)
returns setof circle_minutes
language sql stable as $$
    with
    stays as materialized (
        select joined_at, left_at, leave_reason, first_role, last_role, roles
        from attendances
        where circle_id = circle
    ),
    steps as (
        select
            joined_at as step_at, 1 as joins, 0 as leaves, 0 as leaves_by_end,
            (first_role = 'listener')::integer as listeners,
            (first_role <> 'listener')::integer as speakers
        from stays
        union all
        select
            left_at, 0, 1, (leave_reason = 'circleEnded')::integer,
            -(last_role = 'listener')::integer, -(last_role <> 'listener')::integer
        from stays
        where left_at is not null
        union all
        select
            to_timestamp(0) + (roles -> changes.place ->> 'at')::bigint * interval '1 microsecond',
            0, 0, 0,
            (roles -> changes.place ->> 'role' = 'listener')::integer
                - (roles -> changes.place - 1 ->> 'role' = 'listener')::integer,
            (roles -> changes.place ->> 'role' <> 'listener')::integer
                - (roles -> changes.place - 1 ->> 'role' <> 'listener')::integer
        from stays
        cross join lateral generate_series(1, jsonb_array_length(roles) - 1) as changes (place)
        where jsonb_array_length(roles) > 1
    ),
    stepped as (
        select
            date_trunc('minute', step_at, 'UTC') as minute_at,
            sum(joins) as joins, sum(leaves) as leaves, sum(leaves_by_end) as leaves_by_end,
            sum(listeners) as listeners, sum(speakers) as speakers
        from steps
        group by 1
    ),
    bounds as (
        select min(minute_at) as begin_at, max(minute_at) as end_at from stepped
    ),
    former as (
        select coalesce(sum(listeners), 0) as listeners, coalesce(sum(speakers), 0) as speakers
        from stepped
        where minute_at < first_at
    )
    select
        circle, minutes.minute_at,
        (former.listeners + coalesce(sum(stepped.listeners) over earlier, 0))::integer,
        (former.speakers + coalesce(sum(stepped.speakers) over earlier, 0))::integer,
        coalesce(stepped.joins, 0)::integer,
        coalesce(stepped.leaves, 0)::integer,
        coalesce(stepped.leaves_by_end, 0)::integer
    from bounds
    cross join former
    cross join lateral generate_series(
        greatest(begin_at, first_at), least(end_at, begin_at + interval '2879 minutes'),
        interval '1 minute'
    ) as minutes (minute_at)
    left join stepped on stepped.minute_at = minutes.minute_at
    window earlier as (order by minutes.minute_at)
$$;

-- A circle's rows: all, or those of some members.
create function circle_day_members_of(circle uuid, only_uids text[] default null)
returns setof circle_day_members
language sql stable as $$
    with
    stays as (
        select
            uid, joined_at, coalesce(left_at, joined_at) as left_at,
            (joined_at at time zone 'UTC')::date as first_day,
            -- A stay that ends at midnight does not touch the day that begins then.
            least(
                greatest(
                    ((coalesce(left_at, joined_at) - interval '1 microsecond')
                        at time zone 'UTC')::date,
                    (joined_at at time zone 'UTC')::date
                ),
                (joined_at at time zone 'UTC')::date + 2
            ) as last_day
        from attendances
        where circle_id = circle and (only_uids is null or uid = any (only_uids))
    ),
    days as (
        select
            uid, first_day + place as day,
            case
                when place = 0 then joined_at
                else (first_day + place)::timestamp at time zone 'UTC'
            end as begin_at,
            case
                when first_day + place = last_day then left_at
                else (first_day + place + 1)::timestamp at time zone 'UTC'
            end as end_at
        from stays
        cross join lateral generate_series(0, last_day - first_day) as place
    )
    select
        circle, day, uid, count(*)::integer,
        sum(round(extract(epoch from end_at - begin_at) * 1000000))::bigint
    from days
    group by day, uid
$$;

-- Makes the rows of these circles what their attendances say now.
--
-- `changed_ats`: for each circle, the time of the earliest event since the last time.
-- `member_circles`, `member_uids`: whose stays have changed; a circle that is in none of these pairs
-- is looked at as a whole.
--
-- Compiling these queries takes longer than running them.
create function roll_up_circles(
    circles uuid[], changed_ats timestamptz[], member_circles uuid[], member_uids text[]
) returns void
language plpgsql set jit = off as $$
declare
    changed_uids text[];
    changed_days date[];
    changes integer[];
begin
    delete from circle_minutes as stored
    using unnest(circles, changed_ats) as touched (circle_id, changed_at)
    where stored.circle_id = touched.circle_id
        and stored.minute_at >= date_trunc('minute', changed_at, 'UTC');

    insert into circle_minutes (
        circle_id, minute_at, listeners, speakers, joins, leaves, leaves_by_end
    )
    select
        computed.circle_id, minute_at, listeners, speakers, joins, leaves, leaves_by_end
    from unnest(circles) as touched (circle_id)
    -- From the minute after those that stay: quiet ones before the change are new as well.
    cross join lateral (
        select coalesce(max(minute_at) + interval '1 minute', '-infinity') as first_at
        from circle_minutes as kept
        where kept.circle_id = touched.circle_id
    ) as kept
    cross join lateral circle_minutes_of(touched.circle_id, kept.first_at) as computed;

    with
    touched as materialized (
        select circle_id, array_agg(distinct uid) filter (where uid is not null) as only_uids
        from unnest(circles) as changed (circle_id)
        left join unnest(member_circles, member_uids) as members (circle_id, uid)
            using (circle_id)
        group by circle_id
    ),
    computed as materialized (
        select rows.circle_id, day, uid, stay_count, participant_us
        from touched
        cross join lateral circle_day_members_of(touched.circle_id, only_uids) as rows
    ),
    stored as materialized (
        select rows.circle_id, day, uid, stay_count, participant_us
        from touched
        join circle_day_members as rows using (circle_id)
        where only_uids is null or uid = any (only_uids)
    ),
    removed as (
        delete from circle_day_members as former
        using (
            select circle_id, day, uid from stored
            except
            select circle_id, day, uid from computed
        ) as gone
        where former.circle_id = gone.circle_id and former.day = gone.day
            and former.uid = gone.uid
        returning former.day, former.uid
    ),
    written as (
        insert into circle_day_members as former (
            circle_id, day, uid, stay_count, participant_us
        )
        select circle_id, day, uid, stay_count, participant_us
        from (table computed except table stored) as different
        on conflict (circle_id, day, uid) do update
        set stay_count = excluded.stay_count, participant_us = excluded.participant_us
    ),
    added as (
        select computed.day, computed.uid
        from computed
        left join stored using (circle_id, day, uid)
        where stored.circle_id is null
    ),
    summed as (
        select uid, day, sum(change) as change
        from (
            select uid, day, 1 as change from added
            union all
            select uid, day, -1 from removed
        ) as all_changes
        group by uid, day
        having sum(change) <> 0
    )
    select
        array_agg(uid order by uid, day), array_agg(day order by uid, day),
        array_agg(change order by uid, day)
    into changed_uids, changed_days, changes
    from summed;

    delete from circle_days as stored
    using unnest(circles) as touched (circle_id)
    where stored.circle_id = touched.circle_id
        and not exists (
            select
            from circle_day_members as members
            where members.circle_id = stored.circle_id and members.day = stored.day
        );

    insert into circle_days as stored (circle_id, day, member_count, stay_count, participant_us)
    select
        circle_id, day, count(*)::integer, sum(stay_count)::integer, sum(participant_us)::bigint
    from circle_day_members
    where circle_id = any (circles)
    group by circle_id, day
    on conflict (circle_id, day) do update
    set
        member_count = excluded.member_count, stay_count = excluded.stay_count,
        participant_us = excluded.participant_us
    where (stored.member_count, stored.stay_count, stored.participant_us)
        <> (excluded.member_count, excluded.stay_count, excluded.participant_us);

    if changed_uids is not null then
        perform roll_up_members(changed_uids, changed_days, changes);
    end if;
end
$$;

-- Counts circles of members' days up or down. Several workers may do so for one member at a time:
-- each takes the member's row first, in the order of uids, and then sees what the others did.
create function roll_up_members(uids text[], days date[], changes integer[]) returns void
language plpgsql set jit = off as $$
begin
    insert into known_members as known (uid, first_day)
    select uid, min(case when change > 0 then day else 'infinity' end)
    from unnest(uids, days, changes) as changed (uid, day, change)
    group by uid
    order by uid
    on conflict (uid) do update
    set first_day = least(known.first_day, excluded.first_day);

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

        update known_members as known
        set first_day = left_days.first_day
        from (
            select changed.uid, min(stored.day) as first_day
            from (select distinct uid from unnest(uids) as touched (uid)) as changed
            join daily_members as stored using (uid)
            group by changed.uid
        ) as left_days
        where known.uid = left_days.uid and known.first_day <> left_days.first_day;

        delete from known_members as known
        where uid = any (uids)
            and not exists (select from daily_members as stored where stored.uid = known.uid);
    end if;

    update daily_members as stored
    set first_day = known.first_day
    from known_members as known
    where known.uid = any (uids) and stored.uid = known.uid
        and stored.first_day <> known.first_day;
end
$$;

grant select, insert, update, delete on
    stage_invitations, circle_rsvps, talk_minutes, circle_minutes, circle_day_members,
    circle_days, known_members, daily_members
to circles_ingest;
grant select on
    stage_invitations, circle_rsvps, talk_minutes, circle_minutes, circle_day_members,
    circle_days, daily_members
to analyst;

-- What is stored already. The tables of part one come with `circles replay --swap`.
select roll_up_circles(
    array_agg(circle_id), array_agg(timestamptz '-infinity'), '{}', '{}'
)
from (select distinct circle_id from attendances) as stored;
