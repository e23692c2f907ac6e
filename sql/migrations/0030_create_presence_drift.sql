-- What the reconciler found: sessions whose media the tables and their node disagree about.

create table presence_drift (
    circle_id uuid not null,
    session_id uuid not null,
    uid text not null,
    node_id text not null,
    -- Who says that the session has media: the node's last snapshot, or the table of members.
    connected_says text not null constraint presence_drift_says_check
        check (connected_says in ('node', 'table')),
    first_seen_at timestamptz not null,
    seen_at timestamptz not null,
    constraint presence_drift_pk primary key (circle_id, session_id)
);

comment on table presence_drift is
    'Sessions that members and the node''s last snapshot disagree about; a row goes when they agree.';

grant select, insert, update, delete on presence_drift to circles_jobs;
