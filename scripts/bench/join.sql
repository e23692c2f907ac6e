-- The statements of `POST /v1/circles/{id}/join` for a listener, in their order, as CircleStore sends
-- them. Run by pgbench with -M prepared; `circle_count` circles are there. CircleStore needs two round
-- trips; these are three, because pgbench cannot use what a pipeline returned.
\set circle random(1, :circle_count)
\set number random(1, 2000000000)
\startpipeline
begin;
select set_config('circles.uid', 'p' || :client_id || '-' || :number, true);
\endpipeline
select
    circles.circle_id, title, category, privacy, host_uid, co_host_uids, cover_url, start_at,
    duration_min, max_speakers, max_listeners, mic_policy, status, circles.created_at, started_at,
    ended_at, version, event_seq, last_event_at
from circles
where circle_id = bench_circle(:circle)
for update \gset
\startpipeline
select
    uid, session_id, role, is_muted, hand_raised_at, joined_at, lease_expires_at, device_id,
    invited_at, invited_by_uid
from seats
where circle_id = :circle_id::uuid and uid = 'p' || :client_id || '-' || :number;
select 1::int8 from bans
where circle_id = :circle_id::uuid and uid = 'p' || :client_id || '-' || :number;
select
    count(*) filter (where role = 'listener'),
    count(*) filter (where role in ('speaker', 'coHost'))
from seats
where circle_id = :circle_id::uuid;
select
    sfu_nodes.node_id, url, is_draining, circle_placements.circle_id is not null
from sfu_nodes
left join circle_placements
    on circle_placements.node_id = sfu_nodes.node_id
    and circle_placements.circle_id = :circle_id::uuid
where stopped_at is null and heartbeat_at >= now() - interval '10 seconds' and url <> '';
insert into seats (
    circle_id, uid, session_id, role, is_muted, hand_raised_at, joined_at, lease_expires_at,
    device_id, is_secret
)
values (
    :circle_id::uuid, 'p' || :client_id || '-' || :number, gen_random_uuid(), 'listener', false, null,
    now(), now() + interval '1 hour', null, false
);
insert into outbox (circle_id, source_seq, event_type, trace_id, record, created_at)
select
    :circle_id::uuid, :event_seq::bigint + 1, 'memberJoined', 'pgbench', bench_record(), now()
from app_number_events(:circle_id::uuid, :event_seq::bigint + 1, now(), 'asBefore', now());
commit;
\endpipeline
