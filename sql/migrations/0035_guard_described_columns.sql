-- The guard of a circle's description was asked at each event's number too, which app_number_events
-- alone writes. Now the API has no right to write the numbering's columns by itself (event_seq,
-- last_event_at, host_absent_since), and the guard stands before those that it has.

revoke update on circles from circles_api;
grant update (
    title, category, privacy, host_uid, host_email, co_host_uids, cover_url, start_at, duration_min,
    max_speakers, max_listeners, mic_policy, status, started_at, ended_at, version
) on circles to circles_api;

drop trigger circles_description_guard on circles;

create trigger circles_description_guard
before update of
    title, category, privacy, host_uid, host_email, co_host_uids, cover_url, start_at, duration_min,
    max_speakers, max_listeners, mic_policy, status, started_at, ended_at, version
on circles
for each row when (current_user = 'circles_api')
execute function guard_circle_description();
