-- The statements of `GET /v1/circles`, as CircleStore sends them: in one round trip, which is one
-- transaction.
\set number random(1, 2000000000)
\startpipeline
select set_config('circles.uid', 'p' || :number, true);
select
    circles.circle_id, title, category, privacy, host_uid, co_host_uids, cover_url, start_at,
    duration_min, max_speakers, max_listeners, mic_policy, status, circles.created_at, started_at,
    ended_at, version, occupancy.listener_count, occupancy.speaker_count
from (
    select *
    from circles
    where (
        privacy <> 'secret'
        or host_uid = 'p' || :number
        or 'p' || :number = any (co_host_uids)
        or exists (
            select from invitations
            where invitations.circle_id = circles.circle_id and invitations.uid = 'p' || :number
        )
    )
    order by start_at desc, circle_id desc
    limit 21
) as circles
cross join lateral (
    select
        count(*) filter (where role = 'listener') as listener_count,
        count(*) filter (where role <> 'listener') as speaker_count
    from seats
    where seats.circle_id = circles.circle_id
) as occupancy
order by start_at desc, circles.circle_id desc;
\endpipeline
